//! Half-Kelly: how much of the equity to risk, from what a strategy's own trades have earned.
//!
//! By strategy, since the formula is about one kind of bet: two strategies with different odds, thrown together, give a number that is right
//! for neither. In USDT as booked, so that anybody can work it out from `trades.csv`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// With fewer trades than these their odds are chance, and the plain risk per trade holds.
pub const FEWEST_TRADES: u64 = 20;
/// What is risked, in percent of equity, at least: a strategy that has lost goes on small, and can show that it has changed.
const LEAST_PCT: Decimal = Decimal::from_parts(5, 0, 0, false, 1);
/// And at most: odds are never known that well.
const MOST_PCT: Decimal = Decimal::TEN;

/// What the closed positions of one strategy have come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Odds {
    wins: u64,
    /// Sum of what they earned, in USDT.
    won: Decimal,
    losses: u64,
    /// Sum of what the others lost, in USDT, 0 or more.
    lost: Decimal,
}

impl Odds {
    /// Counts a position that is closed, with all that its parts have earned after fees and funding, in USDT.
    pub fn count(&mut self, pnl: Decimal) {
        if pnl > Decimal::ZERO {
            self.wins += 1;
            self.won += pnl;
        } else {
            self.losses += 1;
            self.lost -= pnl;
        }
    }

    /// Half of Kelly's fraction, in percent of equity, within its bounds; `None` while there are too few trades.
    ///
    /// Kelly (A New Interpretation of Information Rate, 1956), for a bet that wins `ratio` times what it loses:
    /// win rate − (1 − win rate) ÷ ratio, where ratio = average win ÷ average loss.
    #[must_use]
    pub fn half_kelly_pct(&self) -> Option<Decimal> {
        let trades = self.wins + self.losses;
        if trades < FEWEST_TRADES {
            return None;
        }
        let share = |part: u64| Decimal::from(part) / Decimal::from(trades);
        let average = |sum: Decimal, count: u64| sum.checked_div(Decimal::from(count)).unwrap_or(Decimal::ZERO);
        let (win, loss) = (average(self.won, self.wins), average(self.lost, self.losses));
        // where nothing was won, or next to nothing, no fraction is small enough
        let against = loss.checked_div(win).and_then(|ratio| ratio.checked_mul(share(self.losses)));
        let half = against.map_or(LEAST_PCT, |against| (share(self.wins) - against) * Decimal::from(50));
        Some(half.clamp(LEAST_PCT, MOST_PCT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn odds((wins, won): (u64, i64), (losses, lost): (u64, i64)) -> Odds {
        Odds { wins, won: won.into(), losses, lost: lost.into() }
    }

    #[test]
    fn half_of_what_kelly_says_within_bounds() {
        for (won, lost, want) in [
            ((10, 20), (9, 9), None),          // 19 trades are too few
            ((10, 20), (10, 10), Some("10")),  // 0.5 − 0.5 ÷ 2 = 0.25; half of it is 12.5 %
            ((8, 16), (12, 12), Some("5")),    // 0.4 − 0.6 ÷ 2 = 0.1
            ((11, 11), (9, 9), Some("5")),     // 0.55 − 0.45 ÷ 1 = 0.1
            ((12, 18), (18, 18), Some("0.5")), // 0.4 − 0.6 ÷ 1.5 = 0
            ((16, 32), (24, 20), Some("7.5")), // 0.4 − 0.6 ÷ 2.4 = 0.15
            ((2, 2), (18, 18), Some("0.5")),   // −0.8
            ((20, 1), (0, 0), Some("10")),     // has never lost
            ((0, 0), (20, 1), Some("0.5")),    // has never won
            ((5, 1), (15, 0), Some("10")),     // 15 that came to nothing lost nothing: 0.25 − 0
        ] {
            assert_eq!(odds(won, lost).half_kelly_pct(), want.map(|pct| pct.parse().unwrap()), "{won:?} {lost:?}");
        }
    }

    #[test]
    fn a_position_is_a_win_only_when_it_has_earned_something() {
        let mut odds = Odds::default();
        for pnl in [3, 0, -2] {
            odds.count(pnl.into());
        }
        assert_eq!(odds, self::odds((1, 3), (2, 2)));
    }

    proptest! {
        #[test]
        fn whatever_was_earned_the_bounds_hold_and_more_wins_are_no_less(
            pnls in prop::collection::vec(-1_000_000_000_000_000_000i64..1_000_000_000_000_000_000, 20..60), scale in 0u32..9,
        ) {
            let mut odds = Odds::default();
            pnls.iter().for_each(|pnl| odds.count(Decimal::new(*pnl, scale)));
            let before = odds.half_kelly_pct().unwrap();
            prop_assert!((LEAST_PCT..=MOST_PCT).contains(&before));
            // a win as large as those before only makes the rate better
            if odds.wins > 0 {
                odds.count((odds.won / Decimal::from(odds.wins)).max(Decimal::new(1, 9)));
                prop_assert!(odds.half_kelly_pct().unwrap() >= before - Decimal::new(1, 9));
            }
        }
    }
}
