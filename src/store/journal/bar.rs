//! Price bars as differences: the only events that come ten times a second, for months.
//!
//! Prices are decimals with few digits, so each is kept as a whole number of its last digit, the price against the symbol's last one and the
//! other four against it. That makes about 10 bytes of 48. A bar that is not exactly given back by these numbers is written as it is.

use crate::market::{self, PriceBar, SymbolId, Timestamp};
use serde::{Deserialize, Serialize};

/// Digits after the point that are tried.
const POWERS: &[f64] = market::POWERS.split_at(11).0;
/// Whole numbers below are exact as `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A bar as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packed {
    symbol: SymbolId,
    /// Digits after the point.
    scale: u8,
    /// Less the symbol's last price, where that had the same scale.
    last: i64,
    low: i64,
    high: i64,
    bid: i64,
    ask: i64,
    /// From the bar's time to the entry's.
    age_ms: i64,
}

/// The last prices of a block, by symbol, in whole numbers of a scale.
#[derive(Debug, Default)]
pub(super) struct Packer {
    last: Vec<Option<(u8, i64)>>,
}

impl Packer {
    /// A block begins: nothing is known.
    pub fn clear(&mut self) {
        self.last.fill(None);
    }

    /// The bar of an entry at `now`; `None` where it can't be given back to the last bit.
    pub fn pack(&mut self, now: Timestamp, bar: &PriceBar) -> Option<Packed> {
        let before = self.before(bar.symbol);
        let prices = [bar.last, bar.low, bar.high, bar.bid, bar.ask];
        // once a price has had more digits, so will others
        let least = before.map_or(0, |(scale, _)| usize::from(scale));
        let (scale, [last, low, high, bid, ask]) =
            (least..POWERS.len()).find_map(|scale| Some((scale as u8, whole(prices, scale)?)))?;
        self.last[bar.symbol.index()] = Some((scale, last));
        let since = before.filter(|(of, _)| *of == scale).map_or(0, |(_, last)| last);
        Some(Packed {
            symbol: bar.symbol,
            scale,
            last: last - since,
            low: low - last,
            high: high - last,
            bid: bid - last,
            ask: ask - last,
            age_ms: now.since_ms(bar.at),
        })
    }

    /// The bar again; `None` where the numbers are none that [`Self::pack`] makes.
    pub fn unpack(&mut self, now: Timestamp, packed: &Packed) -> Option<PriceBar> {
        let power = *POWERS.get(usize::from(packed.scale))?;
        let before = self.before(packed.symbol).filter(|(scale, _)| *scale == packed.scale);
        let last = before.map_or(0, |(_, last)| last).checked_add(packed.last)?;
        self.last[packed.symbol.index()] = Some((packed.scale, last));
        let price = |offset: i64| Some(last.checked_add(offset)? as f64 / power);
        Some(PriceBar {
            symbol: packed.symbol,
            last: price(0)?,
            low: price(packed.low)?,
            high: price(packed.high)?,
            bid: price(packed.bid)?,
            ask: price(packed.ask)?,
            at: Timestamp(now.0.checked_sub(packed.age_ms)?),
        })
    }

    fn before(&mut self, symbol: SymbolId) -> Option<(u8, i64)> {
        let index = symbol.index();
        if self.last.len() <= index {
            self.last.resize(index + 1, None);
        }
        self.last[index]
    }
}

/// The prices in whole numbers of the `scale`th digit, where these are the prices to the last bit.
fn whole(prices: [f64; 5], scale: usize) -> Option<[i64; 5]> {
    let power = POWERS[scale];
    let numbers = prices.map(|price| (price * power).round());
    let exact = numbers
        .iter()
        .zip(prices)
        .all(|(number, price)| number.abs() < EXACT && (*number as i64 as f64 / power).to_bits() == price.to_bits());
    exact.then(|| numbers.map(|number| number as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bar(symbol: u16, prices: [f64; 5], at: i64) -> PriceBar {
        let [last, low, high, bid, ask] = prices;
        PriceBar { symbol: SymbolId(symbol), last, low, high, bid, ask, at: Timestamp(at) }
    }

    #[test]
    fn a_usual_bar_is_small() {
        let mut packer = Packer::default();
        let first = bar(1, [113_500.1, 113_499.9, 113_500.2, 113_500.0, 113_500.1], 1_700_000_000_000);
        let then = bar(1, [113_501.35, 113_500.1, 113_501.4, 113_501.3, 113_501.4], 1_700_000_000_100);
        packer.pack(Timestamp(1_700_000_000_040), &first).unwrap();
        packer.pack(Timestamp(1_700_000_000_140), &then).unwrap();
        let packed = packer.pack(Timestamp(1_700_000_000_240), &bar(1, [113_501.4; 5], 1_700_000_000_200)).unwrap();
        let mut bytes = Vec::new();
        crate::store::journal::encoding::encode(&packed, &mut bytes);
        assert!(bytes.len() <= 9, "{packed:?}");
        for strange in [f64::NAN, f64::INFINITY, -0.0, 1.0 / 3.0, 1e300] {
            assert_eq!(packer.pack(Timestamp(0), &bar(1, [1.0, 1.0, 1.0, strange, 1.0], 0)), None, "{strange}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_to_the_last_bit(
            bars in prop::collection::vec(
                (0u16..3, prop::array::uniform5((1i64..10_000_000_000, 0usize..9)), any::<i32>(), any::<i32>()), 1..40),
        ) {
            let (mut packer, mut reader) = (Packer::default(), Packer::default());
            for (symbol, prices, at, age) in bars {
                let bar = bar(symbol, prices.map(|(whole, scale)| whole as f64 / POWERS[scale]), i64::from(at));
                let now = Timestamp(i64::from(at) + i64::from(age));
                if let Some(packed) = packer.pack(now, &bar) {
                    prop_assert_eq!(reader.unpack(now, &packed), Some(bar));
                }
            }
        }

        #[test]
        fn no_numbers_panic(numbers in prop::array::uniform6(any::<i64>()), scale in any::<u8>(), now in any::<i64>()) {
            let [last, low, high, bid, ask, age_ms] = numbers;
            let packed = Packed { symbol: SymbolId(3), scale, last, low, high, bid, ask, age_ms };
            let mut packer = Packer::default();
            let _ = (packer.unpack(Timestamp(now), &packed), packer.unpack(Timestamp(now), &packed));
        }
    }
}
