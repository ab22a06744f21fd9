//! What trades have earned together.

use super::text::{counted, rounded};
use crate::store::TradeRow;
use rust_decimal::Decimal;
use serde::Serialize;

/// The sum of some trades.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Earnings {
    /// In USDT, after fees and funding.
    pub usdt: Decimal,
    /// How many.
    pub trades: u64,
    /// How many of them earned something.
    pub wins: u64,
    /// Their share, in percent to a tenth; none of no trades.
    pub win_rate_pct: Option<f64>,
}

impl Earnings {
    /// Of these trades.
    #[must_use]
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a TradeRow>) -> Self {
        let mut sum = trades.into_iter().fold(Self::default(), |sum, trade| Self {
            usdt: sum.usdt + trade.pnl,
            trades: sum.trades + 1,
            wins: sum.wins + u64::from(trade.pnl > Decimal::ZERO),
            win_rate_pct: None,
        });
        let rate = |share: f64| (1000.0 * share).round() / 10.0;
        sum.win_rate_pct = (sum.trades > 0).then(|| rate(sum.wins as f64 / sum.trades as f64));
        sum
    }

    /// `+1.20`.
    #[must_use]
    pub fn money(&self) -> String {
        signed(self.usdt)
    }

    /// `44.4 %`; a line where there is no trade.
    #[must_use]
    pub fn win_rate(&self) -> String {
        self.win_rate_pct.map_or_else(|| "-".to_owned(), |pct| format!("{pct:.1} %"))
    }

    /// `9 trades, 4 won (44.4 %), P&L +3.20 USDT`.
    #[must_use]
    pub fn line(&self) -> String {
        let trades = counted(self.trades, "trade");
        format!("{trades}, {} won ({}), P&L {} USDT", self.wins, self.win_rate(), self.money())
    }
}

/// An amount to the cent, with its sign.
#[must_use]
pub fn signed(amount: Decimal) -> String {
    format!("{:+.2}", rounded(amount, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Reason, Trade},
        run::rig::{self, dec},
    };

    #[test]
    fn trades_are_summed_exactly_and_their_rate_is_to_a_tenth() {
        let row = |gross| {
            let trade = Trade { gross: dec(gross), fees: dec("0.1"), ..rig::trade(Reason::Stop) };
            TradeRow::new(&Trade { funding: Decimal::ZERO, ..trade }, &rig::btc(), "dip")
        };
        let rows = ["1.000001", "-2", "0.1"].map(row);
        let sum = Earnings::of(&rows);
        assert_eq!((sum.usdt, sum.trades, sum.wins), (dec("-1.199999"), 3, 1), "to break even is not to win");
        assert_eq!(sum.line(), "3 trades, 1 won (33.3 %), P&L -1.20 USDT");
        assert_eq!(Earnings::of(&rows[..1]).line(), "1 trade, 1 won (100.0 %), P&L +0.90 USDT");
        assert_eq!(Earnings::of([]).line(), "0 trades, 0 won (-), P&L +0.00 USDT");
    }
}
