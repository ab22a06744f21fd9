//! What the codec promises.

mod frames;

use super::Binance;
use crate::market::{Symbol, SymbolId};

const BTC: SymbolId = SymbolId(0);
const ETH: SymbolId = SymbolId(1);
const BNB: SymbolId = SymbolId(2);

fn binance() -> Binance {
    let symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT"].map(|name| name.parse::<Symbol>().unwrap());
    Binance::new(&symbols)
}
