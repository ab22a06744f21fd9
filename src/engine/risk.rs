//! Risk: whether there may be another trade.

use super::{
    account::Account,
    settings::{self, percent},
    skip::Skip,
};
use crate::market::{Tiers, decimal, notional};
use rust_decimal::Decimal;

/// A target at exactly the demanded distance is near enough to it in `f64`.
const ROUNDING: f64 = 1e-9;

/// The equity, where the day has room for one more trade, or which of its limits is reached.
pub fn day_allows(
    account: &Account,
    equity: impl FnOnce() -> Decimal,
    rules: &settings::Risk,
) -> Result<Decimal, Skip> {
    let day = &account.day;
    if day.entries >= rules.max_trades_per_day {
        return Err(Skip::TradesPerDay);
    }
    let equity = equity();
    if day.start_equity - equity >= percent(day.start_equity, rules.daily_loss_pct) {
        return Err(Skip::DailyLoss);
    }
    Ok(equity)
}

/// Whether the target is far enough away for what the stop risks.
#[must_use]
pub fn is_worth_it(target: f64, stop: f64, rules: &settings::Risk) -> bool {
    target >= rules.min_reward_risk * stop * (1.0 - ROUNDING)
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
    fn a_day_says_no_at_its_bounds() {
        let rules = settings::Risk::default();
        for (entries, equity, want) in [
            (0, "1000", Ok(())),
            (4, "980.01", Ok(())),
            (5, "1000", Err(Skip::TradesPerDay)),
            (0, "980", Err(Skip::DailyLoss)),
            (5, "980", Err(Skip::TradesPerDay)),
        ] {
            let mut account = Account::new(Decimal::from(1000));
            account.day.entries = entries;
            let allowed = day_allows(&account, || equity.parse().unwrap(), &rules);
            assert_eq!(allowed.map(|_| ()), want, "{entries} {equity}");
        }
    }

    #[test]
    fn a_target_is_so_many_stops_away() {
        for (min, target, stop, want) in [
            (0.0, 1.0, 100.0, true), // off
            (2.0, 20.0, 10.0, true),
            (2.0, 19.99, 10.0, false),
            (1.2, 1.2 * 0.3, 0.3, true),
            (2.5, 0.1 + 0.2 + 0.45, 0.3, true), // 0.75 in all but the last bit
        ] {
            let rules = settings::Risk { min_reward_risk: min, ..settings::Risk::default() };
            assert_eq!(is_worth_it(target, stop, &rules), want, "{min}: {target} to {stop}");
        }
    }
}
