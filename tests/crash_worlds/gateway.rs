//! What the session with the venue does at a start and when an answer stays away. It never sends an order again: it looks up.
//!
//! A start: the candles until the cursor as history, what the trader begins a run with, look-ups, the trades since, what the engine
//! does not know, and `Proven` once both sides hold the same.

use super::{
    plan::{Bug, SIGNAL},
    venue::{End, Look, View},
    world::{BTC, CAPITAL, Process, Task, WIRE_MS, Word, World},
};
use crate::promises::{Stop, Turn};
use rust_decimal::Decimal;
use smolbear::{
    engine::{Engine, Event, Leg, Order, Proof, Stage},
    market::{
        AccountView, Class, ClientId, ClosedCandle, Ended, Fill, OrderCommand, OrderUpdate, PositionView, Side,
        Timestamp,
    },
    trader::Trader,
};
use std::collections::{BTreeMap, BTreeSet};

/// So long after an order was sent it may still be on its way, or the venue may not show it yet: that it is not there says nothing before.
const DELAY_MS: i64 = 2_000;
/// Between two look-ups, and between two views of the account.
const AGAIN_MS: i64 = 700;
/// Between two views of an account that is proven.
const AUDIT_MS: i64 = 20_000;
/// After that nothing is left to look at.
const AUDITED_UNTIL: Timestamp = SIGNAL.plus_ms(60_000);
/// An order is not there after so many misses.
const MISSES: u8 = 2;

#[derive(Default)]
pub struct Gateway {
    started: Timestamp,
    /// Orders without an answer yet.
    waiting: BTreeSet<ClientId>,
    /// Cancels without an answer yet.
    cancels: BTreeSet<ClientId>,
    /// Names that are being looked up: since when, and how often they were not there.
    looking: BTreeMap<ClientId, (Timestamp, u8)>,
    /// Trades that were told in this life.
    told: BTreeSet<u64>,
    /// The account is being compared.
    reconciling: bool,
}

fn order(engine: &Engine, id: ClientId) -> Option<&Order> {
    engine.orders().find(|order| order.request.id == id)
}

impl World {
    /// The bot starts, from what the disk has.
    pub fn start(&mut self) -> Turn {
        self.life += 1;
        let (settings, memory) = (self.plan.tape.settings(), self.disk.open());
        let last_batch = memory.as_ref().map(|memory| memory.batch);
        let cursor = memory.as_ref().map_or(Some(self.now), |memory| memory.cursor);
        let trader = match memory {
            Some(memory) => Trader::resume_on_exchange(settings, memory.state),
            None => Trader::on_exchange(settings),
        };
        self.process = Some(Process { trader, gateway: Gateway { started: self.now, ..Gateway::default() }, cursor });
        self.tell(&Event::StoreDoubt(false))?;
        let (history, since): (Vec<_>, Vec<_>) =
            self.plan.tape.candles(self.now).partition(|candle| Some(candle.closes_at()) <= cursor);
        for candle in history {
            self.tell(&Event::Candle(ClosedCandle { history: true, ..candle }))?;
        }
        if self.plan.bug == Some(Bug::ResendsBlindly) {
            self.resend(last_batch)?;
        } else {
            self.look_up_what_has_no_answer()?;
            // the disk has it: a shell may well say so
            last_batch.map_or(Ok(()), |batch| self.tell(&Event::Committed { batch }))?;
        }
        since.into_iter().try_for_each(|candle| self.tell(&Event::Candle(candle)))?;
        self.reconcile();
        Ok(())
    }

    /// Whatever was not answered may have been sent: a held order too, since the commit that restored it may have been its last.
    fn look_up_what_has_no_answer(&mut self) -> Turn {
        let (orders, opening) = (self.orders(), self.trader().opening(false));
        for event in opening {
            match event {
                Event::Order(OrderUpdate::Unknown { id }) => self.in_doubt(id)?,
                other => self.tell(&other)?,
            }
        }
        orders.iter().filter(|(_, stage)| *stage != Stage::Accepted).for_each(|(id, _)| self.look_up(*id));
        Ok(())
    }

    fn trader(&self) -> &Trader {
        &self.process.as_ref().expect("it runs").trader
    }

    /// The mistake that is planted: what was not answered counts as not sent.
    fn resend(&mut self, last_batch: Option<u64>) -> Turn {
        last_batch.map_or(Ok(()), |batch| self.tell(&Event::Committed { batch }))?;
        let unanswered = |order: &&Order| order.stage == Stage::Sent;
        let requests: Vec<_> = self.trader().engine().orders().filter(unanswered).map(|order| order.request).collect();
        requests.into_iter().for_each(|request| self.send(OrderCommand::Place(request)));
        Ok(())
    }

    fn orders(&self) -> Vec<(ClientId, Stage)> {
        let orders = self.process.iter().flat_map(|process| process.trader.engine().orders());
        orders.map(|order| (order.request.id, order.stage)).collect()
    }

    fn gateway(&mut self) -> &mut Gateway {
        &mut self.process.as_mut().expect("only a bot that runs has one").gateway
    }

    fn in_doubt(&mut self, id: ClientId) -> Turn {
        let update = match self.plan.bug {
            Some(Bug::TakesUnknownForFailed) => OrderUpdate::Refused { id, code: 0, class: Class::Other },
            _ => OrderUpdate::Unknown { id },
        };
        self.tell(&Event::Order(update))
    }

    pub fn place_or_cancel(&mut self, command: OrderCommand) {
        match command {
            OrderCommand::Place(request) => _ = self.gateway().waiting.insert(request.id),
            OrderCommand::Cancel { id, .. } => _ = self.gateway().cancels.insert(id),
        }
        self.send(command);
    }

    pub fn no_answer(&mut self, id: ClientId) -> Turn {
        if self.gateway().waiting.remove(&id) {
            self.in_doubt(id)?;
            self.look_up(id);
        }
        Ok(())
    }

    pub fn no_cancel(&mut self, id: ClientId) {
        if self.gateway().cancels.contains(&id) {
            self.look_up(id);
        }
    }

    fn look_up(&mut self, id: ClientId) {
        let (now, life) = (self.now, self.life);
        let mut asks = false;
        self.gateway().looking.entry(id).or_insert_with(|| {
            asks = true;
            (now, 0)
        });
        if asks {
            self.seen.look_ups += 1;
            self.after(WIRE_MS, Task::LookUp { life, id });
        }
    }

    pub fn reconcile(&mut self) {
        let life = self.life;
        if !std::mem::replace(&mut self.gateway().reconciling, true) {
            self.after(WIRE_MS, Task::Ask { life });
        }
    }

    // ── what comes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn hear(&mut self, word: Word) -> Turn {
        match word {
            Word::Durable(batch) => {
                self.tell(&Event::Committed { batch })?;
                if self.disk.waiting() == 0 { self.tell(&Event::StoreDoubt(false)) } else { Ok(()) }
            }
            Word::Update(update) => self.on_update(update),
            Word::NothingToCancel(id) => {
                self.look_up(id);
                Ok(())
            }
            Word::Looked(id, look) => self.on_look(id, look),
            Word::Viewed(view) => self.on_view(&view),
        }
    }

    fn on_update(&mut self, update: OrderUpdate) -> Turn {
        let id = update.id();
        match update {
            OrderUpdate::Filled(fill) => _ = self.gateway().told.insert(fill.trade_id),
            _ => {
                let gateway = self.gateway();
                gateway.waiting.remove(&id);
                gateway.looking.remove(&id);
                if matches!(update, OrderUpdate::Ended { .. }) {
                    gateway.cancels.remove(&id);
                }
            }
        }
        self.tell(&Event::Order(update))
    }

    fn on_look(&mut self, id: ClientId, look: Look) -> Turn {
        let (now, life) = (self.now, self.life);
        let believes = self.plan.bug == Some(Bug::BelievesOneMiss);
        let Some((since, misses)) = self.gateway().looking.get_mut(&id) else { return Ok(()) };
        let Some(end) = look.there else {
            *misses += u8::from(now.since_ms(*since) >= DELAY_MS);
            if *misses < MISSES && !believes {
                self.after(AGAIN_MS, Task::LookUp { life, id });
                return Ok(());
            }
            if self.venue.orders.iter().any(|order| order.request.id == id) {
                return Err(Stop::Broken(format!("S8: {id} was called absent, and is there")));
            }
            return self.on_update(OrderUpdate::Absent { id });
        };
        for fill in look.fills {
            self.on_update(OrderUpdate::Filled(fill))?;
        }
        let known =
            self.process.as_ref().and_then(|process| order(process.trader.engine(), id)).map(|order| order.stage);
        match end {
            None if self.gateway().cancels.contains(&id) => {
                self.gateway().looking.remove(&id);
                self.send(OrderCommand::Cancel { id, symbol: BTC });
                if known == Some(Stage::Accepted) {
                    Ok(())
                } else {
                    self.tell(&Event::Order(OrderUpdate::Accepted { id }))
                }
            }
            None => self.on_update(OrderUpdate::Accepted { id }),
            Some(End::Otherwise(how)) => self.on_update(OrderUpdate::Ended { id, how }),
            // what was told of its trades has ended it, unless it was for more
            Some(End::Filled) => self.on_update(OrderUpdate::Ended { id, how: Ended::Expired }),
        }
    }

    /// The account as the venue has it: what was missed is told, what nobody knows is cancelled, and once all is the same it is proven.
    fn on_view(&mut self, view: &View) -> Turn {
        for fill in &view.trades {
            if self.gateway().told.insert(fill.trade_id) {
                let renumbered = self.plan.bug == Some(Bug::RenumbersTrades) && self.life > 1;
                let trade_id = fill.trade_id + if renumbered { 1_000 } else { 0 };
                self.on_update(OrderUpdate::Filled(Fill { trade_id, ..*fill }))?;
            }
        }
        self.show(view)?;
        if !self.gateway().reconciling {
            self.audit();
            return Ok(());
        }
        let ours = self.orders();
        let is_open = |id: ClientId| view.open.iter().any(|order| order.id == id);
        for (id, stage) in &ours {
            if *stage == Stage::Unknown || *stage == Stage::Accepted && !is_open(*id) {
                self.look_up(*id);
            }
        }
        let orphans: Vec<ClientId> =
            view.open.iter().map(|order| order.id).filter(|id| ours.iter().all(|(known, _)| known != id)).collect();
        let alike = ours.iter().all(|(id, stage)| *stage == Stage::Accepted && is_open(*id));
        let settled = self.now.since_ms(self.gateway().started) >= DELAY_MS;
        if settled && orphans.is_empty() && alike && self.ours() == view.position {
            self.gateway().reconciling = false;
            self.audit();
            return self.tell(&Event::Proof(Proof::Proven));
        }
        if self.is_covered_by_what_we_know() {
            for id in orphans {
                if self.gateway().cancels.insert(id) {
                    self.seen.orphans += 1;
                    self.send(OrderCommand::Cancel { id, symbol: BTC });
                }
            }
        }
        let life = self.life;
        self.after(AGAIN_MS, Task::Ask { life });
        Ok(())
    }

    /// Another view follows, while the trade may still go on.
    fn audit(&mut self) {
        if self.now < AUDITED_UNTIL {
            let life = self.life;
            self.after(AUDIT_MS, Task::Ask { life });
        }
    }

    /// The trader is shown what the venue holds, once it was told of all trades.
    fn show(&mut self, view: &View) -> Turn {
        let (qty, entry_price) = (view.position.abs(), Decimal::from(98_500));
        let held = PositionView { symbol: BTC, side: Side::Long, qty, entry_price };
        let positions = [held].into_iter().filter(|held| !held.qty.is_zero()).collect();
        self.tell(&Event::Account(AccountView { balance: Decimal::from(CAPITAL) + view.earned, positions }))
    }

    /// An order that the engine does not know may be all that protects a position: it goes last.
    fn is_covered_by_what_we_know(&self) -> bool {
        let Some(process) = &self.process else { return false };
        process.trader.engine().positions().all(|position| {
            let stands = |order: &Order| order.leg == Leg::Stop && order.stage == Stage::Accepted;
            process.trader.engine().orders().any(|order| stands(order) && order.open_qty() >= position.qty)
        })
    }
}
