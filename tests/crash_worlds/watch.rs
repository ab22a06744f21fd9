//! What must hold in every world, after every step and at its end.

use super::world::{CAPITAL, World};
use crate::promises::{Turn, doubts, holds};
use rust_decimal::Decimal;
use smolbear::{
    engine::{Event, Proof, Record, Skip, Stage},
    market::{ClientId, OrderCommand, OrderKind, OrderRequest, OrderSide, Timestamp},
};
use std::collections::BTreeMap;

/// A position is uncovered for no longer (S2).
const UNCOVERED_MS: i64 = 5_000;
/// A protective order waits so long for the disk (S5).
const PROTECTIVE_WAIT_MS: i64 = 1_000;

#[derive(Default)]
pub struct Watch {
    uncovered_since: Option<Timestamp>,
    /// When the intents of this life were asked to be made durable.
    asked: BTreeMap<ClientId, Timestamp>,
    proven: bool,
    store_in_doubt: bool,
}

impl Watch {
    pub fn asked(&mut self, now: Timestamp, records: &[Record]) {
        for record in records {
            if let Record::Intent(request) = record {
                self.asked.insert(request.id, now);
            }
        }
    }

    /// The engine asks for a reconciliation.
    pub fn doubts_the_account(&mut self) {
        self.proven = false;
    }

    pub fn hears(&mut self, event: &Event) {
        match event {
            Event::Proof(proof) => self.proven = *proof == Proof::Proven,
            Event::StoreDoubt(doubt) => self.store_in_doubt = *doubt,
            _ => {}
        }
    }

    /// What the bot knew goes with it; no one is there to cover a position.
    pub fn dies(&mut self) {
        *self = Self::default();
    }
}

/// Entries have an `e` after tag, time and side.
fn is_entry(id: ClientId) -> bool {
    id.as_str().as_bytes()[24] == b'e'
}

impl World {
    /// Before an order goes on the wire.
    pub fn watch_an_order(&mut self, command: &OrderCommand) -> Turn {
        let OrderCommand::Place(request) = command else { return Ok(()) };
        let waited = self.watch.asked.get(&request.id).map(|since| self.now.since_ms(*since));
        let late = request.reduce_only && waited.is_some_and(|ms| ms >= PROTECTIVE_WAIT_MS);
        holds(self.disk.has_intent(request) || late, || format!("S5: {request:?} is not durable after {waited:?} ms"))?;
        let is_exit = request.reduce_only && request.side == OrderSide::Sell;
        holds(is_exit != is_entry(request.id), || format!("S3: {request:?}"))?;
        let in_doubt = self.process.iter().any(|process| !doubts(process.trader.engine()).is_empty());
        let quiet = !self.watch.proven || self.watch.store_in_doubt || in_doubt;
        holds(request.reduce_only || !quiet, || format!("S7: an entry while in doubt: {request:?}"))?;
        Ok(())
    }

    /// After whatever happened at the venue, and before time goes on.
    pub fn watch_the_venue(&mut self) -> Result<(), String> {
        let mut entered: BTreeMap<ClientId, (Decimal, Decimal)> = BTreeMap::new();
        for order in self.venue.orders.iter().filter(|order| !order.request.reduce_only && !order.filled.is_zero()) {
            let (planned, executed) = entered.entry(order.request.id).or_default();
            *planned = order.request.qty;
            *executed += order.filled;
        }
        let within = entered.values().all(|(planned, executed)| executed <= planned);
        holds(within && entered.len() <= 1, || format!("S1: {entered:?}"))?;
        holds(self.venue.position >= Decimal::ZERO, || format!("S3: it holds {}", self.venue.position))?;
        for order in self.process.iter().flat_map(|process| process.trader.engine().orders()) {
            let theirs = self.venue.open().find(|theirs| theirs.request.id == order.request.id);
            let relies = order.stage == Stage::Accepted && order.counts();
            let same = theirs.is_none_or(|theirs| theirs.request == order.request);
            holds(same || !relies, || format!("S2: it relies on {order:?}, and the venue has {theirs:?}"))?;
        }
        let uncovered = self.process.is_some() && !self.is_covered();
        let since = self.watch.uncovered_since.get_or_insert(self.now);
        if !uncovered {
            self.watch.uncovered_since = None;
            return Ok(());
        }
        let ms = self.now.since_ms(*since);
        holds(ms <= UNCOVERED_MS, || format!("S2: {} uncovered for {ms} ms", self.venue.position))
    }

    fn is_covered(&self) -> bool {
        let stops = self.venue.open().filter(|order| matches!(order.request.kind, OrderKind::StopMarket { .. }));
        let mut covers = stops.filter(|order| order.request.reduce_only && order.left() >= self.venue.position);
        self.venue.position.is_zero() || covers.next().is_some()
    }

    /// All faults are over for a while (L1, S6).
    pub fn watch_the_end(&mut self) -> Result<(), String> {
        let Some(process) = &self.process else { return Err("L2: it does not run".into()) };
        let engine = process.trader.engine();
        let open: Vec<OrderRequest> = self.venue.open().map(|order| order.request).collect();
        let (account, earned) = (engine.account(), self.venue.earned);
        holds(account.balance == account.capital + earned, || format!("S6: {} {earned}", account.balance))?;
        let adopted = account.capital != CAPITAL.into() || !account.adjusted.is_zero();
        holds(!adopted, || format!("S6: the exchange knew better: {account:?}"))?;
        holds(engine.foreign().count() == 0, || "S15: ours was taken for another's".into())?;
        let durable: Vec<u64> = self.disk.trades().collect();
        let all: Vec<u64> = self.venue.trades.iter().map(|fill| fill.trade_id).collect();
        holds(durable == all, || format!("S6: trades {durable:?} are on the disk, not {all:?}"))?;
        holds(self.watch.proven, || "L1: unproven".into())?;
        for order in engine.orders() {
            holds(order.stage == Stage::Accepted, || format!("L1: {order:?}"))?;
            holds(open.contains(&order.request), || format!("L1: not there: {order:?}"))?;
        }
        let known = |request: &&OrderRequest| engine.orders().any(|order| order.request == **request);
        holds(open.iter().all(|request| known(&request)), || format!("L1: an orphan of {open:?}"))?;
        let flat = self.venue.position.is_zero();
        holds(!flat || open.is_empty(), || format!("L1: left behind: {open:?}"))?;
        holds(self.ours() == self.venue.position, || format!("L1: {}, not {}", self.ours(), self.venue.position))?;
        self.seen.entered = !all.is_empty();
        let unproven = engine.summary().skipped().find(|(skip, _)| *skip == Skip::Unproven);
        self.seen.skipped_in_doubt = unproven.map_or(0, |(_, count)| count as usize);
        Ok(())
    }
}
