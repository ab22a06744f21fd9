//! Rules of well-known perpetuals, for runs without an exchange.

use super::{Instrument, Symbol};
use rust_decimal::Decimal;

/// When the table below was written down. A connected exchange's own rules replace it.
pub const TABLE_DATE: &str = "2025-10";

/// Base coin, tick, step (also the smallest quantity) and smallest notional in USDT, as Binance USD-M had them.
const TABLE: [(&str, &str, &str, u32); 18] = [
    ("BTC", "0.1", "0.001", 100),
    ("ETH", "0.01", "0.001", 20),
    ("SOL", "0.01", "0.01", 5),
    ("XRP", "0.0001", "0.1", 5),
    ("BNB", "0.01", "0.01", 5),
    ("DOGE", "0.00001", "1", 5),
    ("ADA", "0.0001", "1", 5),
    ("TRX", "0.00001", "1", 5),
    ("LINK", "0.001", "0.01", 20),
    ("AVAX", "0.001", "1", 5),
    ("LTC", "0.01", "0.001", 20),
    ("BCH", "0.01", "0.001", 20),
    ("DOT", "0.001", "0.1", 5),
    ("UNI", "0.001", "1", 5),
    ("ATOM", "0.001", "0.01", 5),
    ("NEAR", "0.001", "1", 5),
    ("SUI", "0.0001", "0.1", 5),
    ("APT", "0.001", "0.1", 5),
];

/// The rules of a symbol in the table; `None` when it is not there.
#[must_use]
pub fn known_instrument(symbol: &Symbol) -> Option<Instrument> {
    let (_, tick, step, notional) = TABLE.iter().find(|(base, ..)| *base == symbol.base())?;
    let parse = |text: &str| text.parse::<Decimal>().ok();
    Some(Instrument {
        symbol: symbol.clone(),
        tick: parse(tick)?,
        step: parse(step)?,
        min_qty: parse(step)?,
        min_notional: Decimal::from(*notional),
    })
}

/// The base coins in the table, for messages.
pub fn known_symbols() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(base, ..)| *base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_rule() {
        for base in known_symbols() {
            let symbol: Symbol = format!("{base}USDT").parse().unwrap();
            let rules = known_instrument(&symbol).unwrap();
            assert!(rules.tick > Decimal::ZERO && rules.step > Decimal::ZERO, "{base}");
        }
        assert_eq!(known_instrument(&"ZZZUSDT".parse().unwrap()), None);
    }
}
