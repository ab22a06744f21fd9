//! Ticks and steps: whole numbers inside, decimal text outside.

use rust_decimal::{Decimal, prelude::ToPrimitive};

/// Digits of the finest unit.
const MOST_DIGITS: u32 = 9;

/// The multiples of a tick or a step.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// The unit is `parts` ÷ `per_one`, both whole.
    parts: f64,
    per_one: f64,
    digits: usize,
}

impl Grid {
    /// The grid of an instrument's tick or step; whole numbers where that is not above 0.
    pub fn of(unit: Decimal) -> Self {
        // Prices in finer units than this would not fit.
        let unit = if unit > Decimal::ZERO { unit.max(Decimal::new(1, MOST_DIGITS)).normalize() } else { Decimal::ONE };
        let parts = unit.mantissa().to_f64().unwrap_or(1.0);
        let per_one = (0..unit.scale()).fold(1.0, |power, _| power * 10.0);
        Self { parts, per_one, digits: unit.scale() as usize }
    }

    /// Digits after the point.
    pub const fn digits(self) -> usize {
        self.digits
    }

    /// The value of `units`: the `f64` that its text is read as.
    pub fn value(self, units: i64) -> f64 {
        units as f64 * self.parts / self.per_one
    }

    /// The nearest number of units.
    pub fn nearest(self, value: f64) -> i64 {
        (value * self.per_one / self.parts + 0.5).floor() as i64
    }

    /// The most units that are not above `value`.
    pub fn below(self, value: f64) -> i64 {
        let nearest = self.nearest(value);
        if self.value(nearest) > value { nearest.saturating_sub(1) } else { nearest }
    }

    /// `units` as a decimal.
    pub fn text(self, units: i64) -> String {
        decimal_text(self.value(units), self.digits)
    }

    /// A value, which need not be on the grid, with at least the grid's digits.
    pub fn text_of(self, value: f64) -> String {
        decimal_text(value, self.digits)
    }

    /// A sum of values on the grid, without the dust that adding leaves.
    pub fn sum_text(self, value: f64) -> String {
        let units = self.nearest(value);
        // Where the sum is not on the grid, what was added was not either, and all of it is said.
        let off = (self.value(units) - value).abs();
        if off <= 1e-9 * value.abs() { self.text(units) } else { self.text_of(value) }
    }
}

/// The shortest decimal that is read as `value`, with at least `digits` after the point.
pub fn decimal_text(value: f64, digits: usize) -> String {
    let mut text = value.to_string();
    let has = text.find('.').map_or(0, |point| text.len() - point - 1);
    if has == 0 && digits > 0 {
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', digits.saturating_sub(has)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_the_grid_have_the_digits_of_the_unit() {
        for (unit, value, units, text) in [
            ("0.1", 113_500.1, 1_135_001, "113500.1"),
            ("0.10", 113_500.0, 1_135_000, "113500.0"),
            ("0.5", 2.5, 5, "2.5"),
            ("1", 7.0, 7, "7"),
            ("0.00001", 0.22, 22_000, "0.22000"),
            ("5", 25.0, 5, "25"),
        ] {
            let grid = Grid::of(unit.parse().unwrap());
            assert_eq!((grid.nearest(value), grid.below(value), grid.value(units)), (units, units, value), "{unit}");
            assert_eq!(grid.text(units), text);
        }
    }

    #[test]
    fn what_is_off_the_grid_is_said_whole() {
        let grid = Grid::of("0.1".parse().unwrap());
        assert_eq!(grid.below(100.19), 1_001);
        assert_eq!(grid.text_of(100.19), "100.19");
        assert_eq!(grid.sum_text(0.1 + 0.2), "0.3");
        assert_eq!(grid.sum_text(0.25), "0.25");
        assert_eq!(decimal_text(1e-10, 2), "0.0000000001");
    }
}
