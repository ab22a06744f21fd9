//! Risk: whether there may be another trade, and what it may lose.

use super::{
    account::Account,
    settings::{self, percent},
    skip::Skip,
};
use rust_decimal::Decimal;

/// What one more trade may lose at its stop, in USDT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// As a rule, before the volatility's factor.
    pub wanted: Decimal,
    /// Whatever the factor.
    pub room: Decimal,
}

/// What one more trade may lose, or why there may be none.
///
/// `open_risk` is what all stops together would lose, orders in flight and in doubt counted as filled (S4).
pub fn budget(account: &Account, equity: Decimal, open_risk: Decimal, rules: &settings::Risk) -> Result<Budget, Skip> {
    if account.day.entries >= rules.max_trades_per_day {
        return Err(Skip::TradesPerDay);
    }
    if account.day.start_equity - equity >= percent(account.day.start_equity, rules.daily_loss_pct) {
        return Err(Skip::DailyLoss);
    }
    let room = percent(equity, rules.max_portfolio_risk_pct) - open_risk;
    let wanted = percent(equity, rules.per_trade_pct);
    if room < wanted { Err(Skip::PortfolioRisk) } else { Ok(Budget { wanted, room }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_says_no_at_its_bound() {
        let rules = settings::Risk::default();
        for (entries, equity, open_risk, want) in [
            (0, 1000, 0, Ok(["10", "50"])),
            (4, 981, 39, Ok(["9.81", "10.05"])),
            (5, 1000, 0, Err(Skip::TradesPerDay)),
            (0, 980, 0, Err(Skip::DailyLoss)),
            (0, 1000, 40, Ok(["10", "10"])),
            (0, 1000, 41, Err(Skip::PortfolioRisk)),
        ] {
            let mut account = Account::new(Decimal::from(1000));
            account.day.entries = entries;
            let got = budget(&account, Decimal::from(equity), Decimal::from(open_risk), &rules);
            let want = want.map(|amounts| amounts.map(|amount| amount.parse().unwrap()));
            let want = want.map(|[wanted, room]| Budget { wanted, room });
            assert_eq!(got, want, "{entries} {equity} {open_risk}");
        }
    }
}
