//! Faults that strike an account by themselves, drawn each second.

use super::{Output, Venue, faults::Fault, query::Query};
use crate::market::Timestamp;
use rust_decimal::Decimal;

/// Faults of accounts, and the acts that they are.
const ACTS: [(Fault, &str); 7] = [
    (Fault::VanishedStop, "vanish"),
    (Fault::KeyExpired, "key"),
    (Fault::Liquidated, "liquidation"),
    (Fault::Deleveraged, "adl"),
    (Fault::LeverageFlip, "leverage"),
    (Fault::HedgeFlip, "hedge"),
    (Fault::Maintenance, "maintenance"),
];
/// What becomes coarser and fine again.
const COARSE: u32 = 10;

impl Venue {
    /// Draws what happens to accounts in this second.
    pub(super) fn strike_accounts(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for account in 0..self.desk.len() {
            for (fault, act) in ACTS {
                if self.spoiler.strikes(now, fault) {
                    let extra = if self.spoiler.bits().is_multiple_of(2) { "&silent=true" } else { "" };
                    self.strike(account, &format!("do?act={act}{extra}"), "POST", out);
                }
            }
            if self.spoiler.strikes(now, Fault::HandOrder) {
                self.hand_order(account, out);
            }
            if self.spoiler.strikes(now, Fault::HandPosition) {
                let side = if self.spoiler.bits().is_multiple_of(2) { "BUY" } else { "SELL" };
                self.strike(account, &format!("hand/fapi/v1/order?type=MARKET&side={side}"), "POST", out);
            }
            if self.spoiler.strikes(now, Fault::Filters) {
                self.coarsen(out);
            }
        }
    }

    /// A fault on a market that is drawn, or on one that has what the fault needs.
    fn strike(&mut self, account: usize, path: &str, method: &str, out: &mut Vec<Output>) {
        let first = (self.spoiler.bits() % self.tapes.len().max(1) as u64) as usize;
        for at in 0..self.tapes.len() {
            let tape = &self.tapes[(first + at) % self.tapes.len()];
            let last = tape.last().and_then(crate::market::decimal).unwrap_or_default();
            if last.is_zero() {
                continue;
            }
            let qty = tape.rules.smallest_entry(last) * Decimal::TWO;
            let qty = if path.starts_with("hand") { format!("&quantity={qty}") } else { String::new() };
            let target = format!("/played/{path}&symbol={}&account={account}{qty}", tape.name);
            let call = super::calls::Call {
                id: super::CallId(0),
                method: method.to_owned(),
                target: target.clone(),
                headers: Vec::new(),
                body: Vec::new(),
            };
            let path = target.strip_prefix("/played/").unwrap_or_default().to_owned();
            if self.played(&call, &path, out).status == 200 {
                return;
            }
        }
    }

    fn hand_order(&mut self, account: usize, out: &mut Vec<Output>) {
        let buys = self.spoiler.bits().is_multiple_of(2);
        let place = (self.spoiler.bits() % self.tapes.len().max(1) as u64) as usize;
        let Some(tape) = self.tapes.get(place) else { return };
        let Some(last) = tape.last() else { return };
        let price = tape.price.text(tape.price.below(if buys { last * 0.98 } else { last * 1.02 }));
        let side = if buys { "BUY" } else { "SELL" };
        let path = format!("hand/fapi/v1/order?type=LIMIT&timeInForce=GTC&side={side}&price={price}");
        self.strike(account, &path, "POST", out);
    }

    fn coarsen(&mut self, out: &mut Vec<Output>) {
        let place = (self.spoiler.bits() % self.tapes.len().max(1) as u64) as usize;
        let Some(tape) = self.tapes.get(place) else { return };
        let factor = Decimal::from(COARSE);
        let (tick, name) = (tape.rules.tick, tape.name.clone());
        let first = *self.first_ticks.get(place).unwrap_or(&tick);
        let tick = if tick == first { tick * factor } else { first };
        if let Ok(query) = Query::parse(&format!("/played/do?act=filters&symbol={name}&tick={}", tick.normalize())) {
            let _ = self.act(&query, out); // a market that is there, and a tick above 0
        }
    }
}
