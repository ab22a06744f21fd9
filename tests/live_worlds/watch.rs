//! What must hold in every world, after every step and at its end.

use super::{
    ledger::{is_entry, signal_of},
    plan::CAPITAL,
    world::World,
};
use crate::promises::{Turn, holds};
use rust_decimal::Decimal;
use smolbear::{
    engine::{Event, Leg, Proof, Record, Stage},
    exchange::private::Call,
    gateway::News,
    market::{ClientId, OrderCommand, Timestamp, could_be_ours},
    simulation::binance::WEIGHT_LIMIT,
};
use std::collections::BTreeMap;

/// A position is uncovered for no longer while the exchange answers (S2), and so much for the way there and back.
const UNCOVERED_MS: i64 = 5_000 + 300;
/// A protective order waits so long for the disk (S5).
const PROTECTIVE_WAIT_MS: i64 = 1_000;

pub struct Watch {
    last: Timestamp,
    uncovered: bool,
    uncovered_ms: i64,
    pub longest_uncovered_ms: i64,
    /// The exchange answers nobody before.
    deaf_until: Timestamp,
    /// When the intents of this life were asked to be made durable.
    asked: BTreeMap<ClientId, Timestamp>,
    /// What each signal was to buy at most.
    planned: BTreeMap<String, Decimal>,
    /// As the gateway has said last.
    proven: bool,
    /// As the engine has heard last.
    heard: bool,
}

impl Watch {
    pub fn new(now: Timestamp) -> Self {
        Self {
            last: now,
            uncovered: false,
            uncovered_ms: 0,
            longest_uncovered_ms: 0,
            deaf_until: now,
            asked: BTreeMap::new(),
            planned: BTreeMap::new(),
            proven: false,
            heard: false,
        }
    }

    pub fn starts(&mut self, now: Timestamp) {
        (self.last, self.uncovered, self.uncovered_ms) = (now, false, 0);
    }

    /// What the bot knew goes with it.
    pub fn dies(&mut self) {
        self.asked.clear();
        (self.proven, self.heard) = (false, false);
    }

    /// The exchange answers nobody for so long.
    pub fn deaf(&mut self, now: Timestamp, ms: i64) {
        self.deaf_until = self.deaf_until.max(now.plus_ms(ms));
    }

    pub fn asked(&mut self, now: Timestamp, records: &[Record]) {
        for record in records {
            if let Record::Intent(request) = record {
                self.asked.insert(request.id, now);
            }
        }
    }

    pub fn doubts_the_account(&mut self) {
        self.heard = false;
    }

    pub fn news(&mut self, news: &News) {
        if let News::Proof(proven) = news {
            self.proven = *proven;
        }
    }

    pub fn hears(&mut self, event: &Event) {
        if let Event::Proof(proof) = event {
            self.heard = *proof == Proof::Proven;
        }
    }
}

impl World {
    /// The engine wants an order.
    pub fn watch_order(&mut self, command: &OrderCommand) -> Turn {
        let OrderCommand::Place(request) = command else { return Ok(()) };
        let name = request.id.as_str();
        holds(request.reduce_only != is_entry(name), || format!("S3: {request:?}"))?;
        self.is_durable(request.id)?;
        if !is_entry(name) {
            return Ok(());
        }
        let process = self.process.as_ref().expect("it orders");
        let engine = process.trader.engine();
        holds(self.watch.heard && engine.is_proven(), || format!("S7: an entry while in doubt: {request:?}"))?;
        let others =
            engine.orders().filter(|order| matches!(order.leg, Leg::Entry(_)) && order.request.id != request.id);
        let alone = self.ledger.ours.is_zero() && others.count() == 0;
        holds(alone, || format!("S4: an entry beside another: {request:?}"))?;
        let most = Decimal::from(CAPITAL) * Decimal::new(105, 2); // a fifth of the equity at leverage 5, and what was paid in
        let notional = request.qty * Decimal::from(100_000);
        holds(notional <= most, || format!("S4: {notional} is more than {most}"))?;
        self.watch.planned.entry(signal_of(name).to_owned()).or_insert(request.qty);
        Ok(())
    }

    /// Its intent is on the disk, or it protects and has waited long enough (S5).
    fn is_durable(&self, id: ClientId) -> Result<(), String> {
        let engine = self.process.as_ref().expect("it orders").trader.engine();
        let Some(order) = engine.orders().find(|order| order.request.id == id) else { return Ok(()) };
        let waited = self.watch.asked.get(&id).map(|since| self.now.since_ms(*since));
        let late = order.request.reduce_only && waited.is_some_and(|ms| ms >= PROTECTIVE_WAIT_MS);
        holds(self.disk.has_intent(&order.request) || late, || {
            format!("S5: {:?} is not durable after {waited:?} ms", order.request)
        })
    }

    /// A request about an order leaves.
    pub fn watch_request(&self, method: &str, call: &Call) -> Turn {
        let names = ["newClientOrderId=", "origClientOrderId=", "clientAlgoId="];
        let name = call.query.split('&').find_map(|part| names.iter().find_map(|name| part.strip_prefix(name)));
        let name = name.ok_or_else(|| format!("a request about no order: {call:?}"))?;
        holds(could_be_ours(name), || format!("S15: {method} {name}"))?;
        if method == "POST" {
            holds(!is_entry(name) || self.watch.proven, || format!("S7: {name} leaves while the gateway doubts"))?;
            self.is_durable(ClientId::new(name).expect("it could be ours"))?;
        }
        Ok(())
    }

    /// Whether the exchange answers us.
    fn answers(&self) -> bool {
        let paused = self.net.paused_until.is_some_and(|until| self.now < until);
        self.process.is_some() && self.watch.deaf_until <= self.now && !paused && !self.net.waits(self.now)
    }

    /// After whatever has happened.
    pub fn look(&mut self) -> Turn {
        for (signal, executed) in self.ledger.entered() {
            let planned = self.watch.planned.get(signal).copied().unwrap_or_default();
            holds(executed <= planned, || format!("S1: {executed} of {signal} instead of {planned}"))?;
        }
        holds(self.ledger.ours >= Decimal::ZERO, || format!("S3: {} is held", self.ledger.ours))?;
        holds(self.seen.weight <= WEIGHT_LIMIT * 8 / 10, || format!("S12: weight {}", self.seen.weight))?;
        if let Some(process) = &self.process {
            for order in process.trader.engine().orders() {
                // of two fills with one number only one counts (S6): more than it ordered would show in the engine's own check
                let traded =
                    self.ledger.trades.iter().filter(|trade| trade.ours && trade.name == order.request.id.as_str());
                let traded: Decimal = traded.map(|trade| trade.signed.abs()).sum();
                holds(order.filled <= traded, || format!("S6: {order:?} has traded {traded}"))?;
            }
        }
        self.count_cover()
    }

    fn count_cover(&mut self) -> Turn {
        let passed = self.now.since_ms(self.watch.last);
        self.watch.last = self.now;
        let answers = self.answers();
        if self.watch.uncovered && answers {
            self.watch.uncovered_ms += passed;
        }
        self.watch.uncovered = !self.ledger.is_covered();
        if std::mem::take(&mut self.ledger.was_covered) || !self.watch.uncovered {
            self.watch.uncovered_ms = 0;
        }
        let ms = self.watch.uncovered_ms;
        self.watch.longest_uncovered_ms = self.watch.longest_uncovered_ms.max(ms);
        holds(ms <= UNCOVERED_MS, || format!("S2: {} uncovered for {ms} ms", self.ledger.ours))?;
        Ok(())
    }

    /// All faults are over, and our account is the exchange's (L1).
    pub fn is_settled(&self) -> Result<(), String> {
        let Some(process) = &self.process else { return Err("L2: it does not run".into()) };
        let engine = process.trader.engine();
        let proven = self.watch.proven && self.watch.heard && engine.is_proven();
        holds(proven, || "L1: unproven".into())?;
        let ours: Decimal = engine.positions().map(|position| position.plan.side.signed(position.qty)).sum();
        let theirs = self.ledger.ours;
        holds(ours == theirs, || format!("L1: we hold {ours}, and the exchange {theirs} of ours"))?;
        let (balance, wallet) = (engine.account().balance, self.ledger.wallet);
        holds(balance == wallet, || format!("L1: our balance is {balance}, the exchange's {wallet}"))?;
        for order in engine.orders() {
            let name = order.request.id.as_str();
            let there = self.ledger.open().any(|open| open.name == name);
            holds(order.stage == Stage::Accepted && there, || format!("L1: {order:?}, there: {there}"))?;
        }
        for open in self.ledger.open().filter(|open| open.ours) {
            let known = engine.orders().any(|order| order.request.id.as_str() == open.name);
            holds(known, || format!("L1: an orphan: {open:?}"))?;
            // what the exchange neither fires nor cancels stays, and no entry comes meanwhile
            holds(!theirs.is_zero() || open.status == "TRIGGERING", || format!("L1: left behind: {open:?}"))?;
        }
        let by_hand = self.ledger.orders.values().filter(|order| order.name == "byhand");
        let untouched = by_hand.clone().all(|order| order.status != "CANCELED"); // the exchange may end it itself
        holds(untouched, || format!("S15: {:?}", by_hand.collect::<Vec<_>>()))?;
        holds(self.ledger.is_covered(), || format!("L1: {theirs} has no stop"))?;
        // where nobody else has changed what is held, fills explain the balance to the last digit
        let adjusted = engine.account().adjusted;
        let explained =
            self.seen.someone_meddled || self.seen.crashes > 0 || self.has_struck("transfer") || adjusted.is_zero();
        holds(explained, || format!("S6: the exchange knew better by {adjusted}"))?;
        Ok(())
    }

    pub fn has_struck(&self, fault: &str) -> bool {
        self.seen.struck.contains_key(fault)
    }
}
