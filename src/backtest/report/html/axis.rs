//! Where the lines of a chart's grid stand: round numbers, and round times in UTC.

use crate::{
    backtest::report::{
        calendar::{civil, month_begins, month_name},
        numbers::float,
    },
    market::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp},
};

/// Steps between times, up to weeks.
const TIME_STEPS: [i64; 13] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    14 * DAY_MS,
];
/// Steps in months.
const MONTH_STEPS: [i32; 9] = [1, 2, 3, 6, 12, 24, 60, 120, 600];
/// Lines across a chart, at most.
const MOST_TIMES: i64 = 8;
/// Lines along a chart, at most.
const MOST_VALUES: f64 = 5.0;
/// Powers of ten along a chart, at most.
const MOST_POWERS: i32 = 7;

/// A line of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick<T> {
    /// Where.
    pub at: T,
    /// What stands beside it.
    pub label: String,
}

/// Round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten (Heckbert, Nice Numbers for Graph Labels, 1990).
#[must_use]
pub fn values(low: f64, high: f64) -> Vec<Tick<f64>> {
    let least = (high - low) / MOST_VALUES;
    if !least.is_finite() || least <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let each = (0..=(last - first).max(0.0) as u32).map(|number| (first + f64::from(number)) * step);
    each.filter(|at| (low..=high).contains(at)).map(|at| Tick { at, label: value(at, step) }).collect()
}

/// Round numbers for a logarithmic scale, 0 < `low` < `high`: powers of ten, with 2 and 5 times them where there is room.
#[must_use]
pub fn factors(low: f64, high: f64) -> Vec<Tick<f64>> {
    if !(low > 0.0 && high.is_finite()) {
        return Vec::new();
    }
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let between: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let every = (last - first) / MOST_POWERS + 1;
    let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
    let each = powers.flat_map(|power| between.iter().map(move |times| (times * 10f64.powi(power), 10f64.powi(power))));
    each.filter(|(at, _)| (low..=high).contains(at)).map(|(at, step)| Tick { at, label: value(at, step) }).collect()
}

fn value(at: f64, step: f64) -> String {
    let digits = |step: f64| (-(step * 1.000_001).log10().floor()).clamp(0.0, 10.0) as usize;
    for (unit, name) in [(1e9, "G"), (1e6, "M")] {
        if at.abs() >= unit && step >= unit / 1000.0 {
            return format!("{}{name}", float(at / unit, digits(step / unit)));
        }
    }
    float(at, digits(step))
}

/// Round times from one to another.
#[must_use]
pub fn times(from: Timestamp, until: Timestamp) -> Vec<Tick<Timestamp>> {
    let span = until.since_ms(from);
    if span <= 0 {
        return Vec::new();
    }
    match TIME_STEPS.into_iter().find(|step| span / step < MOST_TIMES) {
        Some(step) => steady(from, until, step),
        None => {
            let step = MONTH_STEPS.into_iter().find(|step| span / (i64::from(*step) * 30 * DAY_MS) < MOST_TIMES);
            monthly(from, until, step.unwrap_or(1200))
        }
    }
}

fn steady(from: Timestamp, until: Timestamp, step: i64) -> Vec<Tick<Timestamp>> {
    let first = from.plus_ms(step - 1).floor_to(step);
    let each = (0..=MOST_TIMES).map(|number| first.plus_ms(number * step)).take_while(|at| *at <= until);
    each.map(|at| Tick { at, label: time(at) }).collect()
}

/// `12:30`, and at midnight `4 Mar`.
fn time(at: Timestamp) -> String {
    let minutes = at.0.rem_euclid(DAY_MS) / MINUTE_MS;
    let (_, month, day) = civil(at);
    if minutes == 0 {
        format!("{day} {}", month_name(month))
    } else {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// The beginnings of months whose number is a multiple of the step, `Mar`, and of years, `2025`.
fn monthly(from: Timestamp, until: Timestamp, step: i32) -> Vec<Tick<Timestamp>> {
    let (year, month, _) = civil(from);
    let number = i32::from(year) * 12 + i32::from(month) - 1; // of the month that the chart begins in
    let first = number.div_euclid(step) * step;
    let begins = (0..=MOST_TIMES as i32 + 1).map_while(|place| month_begins(0, first + place * step + 1));
    let within = begins.filter(|at| (from..=until).contains(at));
    within
        .map(|at| {
            let (year, month, _) = civil(at);
            Tick { at, label: if month == 1 { year.to_string() } else { month_name(month).to_owned() } }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::rig::START;
    use proptest::prelude::*;

    fn labels<T>(ticks: Vec<Tick<T>>) -> String {
        ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_are_round() {
        for (low, high, want) in [
            (0.0, 10.0, "0 2 4 6 8 10"),
            (991.3, 1034.2, "1,000 1,010 1,020 1,030"),
            (-2.31, 0.0, "-2.0 -1.5 -1.0 -0.5 0.0"),
            (113_500.0, 125_000.0, "115,000 120,000 125,000"),
            (0.000_012, 0.000_019, "0.000012 0.000014 0.000016 0.000018"),
            (0.0, 4_200_000.0, "0 1M 2M 3M 4M"),
            (5.0, 5.0, ""),
            (f64::NEG_INFINITY, f64::INFINITY, ""),
        ] {
            assert_eq!(labels(values(low, high)), want, "{low} to {high}");
        }
    }

    #[test]
    fn factors_are_round() {
        for (low, high, want) in [
            (1.0, 250.0, "1 2 5 10 20 50 100 200"),
            (0.03, 4.2, "0.05 0.1 0.2 0.5 1 2"),
            (0.000_1, 90_000.0, "0.0001 0.01 1 100 10,000"),
            (0.0, 5.0, ""),
        ] {
            assert_eq!(labels(factors(low, high)), want, "{low} to {high}");
        }
    }

    #[test]
    fn times_are_round() {
        for (minutes, want) in [
            (3, "1 Jan 00:01 00:02 00:03"),
            (300, "1 Jan 01:00 02:00 03:00 04:00 05:00"),
            (3 * 1440, "1 Jan 12:00 2 Jan 12:00 3 Jan 12:00 4 Jan"),
            (7 * 1440, "1 Jan 2 Jan 3 Jan 4 Jan 5 Jan 6 Jan 7 Jan 8 Jan"),
            (31 * 1440, "2 Jan 9 Jan 16 Jan 23 Jan 30 Jan"),
            (365 * 1440, "2025 Mar May Jul Sep Nov 2026"),
            (5 * 365 * 1440, "2025 2026 2027 2028 2029"),
            (0, ""),
        ] {
            assert_eq!(labels(times(START, START.plus_ms(minutes * MINUTE_MS))), want, "{minutes} min");
        }
    }

    proptest! {
        #[test]
        fn ticks_are_few_and_within(low in -1e12f64..1e12, length in 1e-9f64..1e12, from in any::<i64>(), span in any::<i64>()) {
            let ticks = values(low, low + length);
            prop_assert!(ticks.len() <= 7 && ticks.iter().all(|tick| (low..=low + length).contains(&tick.at)));
            let (from, until) = (Timestamp(from), Timestamp(from.saturating_add(span.saturating_abs())));
            let ticks = times(from, until);
            prop_assert!(ticks.len() <= 11 && ticks.iter().all(|tick| (from..=until).contains(&tick.at)));
        }
    }
}
