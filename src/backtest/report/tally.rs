//! What some trades came to together.

use super::numbers::finite;
use crate::{engine::Trade, market::float};
use rust_decimal::Decimal;
use serde::Serialize;

/// The sum of some trades. A trade is a closed quantity, a row of `trades.csv`: an exit in parts is as many trades, as it is for the log
/// and the exit summary, so that whoever adds up the file finds the same numbers.
///
/// A value that does not exist, such as a win rate of no trades, is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Tally {
    /// How many.
    pub trades: u64,
    /// How many of them earned something; to break even is not to win.
    pub won: u64,
    /// Their share.
    pub win_rate_pct: Option<f64>,
    /// Price differences, in USDT.
    pub gross: Decimal,
    /// Fees paid, in USDT.
    pub fees: Decimal,
    /// Funding paid, in USDT; received where negative.
    pub funding: Decimal,
    /// gross − fees − funding, in USDT.
    pub pnl: Decimal,
    /// What a trade that won has earned on average, in USDT.
    pub average_win: Option<Decimal>,
    /// What one that did not has lost on average, in USDT, 0 or less.
    pub average_loss: Option<Decimal>,
    /// Sum of what was won ÷ sum of what was lost (Schwager, A Complete Guide to the Futures Markets). None where nothing was lost.
    pub profit_factor: Option<f64>,
    /// Mean of the results in multiples of what was risked (Tharp, Trade Your Way to Financial Freedom).
    pub expectancy_r: Option<f64>,
    /// From the first fill of the entry to the exit, on average.
    pub average_hold_s: Option<i64>,
}

impl Tally {
    /// Of these trades.
    #[must_use]
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a Trade>) -> Self {
        let mut sum = Self::default();
        let (mut won, mut r, mut hold_ms) = (Decimal::ZERO, Decimal::ZERO, 0i64);
        for trade in trades {
            let pnl = trade.pnl();
            sum.trades += 1;
            sum.gross += trade.gross;
            sum.fees += trade.fees;
            sum.funding += trade.funding;
            sum.pnl += pnl;
            r += trade.r;
            hold_ms = hold_ms.saturating_add(trade.exit_time.since_ms(trade.entry_time));
            if pnl > Decimal::ZERO {
                sum.won += 1;
                won += pnl;
            }
        }
        let (lost, losses) = (sum.pnl - won, sum.trades - sum.won);
        let average = |sum: Decimal, of: u64| sum.checked_div(of.into()).map(|average| average.round_dp(8).normalize());
        let mean = |sum: f64, of: u64| if of == 0 { None } else { finite(sum / of as f64) };
        for amount in [&mut sum.gross, &mut sum.fees, &mut sum.funding, &mut sum.pnl] {
            *amount = amount.normalize();
        }
        Self {
            win_rate_pct: mean(100.0 * sum.won as f64, sum.trades),
            average_win: average(won, sum.won),
            average_loss: average(lost, losses),
            profit_factor: if lost.is_zero() { None } else { finite(float(won) / -float(lost)) },
            expectancy_r: mean(float(r), sum.trades),
            average_hold_s: hold_ms.checked_div(sum.trades as i64).map(|ms| ms / 1000),
            ..sum
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backtest::report::sample::trade, run::rig::dec};

    #[test]
    fn sums_are_exact_and_ratios_are_those_of_the_formulas() {
        // 2 h: +4 = 6 − 1.5 − 0.5; 1 h: −2 = −1.5 − 0.5 + 0; 3 h: 0 = 0.5 − 0.5: no win
        let trades = [("6", "1.5", "0.5", "2", 2), ("-1.5", "0.5", "0", "-1", 1), ("0.5", "0.5", "0", "0", 3)].map(
            |(gross, fees, funding, r, hours)| Trade {
                gross: dec(gross),
                fees: dec(fees),
                funding: dec(funding),
                r: dec(r),
                ..trade(0, hours)
            },
        );
        let want = Tally {
            trades: 3,
            won: 1,
            win_rate_pct: Some(33.333_333),
            gross: dec("5"),
            fees: dec("2.5"),
            funding: dec("0.5"),
            pnl: dec("2"),
            average_win: Some(dec("4")),
            average_loss: Some(dec("-1")), // of −2 and 0
            profit_factor: Some(2.0),
            expectancy_r: Some(0.333_333),
            average_hold_s: Some(7200),
        };
        assert_eq!(Tally::of(&trades), want);
    }

    #[test]
    fn what_does_not_exist_is_none() {
        assert_eq!(Tally::of([]), Tally::default());
        let won = Tally::of(&[Trade { gross: dec("6"), ..trade(0, 1) }]);
        assert_eq!((won.win_rate_pct, won.profit_factor, won.average_loss), (Some(100.0), None, None));
        let lost = Tally::of(&[Trade { gross: dec("-6"), ..trade(0, 1) }]);
        assert_eq!((lost.win_rate_pct, lost.profit_factor, lost.average_win), (Some(0.0), Some(0.0), None));
    }
}
