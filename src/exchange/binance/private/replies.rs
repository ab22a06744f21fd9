//! Answers to wishes. A list in which one row cannot be read is no answer: an order or a position that is missing looks like none.

use super::rows::{self, OrderFields, TradeFields};
use crate::{
    exchange::{
        Garbled,
        binance::{
            Binance,
            fields::{self, Scalar, garbled},
            responses::each,
        },
        private::{AccountTrade, From, MOST_TRADES, Modes, OrderView, Reply, SymbolModes, Wish},
    },
    market::{PositionView, SymbolId},
};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::marker::PhantomData;

/// Letters of a stream's key, at most.
const LONGEST_KEY: usize = 256;

impl Binance {
    pub(super) fn read_reply(&self, wish: &Wish, body: &[u8]) -> Result<Reply, Garbled> {
        match wish {
            Wish::Place(request) => self.order(body, request.symbol, request.kind.is_conditional()),
            Wish::Cancel(which) if which.conditional => acknowledged(body),
            Wish::Cancel(which) | Wish::Look(which) => self.order(body, which.symbol, which.conditional),
            Wish::Orders(symbol) => self.orders(body, *symbol, false),
            Wish::Conditionals(symbol) => self.orders(body, *symbol, true),
            Wish::Positions => self.positions(body),
            Wish::Balance => balance(body).map(Reply::Balance),
            Wish::Trades { symbol, from } => self.trades(body, *symbol, *from).map(Reply::Trades),
            Wish::Modes => modes(body).map(Reply::Modes),
            Wish::SymbolModes(symbol) => self.symbol_modes(body, *symbol).map(Reply::SymbolModes),
            Wish::SetLeverage(_, leverage) => leverage_is(body, *leverage),
            Wish::SetOneWay | Wish::SetIsolated(_) => acknowledged(body),
            Wish::OpenStream => stream_key(body).map(Reply::Stream),
            Wish::ExtendStream => Ok(Reply::Done),
        }
    }

    fn order(&self, body: &[u8], symbol: SymbolId, conditional: bool) -> Result<Reply, Garbled> {
        let row: OrderRow<'_> = fields::read("order", body, PhantomData)?;
        let order = row.fields(conditional).read(self)?.filter(|order| order.symbol == symbol);
        order.map(Reply::Order).ok_or_else(|| garbled("order", "of another market"))
    }

    fn orders(&self, body: &[u8], symbol: SymbolId, conditional: bool) -> Result<Reply, Garbled> {
        let mut found: Vec<OrderView> = Vec::new();
        each("orders", body, |row: OrderRow<'_>| {
            found.extend(row.fields(conditional).read(self)?.filter(|order| order.symbol == symbol));
            Ok(())
        })?;
        Ok(Reply::Orders(found))
    }

    fn positions(&self, body: &[u8]) -> Result<Reply, Garbled> {
        let mut found: Vec<PositionView> = Vec::new();
        let mut others = 0;
        each("positions", body, |row: PositionRow<'_>| {
            let name = row.symbol.text().ok_or_else(|| row.symbol.garbled("symbol of a position"))?;
            match self.find(name) {
                None => others += usize::from(row.position_amt.decimal().is_none_or(|held| !held.is_zero())),
                Some(symbol) => {
                    rows::one_way(&row.position_side)?;
                    found.extend(rows::position(symbol, &row.position_amt, &row.entry_price)?);
                }
            }
            Ok(())
        })?;
        found.sort_by_key(|position| position.symbol);
        if found.windows(2).any(|pair| pair[0].symbol == pair[1].symbol) {
            return Err(garbled("positions", "two of one symbol"));
        }
        Ok(Reply::Positions(found, others))
    }

    fn trades(&self, body: &[u8], symbol: SymbolId, from: From) -> Result<Vec<AccountTrade>, Garbled> {
        let mut found: Vec<AccountTrade> = Vec::new();
        each("trades", body, |row: TradeRow<'_>| {
            if row.symbol.text() != Some(self.name(symbol)) {
                return Err(row.symbol.garbled("symbol of a trade"));
            }
            let trade = row.fields().read(symbol)?;
            let in_order = found.last().is_none_or(|before| before.trade_id < trade.trade_id);
            let asked_for = match from {
                From::Trade(number) => trade.trade_id >= number,
                From::Time(at) => trade.at >= at,
            };
            if !in_order || !asked_for || found.len() == MOST_TRADES {
                return Err(row.id.garbled("trade that was not asked for"));
            }
            found.push(trade);
            Ok(())
        })?;
        Ok(found)
    }

    fn symbol_modes(&self, body: &[u8], symbol: SymbolId) -> Result<SymbolModes, Garbled> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Row<'a> {
            #[serde(borrow)]
            symbol: Scalar<'a>,
            margin_type: Scalar<'a>,
            leverage: Scalar<'a>,
            max_notional_value: Scalar<'a>,
        }

        let mut found = None;
        each("settings of symbols", body, |row: Row<'_>| {
            if row.symbol.text() == Some(self.name(symbol)) {
                let isolated = match row.margin_type.text() {
                    Some("ISOLATED") => true,
                    Some("CROSSED" | "CROSS") => false,
                    _ => return Err(row.margin_type.garbled("margin type")),
                };
                found = Some(SymbolModes {
                    isolated,
                    leverage: whole(&row.leverage, "leverage")?,
                    max_notional: row.max_notional_value.decimal(),
                });
            }
            Ok(())
        })?;
        found.ok_or_else(|| garbled("settings of symbols", "the symbol is missing"))
    }
}

fn whole(of: &Scalar<'_>, what: &'static str) -> Result<u32, Garbled> {
    of.whole().and_then(|whole| u32::try_from(whole).ok()).filter(|whole| *whole > 0).ok_or_else(|| of.garbled(what))
}

/// What a success without an order says: `code` 200, or for an algo order its cancellation.
fn acknowledged(body: &[u8]) -> Result<Reply, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Word<'a> {
        #[serde(borrow)]
        code: Scalar<'a>,
    }

    let word: Word<'_> = fields::read("acknowledgement", body, PhantomData)?;
    if word.code.whole() == Some(200) { Ok(Reply::Done) } else { Err(word.code.garbled("code of an acknowledgement")) }
}

fn leverage_is(body: &[u8], wanted: u32) -> Result<Reply, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Row<'a> {
        #[serde(borrow)]
        leverage: Scalar<'a>,
    }

    let row: Row<'_> = fields::read("leverage", body, PhantomData)?;
    if whole(&row.leverage, "leverage")? == wanted { Ok(Reply::Done) } else { Err(row.leverage.garbled("leverage")) }
}

fn balance(body: &[u8]) -> Result<Decimal, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Row<'a> {
        #[serde(borrow)]
        asset: Scalar<'a>,
        balance: Scalar<'a>,
    }

    let mut found = Decimal::ZERO;
    each("balances", body, |row: Row<'_>| {
        if matches!(row.asset.text(), Some("USDT" | "BNFCR")) {
            found += row.balance.decimal().ok_or_else(|| row.balance.garbled("balance"))?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn modes(body: &[u8]) -> Result<Modes, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(borrow)]
        dual_side_position: Scalar<'a>,
        multi_assets_margin: Scalar<'a>,
        can_trade: Scalar<'a>,
    }

    let row: Row<'_> = fields::read("account's settings", body, PhantomData)?;
    let flag = |of: &Scalar<'_>, what| of.flag().ok_or_else(|| of.garbled(what));
    Ok(Modes {
        hedge: flag(&row.dual_side_position, "position mode")?,
        multi_assets: flag(&row.multi_assets_margin, "multi-assets mode")?,
        can_trade: flag(&row.can_trade, "right to trade")?,
    })
}

/// It goes into an address, so only what needs no encoding is taken.
fn stream_key(body: &[u8]) -> Result<String, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(borrow)]
        listen_key: Scalar<'a>,
    }

    let row: Row<'_> = fields::read("stream's key", body, PhantomData)?;
    let fits = |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric());
    row.listen_key.text().filter(fits).map(str::to_owned).ok_or_else(|| garbled("stream's key", "is none"))
}

/// An order of either service: they name some fields in their own ways.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OrderRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    client_order_id: Scalar<'a>,
    client_algo_id: Scalar<'a>,
    order_id: Scalar<'a>,
    algo_id: Scalar<'a>,
    actual_order_id: Scalar<'a>,
    side: Scalar<'a>,
    r#type: Scalar<'a>,
    order_type: Scalar<'a>,
    time_in_force: Scalar<'a>,
    price: Scalar<'a>,
    trigger_price: Scalar<'a>,
    orig_qty: Scalar<'a>,
    quantity: Scalar<'a>,
    executed_qty: Scalar<'a>,
    actual_qty: Scalar<'a>,
    reduce_only: Scalar<'a>,
    status: Scalar<'a>,
    algo_status: Scalar<'a>,
}

impl<'a> OrderRow<'a> {
    fn fields(self, conditional: bool) -> OrderFields<'a> {
        let post_only = self.time_in_force.text() == Some("GTX");
        let common = OrderFields {
            symbol: self.symbol,
            side: self.side,
            post_only,
            price: self.price,
            trigger: self.trigger_price,
            reduce_only: self.reduce_only,
            conditional,
            ..OrderFields::default()
        };
        if conditional {
            return OrderFields {
                name: self.client_algo_id,
                number: self.algo_id,
                spawned: self.actual_order_id,
                kind: self.order_type,
                qty: self.quantity,
                filled: self.actual_qty,
                status: self.algo_status,
                ..common
            };
        }
        OrderFields {
            name: self.client_order_id,
            number: self.order_id,
            kind: self.r#type,
            qty: self.orig_qty,
            filled: self.executed_qty,
            status: self.status,
            ..common
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PositionRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    position_side: Scalar<'a>,
    position_amt: Scalar<'a>,
    entry_price: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TradeRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    id: Scalar<'a>,
    order_id: Scalar<'a>,
    side: Scalar<'a>,
    price: Scalar<'a>,
    qty: Scalar<'a>,
    commission: Scalar<'a>,
    commission_asset: Scalar<'a>,
    time: Scalar<'a>,
}

impl<'a> TradeRow<'a> {
    fn fields(&self) -> TradeFields<'a> {
        TradeFields {
            order: self.order_id.clone(),
            trade: self.id.clone(),
            side: self.side.clone(),
            qty: self.qty.clone(),
            price: self.price.clone(),
            fee: self.commission.clone(),
            coin: self.commission_asset.clone(),
            at: self.time.clone(),
        }
    }
}
