//! Our books against the exchange's: its view wins, and what is not ours is left alone (S15).
//!
//! The session tells fills before the view that includes them. Where a view differs all the same, another must say so too.

use super::{
    Action, Engine, Need, Note, Proof, Reason, State,
    differences::Worth,
    orders::{self, Leg, Stage},
};
use crate::market::{AccountView, Fill, OrderCommand, PositionView, SymbolId, Timestamp, decimal};
use rust_decimal::Decimal;

impl State {
    /// The state of an account that is at an exchange, and that nobody has compared yet (S7).
    #[must_use]
    pub fn on_exchange(mut self) -> Self {
        self.live = true;
        self.blocks.doubt = true;
        self.differences.begin_anew();
        self
    }

    /// Whether the account is at an exchange.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// Whether our view of the account was the venue's, as far as we knew (S7).
    #[must_use]
    pub fn is_proven(&self) -> bool {
        !(self.blocks.doubt || self.differences.in_doubt() || self.orders.in_doubt())
    }

    /// Symbols with an order or a position that is not ours.
    pub fn foreign(&self) -> impl Iterator<Item = SymbolId> {
        let symbols = (0..self.positions.len()).map(|index| SymbolId(index as u16));
        symbols.filter(|symbol| self.differences.foreign(*symbol))
    }
}

impl Engine {
    /// Whether our view of the account is the venue's. Once it is, what we cancelled and is there all the same is cancelled again: the
    /// first cancel may have died with the process that asked for it.
    pub(super) fn on_proof(&mut self, proof: Proof, actions: &mut Vec<Action>) {
        self.state.blocks.doubt = proof == Proof::Doubt;
        if proof == Proof::Proven {
            let left = self.state.orders.open().filter(|order| order.cancelling && order.stage == Stage::Accepted);
            actions.extend(left.map(|order| {
                Action::Order(OrderCommand::Cancel { id: order.request.id, symbol: order.request.symbol })
            }));
            self.say_foreign(actions);
        }
    }

    /// The session tells whether a symbol has an order or a position that is not ours.
    pub(super) fn on_foreign(&mut self, symbol: SymbolId, is_there: bool, actions: &mut Vec<Action>) {
        self.state.differences.tell(symbol, is_there);
        self.say_foreign(actions);
    }

    /// No entries until the account is compared with the venue's.
    pub(super) fn doubt(&mut self, note: Note, actions: &mut Vec<Action>) {
        let before = self.state.blocks.doubt;
        if !before {
            actions.push(Action::Alert(note));
        }
        // a comparison that is under way may have passed the place already
        if !before || self.state.live {
            self.reconcile(actions);
        }
    }

    /// Asks for a comparison; no entries until the account is proven by it.
    pub(super) fn reconcile(&mut self, actions: &mut Vec<Action>) {
        self.state.blocks.doubt = true;
        actions.push(Action::Need(Need::Reconcile));
    }

    /// The venue's view of the account wins. Where a position differs, only once it was seen twice; and the balance only with positions that
    /// agree, since it holds the result of a fill that is still on its way.
    pub(super) fn on_account(&mut self, now: Timestamp, view: &AccountView, actions: &mut Vec<Action>) {
        self.look_back();
        let (mut settled, mut closed) = (true, false);
        for index in 0..self.state.positions.len() {
            let symbol = SymbolId(index as u16);
            let theirs = view
                .positions
                .iter()
                .find(|position| position.symbol == symbol)
                .map_or(Decimal::ZERO, PositionView::signed_qty);
            let ours = self.ours(symbol);
            match self.state.differences.look(symbol, theirs - ours) {
                Worth::Known => {}
                Worth::New => settled = false,
                Worth::Confirmed => closed |= self.adopt(now, symbol, (ours, theirs), actions),
            }
        }
        if settled {
            self.adopt_balance(view.balance, closed, actions);
        } else {
            self.reconcile(actions);
        }
        self.say_foreign(actions);
    }

    /// What we hold of a symbol, above 0 for long.
    fn ours(&self, symbol: SymbolId) -> Decimal {
        let position = self.state.positions[symbol.index()].as_ref();
        position.map_or(Decimal::ZERO, |position| position.plan.side.signed(position.qty))
    }

    /// Takes the exchange's position over: what is gone of ours was closed outside, what is more than ours is not ours. Whether some of ours
    /// was closed.
    fn adopt(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        (ours, theirs): (Decimal, Decimal),
        actions: &mut Vec<Action>,
    ) -> bool {
        let same_side = ours.is_sign_negative() == theirs.is_sign_negative();
        let kept = if same_side { ours.abs().min(theirs.abs()) } else { Decimal::ZERO };
        let gone = ours.abs() - kept;
        if gone > Decimal::ZERO {
            self.book_outside(now, symbol, gone, actions);
        }
        self.state.differences.settle(symbol, theirs - self.ours(symbol));
        self.unsaved = true;
        gone > Decimal::ZERO
    }

    /// A quantity of ours is gone, and no order of ours did it. Our orders for it go too.
    fn book_outside(&mut self, now: Timestamp, symbol: SymbolId, qty: Decimal, actions: &mut Vec<Action>) {
        let Some(position) = &self.state.positions[symbol.index()] else { return };
        let desk = &self.desks[symbol.index()];
        let price = desk.seen_at.and_then(|_| decimal(desk.mark)).unwrap_or_else(|| position.entry_price());
        let plan = position.plan;
        let tag = &self.tags[self.pair(usize::from(plan.strategy), symbol)];
        // of no order and no trade: neither is recorded
        let id = orders::client_id(tag, plan.side, plan.signal_at, &Leg::Exit(Reason::Manual), u32::MAX);
        let (side, fee) = (plan.side.exit(), Decimal::ZERO);
        let fill = Fill { id, trade_id: 0, symbol, side, qty, price, fee, at: now };
        actions.push(Action::Alert(Note::ClosedOutside { symbol, qty, price }));
        self.on_exit_fill(&fill, Reason::Manual, actions);
        self.tend(now, symbol, actions);
    }

    /// A balance that differs is money that came or went, and no result: it moves what results are measured from. Unless a position was
    /// closed outside, whose result we only guess.
    fn adopt_balance(&mut self, balance: Decimal, closed: bool, actions: &mut Vec<Action>) {
        let account = &mut self.state.account;
        let by = balance - account.balance;
        if by.is_zero() {
            return;
        }
        account.adjust(balance);
        if !closed {
            account.day.start_equity += by;
            let peak = &mut self.state.breakers.peak;
            *peak = if peak.is_zero() { *peak } else { (*peak + by).max(Decimal::ZERO) };
        }
        self.unsaved = true;
        actions.push(Action::Log(Note::Adjusted { balance: balance.normalize(), by: by.normalize() }));
    }

    /// Says what is not ours, once; that it is gone, only where the account is proven.
    fn say_foreign(&mut self, actions: &mut Vec<Action>) {
        for index in 0..self.desks.len() {
            let symbol = SymbolId(index as u16);
            if self.state.blocks.doubt && !self.state.differences.foreign(symbol) {
                continue;
            }
            let Some(is_there) = self.state.differences.news(symbol) else { continue };
            self.unsaved = true;
            actions.push(if is_there {
                Action::Alert(Note::Foreign(symbol))
            } else {
                Action::Log(Note::ForeignOver(symbol))
            });
        }
    }

    /// Whether the account is at an exchange.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.state.live
    }

    /// Symbols with an order or a position that is not ours.
    pub fn foreign(&self) -> impl Iterator<Item = SymbolId> {
        self.state.foreign()
    }

    /// Whether our view of the account is the venue's, as far as we know (S7).
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.state.is_proven()
    }

    /// By symbol, the number of the trade after which trades are read at a start, see [`orders::Orders::counted`].
    #[must_use]
    pub fn counted(&self) -> Vec<Option<u64>> {
        (0..self.desks.len()).map(|index| self.state.orders.counted(SymbolId(index as u16))).collect()
    }
}
