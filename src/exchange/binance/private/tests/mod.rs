//! What the private half promises.

mod calls;
mod replies;
mod user;

use crate::{
    exchange::{
        Failure, Response,
        binance::Binance,
        private::{Reply, Trading, Which, Wish},
    },
    market::{ClientId, OrderKind, OrderRequest, OrderSide, Symbol, SymbolId},
};

const BTC: SymbolId = SymbolId(0);

fn binance() -> Binance {
    let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|name| name.parse::<Symbol>().unwrap());
    Binance::new(&symbols)
}

fn id() -> ClientId {
    ClientId::new("ob1btc").unwrap()
}

fn which(conditional: bool) -> Which {
    Which { id: id(), symbol: BTC, conditional }
}

fn order(kind: OrderKind, side: OrderSide, reduce_only: bool) -> OrderRequest {
    OrderRequest { id: id(), symbol: BTC, side, kind, qty: "0.0120".parse().unwrap(), reduce_only }
}

fn reply(wish: &Wish, status: u16, body: &str) -> Result<Reply, Failure> {
    respond(wish, status, body.as_bytes())
}

fn respond(wish: &Wish, status: u16, body: &[u8]) -> Result<Reply, Failure> {
    binance().reply(wish, &Response { status, headers: &[], body })
}
