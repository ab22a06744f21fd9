//! The exchange's own record as books: what is open, what is held, and what of it is ours. No fault touches it.

use rust_decimal::Decimal;
use smolbear::{
    market::{Timestamp, could_be_ours},
    simulation::binance::{Entry, What},
};
use std::collections::BTreeMap;

/// An order as the exchange has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    pub name: String,
    pub algo: bool,
    pub side: &'static str,
    pub kind: &'static str,
    pub qty: Decimal,
    pub reduces: bool,
    pub status: &'static str,
    pub ours: bool,
    /// An order of the exchange's own.
    pub forced: bool,
}

impl Open {
    pub fn is_open(&self) -> bool {
        matches!(self.status, "NEW" | "PARTIALLY_FILLED" | "TRIGGERING" | "TRIGGERED")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Traded {
    pub name: String,
    pub trade: u64,
    pub signed: Decimal,
    pub reduces: bool,
    pub ours: bool,
}

#[derive(Debug, Default)]
pub struct Ledger {
    /// Entries that were read.
    pub read: usize,
    pub orders: BTreeMap<(bool, u64), Open>,
    pub trades: Vec<Traded>,
    /// Above 0 for long.
    pub position: Decimal,
    /// What of it our own orders have opened and nothing has closed.
    pub ours: Decimal,
    pub wallet: Decimal,
    /// Whether all that is ours was covered at any time since this was asked.
    pub was_covered: bool,
}

impl Ledger {
    /// What happened; what of it breaks a promise.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        self.read += 1;
        match &entry.what {
            What::Order { id, client_id, algo, side, kind, qty, reduce_only, close_position, status, by, .. } => {
                let ours = could_be_ours(client_id) && *by != "hand";
                let (name, reduces) = (client_id.clone(), *reduce_only || *close_position);
                let forced = !matches!(*by, "key" | "hand" | "algo");
                let order = Open { name, algo: *algo, side, kind, qty: *qty, reduces, status, ours, forced };
                self.orders.insert((*algo, *id), order);
            }
            What::Fill { order, client_id, trade, side, qty, reduce_only, .. } => {
                let ours = self.orders.get(&(false, *order)).is_some_and(|order| order.ours);
                let signed = if *side == "BUY" { *qty } else { -*qty };
                let name = client_id.clone();
                if self.trades.iter().any(|before| before.trade == *trade) {
                    return Err(format!("the exchange trades {trade} twice"));
                }
                self.trades.push(Traded { name, trade: *trade, signed, reduces: *reduce_only, ours });
                let forced = self.orders.get(&(false, *order)).is_none_or(|order| order.forced);
                if ours || forced {
                    self.ours += signed; // by force it is ours first
                }
            }
            What::Position { qty, .. } => {
                let (before, last) = (self.position, self.trades.last().cloned());
                self.position = *qty;
                self.bound();
                if let Some(last) = last.filter(|last| last.ours && is_exit(&last.name)) {
                    let shrinks = qty.abs() < before.abs()
                        && (qty.is_zero() || qty.is_sign_negative() == before.is_sign_negative());
                    let moved = *qty != before;
                    if moved && !shrinks {
                        return Err(format!("S3: {last:?} makes {before} {qty}"));
                    }
                }
            }
            What::Balance { wallet } => self.wallet = *wallet,
            What::Funding { .. } | What::Transfer { .. } | What::Note { .. } => {}
        }
        self.was_covered |= self.is_covered();
        Ok(())
    }

    /// Of ours there is no more than there is.
    fn bound(&mut self) {
        let most = if self.position.is_sign_negative() == self.ours.is_sign_negative() {
            self.position.abs()
        } else {
            Decimal::ZERO
        };
        if self.ours.abs() > most {
            self.ours = if self.ours.is_sign_negative() { -most } else { most };
        }
    }

    pub fn open(&self) -> impl Iterator<Item = &Open> {
        self.orders.values().filter(|order| order.is_open())
    }

    /// Whether a stop that waits is for all that is ours (S2).
    pub fn is_covered(&self) -> bool {
        let side = if self.ours.is_sign_negative() { "BUY" } else { "SELL" };
        let stops =
            self.orders.values().filter(|order| order.algo && order.kind == "STOP_MARKET" && order.status == "NEW");
        let mut covers = stops.filter(|stop| stop.reduces && stop.side == side && stop.qty >= self.ours.abs());
        self.ours.is_zero() || covers.next().is_some()
    }

    /// Of entries of one signal: what was executed.
    pub fn entered(&self) -> BTreeMap<&str, Decimal> {
        let mut entered = BTreeMap::new();
        for trade in self.trades.iter().filter(|trade| trade.ours && is_entry(&trade.name)) {
            *entered.entry(signal_of(&trade.name)).or_default() += trade.signed.abs();
        }
        entered
    }
}

/// Entries have an `e` after tag, time and side.
pub fn is_entry(name: &str) -> bool {
    name.as_bytes().get(24) == Some(&b'e')
}

fn is_exit(name: &str) -> bool {
    name.as_bytes().get(24).is_some_and(|leg| b"stx".contains(leg))
}

/// Strategy, symbol, time and side: what all orders of one signal share.
pub fn signal_of(name: &str) -> &str {
    name.get(..24).unwrap_or(name)
}

/// One line of the record.
pub fn line(entry: &Entry, since: Timestamp) -> String {
    format!("{:>8} exchange: {:?}", entry.at.since_ms(since), entry.what)
}
