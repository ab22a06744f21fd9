//! What an exchange allows for a symbol, and the rounding that follows from it.

use super::{LARGEST_AMOUNT, LARGEST_QTY, OrderSide, Side, Symbol, divided_by, rounded_by};
use rust_decimal::{Decimal, RoundingStrategy, prelude::FromPrimitive};
use serde::{Deserialize, Serialize};

/// Prices and quantities have no more digits than these, behind the point and altogether.
const SHORT_SCALE: u32 = 8;
const SHORT_DIGITS: f64 = 1e15;
/// The powers of ten that an `f64` holds exactly.
pub const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Tick, step and minimums of a symbol.
///
/// Every order price and quantity passes through one of the functions below, and each rounds against the trader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Whose rules these are.
    pub symbol: Symbol,
    /// Smallest difference between two prices, in USDT.
    pub tick: Decimal,
    /// Smallest difference between two quantities, in base units.
    pub step: Decimal,
    /// Smallest quantity of an order, in base units.
    pub min_qty: Decimal,
    /// Smallest value (price × quantity) of an order that may open a position, in USDT.
    pub min_notional: Decimal,
}

/// The largest multiple of `unit` not above `value`.
fn down(value: Decimal, unit: Decimal) -> Decimal {
    to_multiple(value, unit, RoundingStrategy::ToNegativeInfinity)
}

/// The smallest multiple of `unit` not below `value`.
fn up(value: Decimal, unit: Decimal) -> Decimal {
    to_multiple(value, unit, RoundingStrategy::ToPositiveInfinity)
}

/// The smallest multiple of `unit` that is not below a quotient.
fn up_from(value: Decimal, by: Decimal, unit: Decimal) -> Decimal {
    if unit.mantissa() == 1 {
        return divided_by(value, by, unit.scale(), RoundingStrategy::ToPositiveInfinity);
    }
    up(value / by, unit)
}

/// A multiple of `unit`, with its digits behind the point.
fn to_multiple(value: Decimal, unit: Decimal, strategy: RoundingStrategy) -> Decimal {
    if unit.mantissa() == 1 && !value.is_zero() {
        // most units are a power of ten, and need no division
        let mut rounded = rounded_by(value, unit.scale(), strategy);
        rounded.rescale(unit.scale());
        return rounded;
    }
    (value / unit).round_dp_with_strategy(0, strategy) * unit
}

fn is_multiple(value: Decimal, unit: Decimal) -> bool {
    let has_as_few_digits = || unit.mantissa() == 1 && value.scale() <= unit.scale();
    has_as_few_digits() || (value % unit).is_zero()
}

impl Instrument {
    /// Rules under which nothing can be opened, until the real ones are known.
    #[must_use]
    pub fn untradable(symbol: Symbol) -> Self {
        let finest = Decimal::new(1, 8);
        Self { symbol, tick: finest, step: finest, min_qty: LARGEST_QTY, min_notional: LARGEST_AMOUNT }
    }

    /// A quantity on the step, never more than asked for.
    #[must_use]
    pub fn round_qty(&self, qty: Decimal) -> Decimal {
        down(qty, self.step).normalize()
    }

    /// The trigger of a stop on the tick, never closer to the entry than asked for: down for a long, up for a short.
    ///
    /// A stop that moves away costs more when it is hit, so sizing uses the rounded distance.
    #[must_use]
    pub fn round_stop(&self, side: Side, trigger: Decimal) -> Decimal {
        match side {
            Side::Long => down(trigger, self.tick).max(self.tick),
            Side::Short => up(trigger, self.tick),
        }
    }

    /// The distance on the tick at which a stop stands that is asked for at `distance` from a price on the tick: never less.
    #[must_use]
    pub fn round_distance(&self, distance: Decimal) -> Decimal {
        up(distance, self.tick)
    }

    /// The trigger of a target on the tick, never easier to reach than asked for: up for a long, down for a short.
    #[must_use]
    pub fn round_target(&self, side: Side, trigger: Decimal) -> Decimal {
        match side {
            Side::Long => up(trigger, self.tick),
            Side::Short => down(trigger, self.tick).max(self.tick),
        }
    }

    /// The price of a fill on the tick: a buyer pays at least `price`, a seller gets at most `price`.
    #[must_use]
    pub fn round_fill(&self, side: OrderSide, price: Decimal) -> Decimal {
        match side {
            OrderSide::Buy => up(price, self.tick),
            OrderSide::Sell => down(price, self.tick).max(self.tick),
        }
    }

    /// Whether a price is on the tick.
    #[must_use]
    pub fn is_on_tick(&self, price: Decimal) -> bool {
        is_multiple(price, self.tick)
    }

    /// Whether a quantity is on the step.
    #[must_use]
    pub fn is_on_step(&self, qty: Decimal) -> bool {
        is_multiple(qty, self.step)
    }

    /// The smallest quantity that may open a position at `price`.
    #[must_use]
    pub fn smallest_entry(&self, price: Decimal) -> Decimal {
        up_from(self.min_notional, price, self.step).max(self.min_qty).normalize()
    }
}

/// A price or an amount as a decimal with the digits that its `f64` was written with.
///
/// `None` for NaN, infinities and what a decimal cannot hold.
#[must_use]
pub fn decimal(value: f64) -> Option<Decimal> {
    short(value).or_else(|| long(value)).or_else(|| Decimal::from_f64(value))
}

/// The decimal that a number stands for, where that has few digits, as prices do: much quicker than the general way, and exact, where that one
/// may add a sixteenth digit (4460647990754.48 becomes .481).
///
/// A decimal of at most 15 digits is the only such one whose nearest `f64` is this one, and the division rounds to the nearest.
fn short(value: f64) -> Option<Decimal> {
    // what has more digits than that, as most computed numbers, is known by one division
    let finest = value * POWERS[SHORT_SCALE as usize] + 0.5;
    if finest < SHORT_DIGITS && finest as i64 as f64 / POWERS[SHORT_SCALE as usize] != value {
        return None;
    }
    for (scale, power) in (0..=SHORT_SCALE).zip(&POWERS) {
        let digits = value * power + 0.5;
        if !(0.5..SHORT_DIGITS).contains(&digits) {
            return None;
        }
        let digits = digits as i64;
        if digits as f64 / power == value {
            return Some(Decimal::new(digits, scale));
        }
    }
    None
}

/// With 15 digits altogether, which every number of so few was written with: distances and ratios, as computed.
fn long(value: f64) -> Option<Decimal> {
    let size = value.abs();
    let scale = POWERS.iter().position(|power| size * power >= SHORT_DIGITS / 10.0)?;
    let digits = Some(size * POWERS[scale] + 0.5).filter(|digits| *digits < SHORT_DIGITS)? as i64;
    // without zeros at its end, which are few
    let (mut digits, mut scale) = (if value < 0.0 { -digits } else { digits }, scale as u32);
    while scale > 0 && digits % 10 == 0 {
        (digits, scale) = (digits / 10, scale - 1);
    }
    Some(Decimal::new(digits, scale))
}

/// The nearest `f64`: an exact integer divided by an exact power of ten, for prices of up to 15 digits.
#[must_use]
pub fn float(value: Decimal) -> f64 {
    quotient(value).unwrap_or_else(|| {
        let value = value.normalize();
        let power = (0..value.scale()).fold(1.0, |power, _| power * 10.0);
        value.mantissa() as f64 / power
    })
}

/// The same where both numbers are exact as they stand, as nearly always.
fn quotient(value: Decimal) -> Option<f64> {
    let (mantissa, power) = (i64::try_from(value.mantissa()).ok()?, *POWERS.get(value.scale() as usize)?);
    (mantissa.unsigned_abs() < 1 << f64::MANTISSA_DIGITS).then(|| mantissa as f64 / power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instrument(tick: &str, step: &str) -> Instrument {
        Instrument {
            symbol: "BTCUSDT".parse().unwrap(),
            tick: tick.parse().unwrap(),
            step: step.parse().unwrap(),
            min_qty: step.parse().unwrap(),
            min_notional: Decimal::from(100),
        }
    }

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn stop_rounds_against_the_trader() {
        for (side, raw, tick, want) in [
            (Side::Long, "99.996", "0.01", "99.99"),
            (Side::Short, "100.004", "0.01", "100.01"),
            (Side::Long, "5", "10", "10"),
        ] {
            assert_eq!(instrument(tick, "1").round_stop(side, dec(raw)), dec(want));
        }
    }

    #[test]
    fn fill_rounds_against_the_trader() {
        for (side, raw, want) in [(OrderSide::Buy, "99.991", "100.0"), (OrderSide::Sell, "99.999", "99.9")] {
            assert_eq!(instrument("0.1", "1").round_fill(side, dec(raw)), dec(want));
        }
    }

    #[test]
    fn smallest_entry_is_on_the_step_and_worth_the_minimum() {
        assert_eq!(instrument("0.1", "0.001").smallest_entry(dec("113500")), dec("0.001"));
        assert_eq!(instrument("0.1", "0.001").smallest_entry(dec("60000")), dec("0.002"));
    }

    #[test]
    fn decimals_keep_the_digits_of_the_feed() {
        for text in ["113500.12", "0.00001234", "1.0733", "38644"] {
            assert_eq!(decimal(text.parse().unwrap()), Some(dec(text)), "{text}");
        }
        assert_eq!(decimal(f64::NAN), None);
        assert_eq!(decimal(4460647990754.48), Some(dec("4460647990754.48")));
    }

    proptest! {
        #[test]
        fn the_quick_way_gives_the_digits_that_were_written(
            digits in 0i64..1_000_000_000_000_000, scale in 0i32..16, shift in 0i32..12, any in any::<f64>()
        ) {
            let power = |scale: i32| (0..scale).fold(1.0, |power, _| power * 10.0);
            let few = (digits as f64 / power(shift)).floor() / power(scale);
            for value in [few, -few, few / 3.0, digits as f64 / power(scale), any] {
                let written = value.to_string(); // the shortest text that is read as this number
                let is_short = written.bytes().filter(u8::is_ascii_digit).count() <= 15;
                let (got, exactly) = (decimal(value), Decimal::from_f64(value));
                match (got, written.parse::<Decimal>()) {
                    (Some(got), Ok(want)) if is_short => prop_assert_eq!((got.mantissa(), got.scale()), (want.mantissa(), want.scale()), "{}", value),
                    _ => prop_assert_eq!(got.is_some(), exactly.is_some(), "{}", value),
                }
                if let Some((got, exactly)) = got.zip(exactly) {
                    prop_assert!((got - exactly).abs() <= exactly.abs() * Decimal::new(1, 14), "{} {}", got, value);
                }
            }
        }

        #[test]
        fn few_digits_go_the_quick_way(digits in 1i64..1_000_000_000_000, scale in 0u32..=SHORT_SCALE) {
            let price = Decimal::new(digits, scale);
            prop_assert_eq!(short(float(price)), Some(price));
        }

        #[test]
        fn rounding_stays_on_the_grid_within_one_unit(cents in 1i64..10_000_000_000, digits in 0u32..6) {
            let raw = Decimal::new(cents, 5);
            let rules = Instrument { tick: Decimal::new(1, digits), step: Decimal::new(1, digits), ..instrument("1", "1") };
            let qty = rules.round_qty(raw);
            prop_assert!(qty <= raw && raw - qty < rules.step && (qty % rules.step).is_zero());
            let (long, short) = (rules.round_stop(Side::Long, raw), rules.round_stop(Side::Short, raw));
            prop_assert!((long <= raw || long == rules.tick) && short >= raw);
            prop_assert!((raw - long).abs() <= rules.tick && short - raw < rules.tick);
            let (fill, away) = (rules.round_fill(OrderSide::Buy, raw + raw), rules.round_distance(raw));
            prop_assert_eq!(rules.round_stop(Side::Short, fill + raw), fill + away);
            prop_assert!(rules.round_stop(Side::Long, fill - raw) >= fill - away);
            prop_assert!(rules.round_fill(OrderSide::Buy, raw) >= raw);
        }

        #[test]
        fn a_price_is_the_float_that_a_feed_would_parse(mantissa in 1i64..1_000_000_000_000_000, scale in 0u32..10) {
            let value = Decimal::new(mantissa, scale);
            prop_assert_eq!(float(value), value.to_string().parse::<f64>().unwrap());
        }
    }
}
