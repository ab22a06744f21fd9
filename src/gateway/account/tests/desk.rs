//! The engine's side: what it was told of each order, and what may not be told.

use super::*;

#[derive(Debug, Clone)]
pub struct Ours {
    pub request: OrderRequest,
    pub accepted: bool,
    pub unknown: bool,
    /// The venue has said that its name was taken.
    pub taken: bool,
    pub fired: bool,
    pub filled: Decimal,
    /// The last word of it.
    pub over: Option<OrderUpdate>,
    pub cancelling: bool,
}

#[derive(Debug, Default)]
pub struct Desk {
    pub orders: BTreeMap<ClientId, Ours>,
    /// Told trades, by symbol and number.
    pub fills: BTreeMap<(SymbolId, u64), Fill>,
    pub forced: BTreeMap<(SymbolId, u64), Fill>,
    pub updates: Vec<(i64, OrderUpdate)>,
    pub proof: Option<bool>,
    pub proofs: Vec<(i64, bool)>,
    pub accounts: Vec<(i64, crate::market::AccountView)>,
    pub paid: Vec<crate::market::FundingPaid>,
    pub foreign: BTreeMap<SymbolId, bool>,
    pub said: Vec<(i64, crate::gateway::Remark)>,
    /// There was a restart: of what had traded before it, the session knows nothing.
    pub restarted: bool,
    /// Trades that were told before it: they may be told again, and count once.
    pub before: BTreeSet<(SymbolId, u64)>,
    /// Numbers of trades as they were told.
    pub told: Vec<(SymbolId, u64)>,
    names: u32,
}

impl Desk {
    pub fn name(&mut self, leg: char) -> ClientId {
        self.names += 1;
        ClientId::new(&format!("{:0>13}{:0>10}l{leg}{}", "tag", "time", self.names)).unwrap()
    }

    pub fn want(&mut self, request: OrderRequest) {
        let (accepted, unknown, taken, fired, over, cancelling) = (false, false, false, false, None, false);
        let filled = Decimal::ZERO;
        let order = Ours { request, accepted, unknown, taken, fired, filled, over, cancelling };
        assert!(self.orders.insert(request.id, order).is_none());
    }

    pub fn live(&self) -> impl Iterator<Item = &Ours> {
        self.orders.values().filter(|order| order.over.is_none())
    }

    /// Hears news, and holds it against what the exchange has done.
    pub fn hear(&mut self, now: i64, news: News, house: &House) {
        match news {
            News::Order(update) => {
                self.updates.push((now, update));
                self.on_update(&update, house);
            }
            News::Account(view) => {
                let theirs = house.trades.iter().filter(|done| done.trade.at.0 > now - 10_000).count();
                assert!(theirs > 0 || view.positions == house.positions(), "another position: {view:?}");
                self.accounts.push((now, view));
            }
            News::Paid(paid) => self.paid.push(paid),
            News::Proof(proof) => self.on_proof(now, proof, house),
            News::Foreign(symbol, is_there) => {
                assert_ne!(self.foreign.insert(symbol, is_there), Some(is_there), "said twice");
            }
            News::Candle(_)
            | News::Price(_)
            | News::Feed(..)
            | News::Instrument(..)
            | News::Funding(_)
            | News::ClockDoubt(_) => {}
        }
    }

    fn on_update(&mut self, update: &OrderUpdate, house: &House) {
        let id = update.id();
        match update {
            OrderUpdate::Filled(fill) => return self.on_fill(fill, house),
            OrderUpdate::Liquidated(fill) => {
                let done = house.trades.iter().find(|done| done.trade.trade_id == fill.trade_id).unwrap();
                assert!(done.forced);
                let key = (fill.symbol, fill.trade_id);
                let again = self.forced.insert(key, *fill).is_some();
                assert!(!again || self.before.remove(&key), "S6: {fill:?} twice");
                self.told.push(key);
                return;
            }
            _ => {}
        }
        let order = self.orders.get_mut(&id).expect("of an order that was never wanted");
        let whole = matches!(order.over, Some(OrderUpdate::Filled(_))) && matches!(update, OrderUpdate::Ended { .. });
        if whole && self.restarted {
            return;
        }
        assert!(order.over.is_none(), "{update:?} after {:?}", order.over);
        let theirs = house.order(id);
        match update {
            OrderUpdate::Accepted { .. } => {
                assert!(theirs.is_some(), "accepted, but not there: {id}");
                (order.accepted, order.unknown) = (true, false);
            }
            OrderUpdate::Refused { class: Class::Duplicate, .. } => order.taken = true,
            OrderUpdate::Refused { .. } => {
                assert!(theirs.is_none(), "S8: refused, but there: {id}");
                order.over = Some(*update);
            }
            OrderUpdate::Unknown { .. } => {
                assert!(!order.accepted, "{id} was accepted");
                order.unknown = true;
            }
            OrderUpdate::Ended { how: Ended::Triggered, .. } => {
                assert!(theirs.unwrap().status != Status::Open);
                assert!(!std::mem::replace(&mut order.fired, true), "told twice");
            }
            OrderUpdate::Ended { .. } => {
                assert!(theirs.is_none_or(|theirs| theirs.status.is_over()), "S8: ended, but open: {id}");
                let done = house.trades.iter().filter(|done| done.owner == Some(id)).count();
                let told = self.fills.values().filter(|fill| fill.id == id).count();
                assert_eq!(done, told, "{id} ended before its trades were told");
                order.over = Some(*update);
            }
            OrderUpdate::Absent { .. } => {
                assert!(theirs.is_none(), "S8: absent, but there: {id}");
                order.over = Some(*update);
            }
            OrderUpdate::Filled(_) | OrderUpdate::Liquidated(_) => unreachable!(),
        }
    }

    fn on_fill(&mut self, fill: &Fill, house: &House) {
        let done = house.trades.iter().find(|done| done.trade.trade_id == fill.trade_id);
        let done = done.expect("S6: a trade that nobody made");
        assert_eq!(done.owner, Some(fill.id), "S6: a trade of another");
        assert_eq!((done.trade.qty, done.trade.side, done.trade.price), (fill.qty, fill.side, fill.price));
        let key = (fill.symbol, fill.trade_id);
        if self.fills.insert(key, *fill).is_some() {
            assert!(self.before.remove(&key), "S6: {fill:?} twice");
            return;
        }
        self.told.push(key);
        let Some(order) = self.orders.get_mut(&fill.id) else { return };
        order.filled += fill.qty;
        if order.filled == order.request.qty {
            order.over.get_or_insert(OrderUpdate::Filled(*fill));
        }
    }

    fn on_proof(&mut self, now: i64, proof: bool, house: &House) {
        assert_ne!(self.proof, Some(proof), "said twice");
        self.proof = Some(proof);
        self.proofs.push((now, proof));
        if !proof {
            return;
        }
        assert!(!self.live().any(|order| order.unknown && !order.accepted && !order.taken), "S7: proven in doubt");
        let known = |done: &&house::Done| {
            let key = (done.trade.symbol, done.trade.trade_id);
            done.owner.is_none() || self.fills.contains_key(&key)
        };
        let old = house.trades.iter().filter(|done| done.trade.at.0 < now - 8_000);
        let missed: Vec<_> = old.filter(|done| !known(done)).collect();
        assert!(missed.is_empty(), "S7: proven without {missed:?}");
    }

    /// What must be so once all is calm: told is what was done, no more and no less.
    pub fn settle(&self, house: &House) {
        assert_eq!(self.proof, Some(true), "L1: not proven in the end");
        for done in &house.trades {
            let key = (done.trade.symbol, done.trade.trade_id);
            let told = if done.forced { self.forced.contains_key(&key) } else { self.fills.contains_key(&key) };
            let is_known = done.owner.is_some() || house.brought.contains(&done.trade.trade_id);
            assert_eq!(told, is_known, "S6: {done:?}");
        }
        for (id, order) in &self.orders {
            let theirs = house.order(*id);
            let open = theirs.is_some_and(|theirs| !theirs.status.is_over());
            assert_eq!(order.over.is_none(), open, "L1: {id}: {order:?}, theirs {theirs:?}");
            assert!(!open || order.accepted, "L1: {id} is open, and was not accepted");
            assert!(!open || !order.cancelling, "L1: {id} was to be cancelled");
        }
    }
}
