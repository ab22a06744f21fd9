//! What moves prices: a sum of log returns whose volatility comes in clusters and whose weeks have a direction.

use crate::market::{DAY_MS, HOUR_MS, Random, Timestamp};

/// Steps of the path inside a candle.
pub const SUBSTEPS: usize = 4;

/// Deviation of a factor a root day, before the pull to its line, which takes a third of a day's move.
pub const DEVIATION: f64 = 0.038;

/// Flare-ups of volatility of which half is gone after 5 hours.
const FAST: Cluster = Cluster { fade: 3.5, flare: 1.8, most: 10.0 };
/// Calm and wild times of which half is gone after 3 days.
const SLOW: Cluster = Cluster { fade: 0.23, flare: 0.34, most: 3.0 };

/// The moment of the day (UTC) with the largest moves, and how far the day's variance swings about its mean.
const BUSIEST_MS: i64 = 15 * HOUR_MS;
const DAY_SWING: f64 = 0.4;

/// How strongly a factor is pulled to its line, a day, and how fast the pull follows, a day.
///
/// A pull that comes late overshoots: swings of about 2π ÷ √(PULL × FOLLOW) = 1.3 days, so that falling weeks have
/// rallies and rising ones have dips.
const PULL: f64 = 10.0;
const FOLLOW: f64 = 2.5;

/// Share of weeks without a trend.
const FLAT_WEEKS: f64 = 0.35;
/// Slope of a trending week's line: at least, and how much more at most, in log return a week.
const TREND: f64 = 0.06;
const TREND_SPREAD: f64 = 0.05;
/// A week that begins farther than this from the usual level, in log return, leads back.
const REACH: f64 = 0.15;

/// The length of a candle in days, and its root.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub days: f64,
    pub root: f64,
}

impl Pace {
    pub fn new(ms: i64) -> Self {
        let days = ms as f64 / DAY_MS as f64;
        Self { days, root: days.sqrt() }
    }
}

/// One level of volatility clusters: dv = fade·(1 − v)·dt + flare·v·dW, the diffusion limit of GARCH(1,1), with `fade`
/// a day and `flare` a root day.
///
/// Its variance is inverse gamma in the long run, which makes returns Student-t with 2 + 4·fade ÷ flare² degrees of
/// freedom (Nelson: ARCH models as diffusion approximations, 1990). Cut off at `most`.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    fade: f64,
    flare: f64,
    most: f64,
}

impl Cluster {
    /// The relative variance one candle later. Stays above 0, since no normal is large enough to take it there.
    fn next(self, variance: f64, pace: Pace, normal: f64) -> f64 {
        let back = self.fade * pace.days * (1.0 - variance);
        (variance + back + self.flare * pace.root * variance * normal).min(self.most)
    }
}

/// How much of the mean variance the hour has: a smooth hill with its top at [`BUSIEST_MS`], mean 1.
pub fn activity(at: Timestamp) -> f64 {
    let past = (at.0 - BUSIEST_MS).rem_euclid(DAY_MS);
    let away = past.min(DAY_MS - past) as f64 / (DAY_MS / 2) as f64;
    1.0 + DAY_SWING * (1.0 - 2.0 * away * away * (3.0 - 2.0 * away))
}

/// A sum of log returns: Brownian motion with clustered volatility, pulled to a line.
#[derive(Debug, Clone, Copy)]
pub struct Factor {
    random: Random,
    /// Relative variance of the two levels, mean 1 each.
    fast: f64,
    slow: f64,
    /// The sum so far, the line that it is pulled to, and the line's slope a day.
    sum: f64,
    line: f64,
    slope: f64,
    /// The pull as it is felt, a day.
    pull: f64,
}

impl Factor {
    /// A factor at 0 on a level line, where a coin's own part stays for good.
    pub const fn new(random: Random) -> Self {
        Self { random, fast: 1.0, slow: 1.0, sum: 0.0, line: 0.0, slope: 0.0, pull: 0.0 }
    }

    /// Begins a week: a line from where the factor is, up, level or down.
    pub fn begin_week(&mut self) {
        let [kind, size, direction] = self.random.units();
        let far = self.sum.abs() > REACH;
        let up = if far { self.sum < 0.0 } else { direction < 0.5 };
        let steepness = (TREND + TREND_SPREAD * size) / 7.0;
        self.line = self.sum;
        self.slope = match (kind < FLAT_WEEKS && !far, up) {
            (true, _) => 0.0,
            (false, true) => steepness,
            (false, false) => -steepness,
        };
    }

    /// The log returns of the steps inside the next candle, at a market-wide `activity` (mean 1).
    pub fn step(&mut self, pace: Pace, activity: f64) -> [f64; SUBSTEPS] {
        let days = pace.days / SUBSTEPS as f64;
        let deviation = DEVIATION * (self.fast * self.slow * activity * days).sqrt();
        self.pull += FOLLOW * pace.days * (PULL * (self.line - self.sum) - self.pull);
        let lead = (self.slope + self.pull) * days;
        let moves = std::array::from_fn(|_| lead + deviation * self.random.normal());
        self.sum += moves.iter().sum::<f64>();
        self.line += self.slope * pace.days;
        self.fast = FAST.next(self.fast, pace, self.random.normal());
        self.slow = SLOW.next(self.slow, pace, self.random.normal());
        moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{LARGEST_NORMAL, MINUTE_MS, Timeframe};

    #[test]
    fn variance_stays_above_0_at_any_pace_in_use() {
        for cluster in [FAST, SLOW] {
            let pace = Pace::new(Timeframe::M5.ms());
            assert!(cluster.fade * pace.days + cluster.flare * pace.root * LARGEST_NORMAL < 1.0, "{cluster:?}");
        }
    }

    #[test]
    fn the_day_has_a_busy_afternoon_and_mean_1() {
        let day: Vec<f64> = (0..1_440).map(|minute| activity(Timestamp(minute * MINUTE_MS))).collect();
        assert!((day.iter().sum::<f64>() / 1_440.0 - 1.0).abs() < 1e-6);
        assert!((activity(Timestamp(BUSIEST_MS)) - 1.0 - DAY_SWING).abs() < 1e-9);
        assert!((activity(Timestamp(3 * HOUR_MS)) - 1.0 + DAY_SWING).abs() < 1e-9);
    }

    #[test]
    fn a_week_far_from_the_start_leads_back() {
        let mut factor = Factor::new(Random::new(1, "far"));
        for _ in 0..100 {
            factor.sum = REACH + 0.01;
            factor.begin_week();
            assert!(factor.slope < 0.0);
            factor.sum = -factor.sum;
            factor.begin_week();
            assert!(factor.slope > 0.0);
        }
    }
}
