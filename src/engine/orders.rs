//! The life of an order, as far as the engine owns it.
//!
//! ```text
//! Held ──committed──▶ Sent ──▶ Accepted ──▶ filled, or ended
//!   │                   │  └──▶ refused: gone, nothing was executed
//!   └──after a restart──┴─────▶ Unknown ──evidence──▶ any of the above (S8)
//!
//! A name that the venue knows already is no refusal: an order has it, and which one, a look-up tells.
//! ```

use super::positions::{Plan, Reason};
use crate::market::{ClientId, Fnv, Misfit, OrderRequest, Refit, Side, Symbol, SymbolId, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ended orders that are remembered, since a fill may come after the end (a cancel that crosses it).
const REMEMBERED: usize = 64;
/// Trade numbers that are remembered, since a fill may be told twice (S6).
const REMEMBERED_TRADES: usize = 256;
/// So many of a symbol's last trades are told again after a restart.
const TOLD_AGAIN: usize = 16;

/// Digits of a signal's time in a name, to the base of 36: enough for a hundred thousand years.
const TIME_DIGITS: u32 = 10;
/// Where a name says which attempt it is.
const ATTEMPT_AT: usize = 25;

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub enum Leg {
    Entry(Plan),
    Stop,
    Target,
    Exit(Reason),
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Waits until its intent is durable.
    Held {
        /// The batch that carries the intent.
        batch: u64,
        /// Since when.
        since: Timestamp,
    },
    /// Given to the venue; no answer yet.
    Sent,
    /// The venue has it.
    Accepted,
    /// Nobody knows whether the venue has it.
    Unknown,
}

/// An order that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// As it was, or will be, sent.
    pub request: OrderRequest,
    /// What it is for.
    pub leg: Leg,
    /// Where it stands.
    pub stage: Stage,
    /// How much of it has traded.
    pub filled: Decimal,
    /// Whether a cancel was sent.
    pub cancelling: bool,
    /// Set on a stop, target or exit whose name was taken when it came: what the venue has under it, from before a restart, may be for
    /// another quantity or price. It protects nothing, and goes once something does.
    pub taken: bool,
    /// Set on an entry that came too late: what of it fills all the same is closed at once, for this reason.
    pub abandoned: Option<Reason>,
    /// Set on a stop or target whose price was reached: another order of the venue's carries on for it, and may be stuck.
    #[serde(default)]
    pub fired: bool,
}

impl Order {
    /// What has not traded yet, in base units.
    #[must_use]
    pub fn open_qty(&self) -> Decimal {
        if self.filled.is_zero() { self.request.qty } else { self.request.qty - self.filled }
    }

    /// Whether the venue has it or will have it, as far as we know, and we want it.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.taken && self.can_go()
    }

    /// Whether the venue has it or will have it, as far as we know, and it was not cancelled yet.
    #[must_use]
    pub fn can_go(&self) -> bool {
        !self.cancelling && self.stage != Stage::Unknown
    }

    /// Whether it is a stop that the venue has confirmed, and that waits for its price with this quantity or more (S2).
    #[must_use]
    pub fn covers(&self, qty: Decimal) -> bool {
        let stands = self.stage == Stage::Accepted && self.counts() && !self.fired;
        self.leg == Leg::Stop && stands && self.open_qty() >= qty
    }

    /// With the numbers of other lists.
    fn refit(mut self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        if let Leg::Entry(plan) = &mut self.leg {
            plan.strategy = lists.strategy(plan.strategy, self.request.symbol)?;
        }
        self.request.symbol = lists.symbol(self.request.symbol)?;
        Ok(self)
    }

    /// The same for one that is only remembered; `None` where its symbol is gone, and with it all that could come of it.
    ///
    /// An entry whose strategy is gone goes to the first one, so that a late fill of it still gets a stop, and is closed at once.
    fn remembered(mut self, lists: &Refit<'_>) -> Option<Self> {
        if let Leg::Entry(plan) = &mut self.leg {
            plan.strategy = lists.strategy(plan.strategy, self.request.symbol).ok().or_else(|| {
                self.abandoned.get_or_insert(Reason::Manual);
                (!lists.now.strategies.is_empty()).then_some(0)
            })?;
        }
        self.request.symbol = lists.symbol(self.request.symbol).ok()?;
        Some(self)
    }
}

/// Every order that has not ended, and a few that have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Orders {
    open: Vec<Order>,
    ended: VecDeque<Order>,
    trades: VecDeque<(SymbolId, u64)>,
    /// No number among them is higher; `None` where that is not known.
    #[serde(default)]
    highest: Option<u64>,
}

impl Orders {
    /// A new order whose intent goes with `batch`.
    pub fn hold(&mut self, request: OrderRequest, leg: Leg, batch: u64, now: Timestamp) {
        let stage = Stage::Held { batch, since: now };
        let filled = Decimal::ZERO;
        let (cancelling, taken, abandoned, fired) = (false, false, None, false);
        self.open.push(Order { request, leg, stage, filled, cancelling, taken, abandoned, fired });
    }

    /// Orders that have not ended, oldest first.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.open.iter()
    }

    /// The oldest order that has not ended and matches.
    pub fn find_mut(&mut self, which: impl Fn(&Order) -> bool) -> Option<&mut Order> {
        self.open.iter_mut().find(|order| which(order))
    }

    /// Orders of a symbol that have not ended, oldest first.
    pub fn of(&self, symbol: SymbolId) -> impl DoubleEndedIterator<Item = &Order> {
        self.open.iter().filter(move |order| order.request.symbol == symbol)
    }

    /// Marks the entries of a symbol as come too late.
    pub fn abandon(&mut self, symbol: SymbolId, reason: Reason) {
        let entries = self.open.iter_mut().filter(|order| matches!(order.leg, Leg::Entry(_)));
        for entry in entries.filter(|order| order.request.symbol == symbol) {
            entry.abandoned.get_or_insert(reason);
        }
    }

    /// An order that has not ended.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Order> {
        self.find_mut(|order| order.request.id == id)
    }

    /// An order, also one that ended a while ago.
    #[must_use]
    pub fn find(&self, id: ClientId) -> Option<&Order> {
        self.open.iter().chain(&self.ended).find(|order| order.request.id == id)
    }

    /// Takes an order out; it is remembered for late fills.
    pub fn end(&mut self, id: ClientId) -> Option<&Order> {
        let place = self.open.iter().position(|order| order.request.id == id)?;
        let order = self.open.remove(place);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(order);
        self.ended.back()
    }

    /// Whether a trade number is new; it counts once (S6).
    pub fn is_new_trade(&mut self, symbol: SymbolId, trade_id: u64) -> bool {
        // most numbers are above all before them, and need no look at each
        let highest = self.highest.or_else(|| self.trades.iter().map(|(_, number)| *number).max());
        // numbers differ where symbols do not
        let is_it = |(of, number): &(SymbolId, u64)| *number == trade_id && *of == symbol;
        if highest.is_some_and(|highest| trade_id <= highest) && self.trades.iter().any(is_it) {
            return false;
        }
        self.highest = highest.max(Some(trade_id));
        if self.trades.len() == REMEMBERED_TRADES {
            self.trades.pop_front();
        }
        self.trades.push_back((symbol, trade_id));
        true
    }

    /// From this trade of a symbol on each that was counted is remembered, so all after it may be told again; `None` where none was.
    ///
    /// A little before the last one: trades come in any order, and one that a crash has lost may have a lower number.
    #[must_use]
    pub fn counted(&self, symbol: SymbolId) -> Option<u64> {
        let of_symbol = self.trades.iter().rev().filter(|(of, _)| *of == symbol).map(|(_, number)| *number);
        of_symbol.take(TOLD_AGAIN).min()
    }

    /// Whether any order is in doubt; then the account is unproven (S7).
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.open.iter().any(|order| order.stage == Stage::Unknown)
    }

    /// With the numbers of other lists.
    ///
    /// # Errors
    ///
    /// Where the symbol of an open order is gone, or the strategy of an open entry.
    pub fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        let open = self.open.into_iter().map(|order| order.refit(lists)).collect::<Result<_, _>>()?;
        let ended = self.ended.into_iter().filter_map(|order| order.remembered(lists)).collect();
        let trades = self.trades.into_iter().filter_map(|(symbol, number)| Some((lists.symbol(symbol).ok()?, number)));
        Ok(Self { open, ended, trades: trades.collect(), highest: self.highest })
    }

    /// Filled ≤ ordered, for every order.
    pub fn check(&self) {
        for order in &self.open {
            assert!(order.filled <= order.request.qty, "{} filled more than it ordered", order.request.id);
        }
    }
}

/// The part of a client id that strategy and symbol make: letters and digits of their hash.
pub type Tag = [u8; 13];

/// The tag of a strategy's orders in a symbol.
#[must_use]
pub fn tag(strategy: &str, symbol: &Symbol) -> Tag {
    let mut hash = Fnv::default();
    hash.add_bytes(strategy.as_bytes());
    hash.add_bytes(b"/");
    hash.add_bytes(symbol.as_str().as_bytes());
    let mut tag = Tag::default();
    base36(hash.value(), &mut tag);
    tag
}

/// An order's name: a pure function of strategy and symbol (the `tag`), side, signal time, leg and attempt.
#[must_use]
pub fn client_id(tag: &Tag, side: Side, signal_at: Timestamp, leg: &Leg, attempt: u32) -> ClientId {
    // 13 for the tag, 10 for the time, 2, and at most 7 for an attempt: 32. All but the last are of one length, so no two run together.
    let mut name = [b'0'; ClientId::LONGEST];
    let (front, of_attempt) = name.split_at_mut(ATTEMPT_AT);
    front[..13].copy_from_slice(tag);
    base36(signal_at.0.unsigned_abs() % 36u64.pow(TIME_DIGITS), &mut front[13..23]);
    front[23] = if side == Side::Long { b'l' } else { b's' };
    front[24] = match leg {
        Leg::Entry(_) => b'e',
        Leg::Stop => b's',
        Leg::Target => b't',
        Leg::Exit(_) => b'x',
    };
    let digits = attempt.checked_ilog(36).unwrap_or(0) as usize + 1;
    base36(attempt.into(), &mut of_attempt[..digits]);
    ClientId::of(&name[..ATTEMPT_AT + digits]).expect("lower-case letters and digits")
}

/// Which attempt at a leg of that signal an order of this name was; `None` where the name is of something else.
#[must_use]
pub fn attempt_of(id: ClientId, tag: &Tag, side: Side, signal_at: Timestamp, leg: &Leg) -> Option<u32> {
    let first = client_id(tag, side, signal_at, leg, 0);
    let (of_leg, _) = first.as_str().split_at(ATTEMPT_AT);
    let attempt = u32::from_str_radix(id.as_str().strip_prefix(of_leg)?, 36).ok()?;
    (client_id(tag, side, signal_at, leg, attempt) == id).then_some(attempt)
}

/// Writes a number to the base of 36, with zeros before it.
fn base36(mut number: u64, into: &mut [u8]) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::could_be_ours;
    use proptest::prelude::*;

    #[test]
    fn names_differ_in_every_part_and_fit() {
        let symbols: Vec<Symbol> = ["BTCUSDT", "ETHUSDT"].map(|name| name.parse().unwrap()).into();
        let mut seen = Vec::new();
        for strategy in ["oversold_bounce", "short_the_rip"] {
            for symbol in &symbols {
                for side in [Side::Long, Side::Short] {
                    for at in [1, 64, 1_761_004_236_000, i64::MAX] {
                        for leg in [Leg::Stop, Leg::Target, Leg::Exit(Reason::Time)] {
                            for attempt in [0, 5, 1049, u32::MAX] {
                                seen.push(client_id(&tag(strategy, symbol), side, Timestamp(at), &leg, attempt));
                            }
                        }
                    }
                }
            }
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
        let again = client_id(&tag("oversold_bounce", &symbols[0]), Side::Long, Timestamp(1), &Leg::Stop, 0);
        assert!(seen.contains(&again), "the same parts make the same name");
    }

    #[test]
    fn our_names_are_known_by_their_form() {
        let tag = tag("oversold_bounce", &"BTCUSDT".parse().unwrap());
        for (side, leg, attempt) in [
            (Side::Long, Leg::Stop, 0),
            (Side::Short, Leg::Target, 35),
            (Side::Long, Leg::Exit(Reason::Time), u32::MAX),
        ] {
            let id = client_id(&tag, side, Timestamp(1_754_404_200_000), &leg, attempt);
            assert!(could_be_ours(id.as_str()), "{id}");
        }
        for name in [
            "",
            "web_0123456789abcdefghijkl",
            "x-Cb7ytekJ0123456789012345678",
            "0123456789012345678901234567890",
            "autoclose-123",
            "ios_kQ2",
        ] {
            assert!(!could_be_ours(name), "{name}");
        }
    }

    #[test]
    fn a_name_tells_its_attempt() {
        let tag = tag("oversold_bounce", &"BTCUSDT".parse().unwrap());
        let (side, at, leg) = (Side::Long, Timestamp(1_761_004_236_000), Leg::Stop);
        for attempt in [0, 9, 10, 35, 36, u32::MAX] {
            let id = client_id(&tag, side, at, &leg, attempt);
            assert_eq!(attempt_of(id, &tag, side, at, &leg), Some(attempt));
            assert_eq!(attempt_of(id, &tag, Side::Short, at, &leg), None);
            assert_eq!(attempt_of(id, &tag, side, Timestamp(at.0 + 1), &leg), None);
            assert_eq!(attempt_of(id, &tag, side, at, &Leg::Target), None);
        }
        let first = client_id(&tag, side, at, &leg, 0).to_string();
        for other in ["a", &first[..25], &format!("{first}0"), &format!("{}zzzzzzz", &first[..25])] {
            assert_eq!(attempt_of(ClientId::new(other).unwrap(), &tag, side, at, &leg), None, "{other}");
        }
    }

    #[test]
    fn a_restart_reads_the_trades_from_a_little_before_the_last_one_that_counted() {
        for (what, told, want) in [
            ("nothing was counted", vec![], None),
            ("another symbol", vec![(1, 7)], None),
            ("few", vec![(0, 7), (1, 3), (0, 9)], Some(7)),
            ("out of order", vec![(0, 9), (0, 7)], Some(7)),
            ("many", (0..40).map(|number| (0, number)).collect(), Some(24)),
        ] {
            let mut orders = Orders::default();
            told.iter().for_each(|(symbol, number)| assert!(orders.is_new_trade(SymbolId(*symbol), *number)));
            assert_eq!(orders.counted(SymbolId(0)), want, "{what}");
            let counted = |number: &u64| told.contains(&(0, *number));
            let again = (0..50u64).filter(|number| want.is_some_and(|from| *number >= from) && counted(number));
            assert!(again.into_iter().all(|number| !orders.is_new_trade(SymbolId(0), number)), "{what}: S6");
        }
    }

    #[test]
    fn a_trade_number_counts_once() {
        let mut orders = Orders::default();
        assert!(orders.is_new_trade(SymbolId(0), 7));
        assert!(!orders.is_new_trade(SymbolId(0), 7));
        assert!(orders.is_new_trade(SymbolId(1), 7), "venues count for each symbol");
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_never_new_in_whatever_order_it_comes(
            told in prop::collection::vec((0u16..2, prop_oneof![0u64..40, 0u64..2_000]), 1..600), older in 0usize..600,
        ) {
            let (mut orders, mut known) = (Orders::default(), VecDeque::new());
            for (at, (symbol, number)) in told.into_iter().enumerate() {
                if at == older {
                    orders.highest = None; // as an earlier version has left it
                }
                let is_new = !known.contains(&(symbol, number));
                prop_assert_eq!(orders.is_new_trade(SymbolId(symbol), number), is_new, "{} of {}", number, symbol);
                if is_new {
                    known.push_back((symbol, number));
                }
                if known.len() > REMEMBERED_TRADES {
                    known.pop_front();
                }
            }
        }
    }
}
