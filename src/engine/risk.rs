//! Risk: whether there may be another trade, and what it may lose.

use super::{
    account::Account,
    settings::{self, percent},
    skip::Skip,
};
use crate::market::{Tiers, decimal, notional};
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

/// Whether a stop so far from `price` is met before the position's own margin is used up down to what it must keep.
///
/// The nearer of both sides' liquidation prices counts, that of a short: price × (1 ÷ leverage − rate) ÷ (1 + rate) away.
pub fn stop_is_first(stop: Decimal, price: Decimal, qty: Decimal, tiers: &Tiers, rules: &settings::Risk) -> bool {
    let leverage = decimal(rules.leverage).unwrap_or(Decimal::ONE);
    let rate = tiers.rate(notional(price, qty));
    stop * leverage * (Decimal::ONE + rate) < price * (Decimal::ONE - leverage * rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_beyond_the_liquidation_is_known() {
        let tiers = Tiers::known(&"BTCUSDT".parse().unwrap());
        for (leverage, stop, qty, want) in [
            (5.0, "195.2", 1, true), // 1,000 × (0.2 − 0.004) ÷ 1.004 = 195.22
            (5.0, "195.3", 1, false),
            (5.0, "194.1", 100, false), // at 0.5 % it is 194.03
            (50.0, "15.9", 1, true),
            (50.0, "16", 1, false),
            (250.0, "0.001", 1, false),
        ] {
            let rules = settings::Risk { leverage, ..settings::Risk::default() };
            let got = stop_is_first(stop.parse().unwrap(), Decimal::ONE_THOUSAND, qty.into(), &tiers, &rules);
            assert_eq!(got, want, "{leverage} {stop} {qty}");
        }
    }

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
