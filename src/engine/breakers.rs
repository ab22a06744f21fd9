//! Circuit breakers: what has tripped, how far that limits trading, and when it resets.
//!
//! What trips is said once, and once when it resets; in between it may last longer, which is not said. All of it is part of the state, so
//! that a restart knows. Where equity trips one is in `weighing.rs`, how far symbols go together in `together.rs`.

use super::{Action, Engine, Halt, Note, Reason, Skip, settings, sizing};
use crate::market::{Misfit, Refit, SymbolId, Timestamp, seconds_ms};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What can trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Breaker {
    /// Too many positions in a row were closed with a loss: no entries until the UTC day ends. Measured: how many.
    LossStreak,
    /// The day has lost too much: all positions are closed, and no entries until the UTC day ends. Measured: percent of its first equity.
    DailyLoss,
    /// A position has lost too much and is closed. Measured: percent of equity.
    PositionLoss(SymbolId),
    /// An hour moved a symbol's price far more than usual: half the size for a while. Measured: standard deviations.
    Spike(SymbolId),
    /// An entry would go together with what is open, so there was none; the next one is measured anew. Measured: the correlation.
    Correlation(SymbolId),
    /// Equity has fallen too far from its highest: all positions are closed and the run ends. Measured: percent of the highest.
    Drawdown,
    /// Nothing is left: likewise. Measured: the balance in USDT.
    Empty,
}

impl Breaker {
    /// How far all of trading is limited; `None` where it is about one symbol.
    #[must_use]
    pub const fn level(self) -> Option<Halt> {
        match self {
            Self::LossStreak => Some(Halt::Pause),
            Self::DailyLoss => Some(Halt::Close),
            Self::Drawdown | Self::Empty => Some(Halt::Emergency),
            Self::PositionLoss(_) | Self::Spike(_) | Self::Correlation(_) => None,
        }
    }

    fn refit(self, lists: &Refit<'_>) -> Result<Self, Misfit> {
        Ok(match self {
            Self::PositionLoss(symbol) => Self::PositionLoss(lists.symbol(symbol)?),
            Self::Spike(symbol) => Self::Spike(lists.symbol(symbol)?),
            Self::Correlation(symbol) => Self::Correlation(lists.symbol(symbol)?),
            Self::LossStreak | Self::DailyLoss | Self::Drawdown | Self::Empty => self,
        })
    }
}

/// A breaker that has tripped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tripped {
    /// Which.
    pub breaker: Breaker,
    /// When.
    pub at: Timestamp,
    /// When it resets by itself; `None`: with the position's end, or, for an emergency stop, when the user clears it.
    pub until: Option<Timestamp>,
    /// What was measured when it tripped, see [`Breaker`].
    pub measured: f64,
}

/// The state of all breakers. What has tripped is at most one of each, and one of each a symbol.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Breakers {
    tripped: Vec<Tripped>,
    /// The highest equity so far, in USDT; 0: not known yet.
    pub(super) peak: Decimal,
    /// How many positions in a row were closed with a loss.
    losses: u32,
}

impl Breakers {
    /// What has tripped and not been reset, oldest first.
    #[must_use]
    pub fn tripped(&self) -> &[Tripped] {
        &self.tripped
    }

    /// Whether it has tripped.
    #[must_use]
    pub fn has(&self, breaker: Breaker) -> bool {
        self.tripped.iter().any(|tripped| tripped.breaker == breaker)
    }

    /// How far trading is limited.
    #[must_use]
    pub fn level(&self) -> Option<Halt> {
        self.tripped.iter().filter_map(|tripped| tripped.breaker.level()).max()
    }

    /// Why a position that is opened all the same, by an order that nobody could stop, is to be closed at once.
    pub(super) fn closing(&self) -> Option<Reason> {
        (self.level() >= Some(Halt::Close)).then_some(Reason::Breaker)
    }

    /// When the next one resets by itself.
    pub(super) fn next_reset(&self) -> Option<Timestamp> {
        self.tripped.iter().filter_map(|tripped| tripped.until).min()
    }

    /// For other lists of symbols; what has tripped for one that is gone is forgotten.
    pub(super) fn refit(self, lists: &Refit<'_>) -> Self {
        let moved = |tripped: Tripped| Some(Tripped { breaker: tripped.breaker.refit(lists).ok()?, ..tripped });
        Self { tripped: self.tripped.into_iter().filter_map(moved).collect(), ..self }
    }
}

impl Engine {
    /// Trips a breaker, or lets one that has tripped last longer; whether it was the first.
    pub(super) fn trip(&mut self, tripped: Tripped, actions: &mut Vec<Action>) -> bool {
        self.due = tripped.until.map_or(self.due, |until| until.min(self.due));
        let known = &mut self.state.breakers.tripped;
        if let Some(known) = known.iter_mut().find(|known| known.breaker == tripped.breaker) {
            known.until = known.until.max(tripped.until);
            return false;
        }
        known.push(tripped);
        actions.extend(tripped.breaker.level().map(Action::Halt));
        let is_loss = !matches!(tripped.breaker, Breaker::Spike(_) | Breaker::Correlation(_));
        let note = Note::Tripped(tripped);
        actions.push(if is_loss { Action::Alert(note) } else { Action::Log(note) });
        true
    }

    /// Resets what has tripped and matches.
    pub(super) fn reset(&mut self, which: impl Fn(&Tripped) -> bool, actions: &mut Vec<Action>) {
        let breakers = &mut self.state.breakers;
        for over in breakers.tripped.extract_if(.., |tripped| which(tripped)) {
            match over.breaker {
                Breaker::LossStreak => breakers.losses = 0,
                // the present equity is the highest from now on: the old one would trip it again at once
                Breaker::Drawdown | Breaker::Empty => breakers.peak = Decimal::ZERO,
                Breaker::DailyLoss | Breaker::PositionLoss(_) | Breaker::Spike(_) | Breaker::Correlation(_) => {}
            }
            actions.push(Action::Log(Note::Reset(over.breaker)));
        }
    }

    /// An emergency: every position is closed, and the run ends.
    pub(super) fn stop_all(&mut self, now: Timestamp, breaker: Breaker, measured: f64, actions: &mut Vec<Action>) {
        if self.trip(Tripped { breaker, at: now, until: None, measured }, actions) {
            self.state.blocks.stopping = true;
            self.close_all(now, Reason::Breaker, actions);
        }
    }

    /// A position is over, with all its parts.
    pub(super) fn count_result(&mut self, at: Timestamp, earned: Decimal, actions: &mut Vec<Action>) {
        let most = self.settings.risk.max_losses_in_row;
        let losses = &mut self.state.breakers.losses;
        *losses = if earned > Decimal::ZERO { 0 } else { losses.saturating_add(1) };
        if most > 0 && *losses >= most {
            let (breaker, measured) = (Breaker::LossStreak, f64::from(*losses));
            self.trip(Tripped { breaker, at, until: Some(at.day_end()), measured }, actions);
        }
    }

    /// An hour of a symbol's candles is over: what it has moved may be more than usual.
    #[inline]
    pub(super) fn watch_spike(&mut self, now: Timestamp, symbol: SymbolId, actions: &mut Vec<Action>) {
        let Some((at, measured)) = self.desks[symbol.index()].returns().spike() else { return };
        let until = spike_ends(at, &self.settings.risk);
        if now < until {
            self.trip(Tripped { breaker: Breaker::Spike(symbol), at, until: Some(until), measured }, actions);
        }
    }

    /// What is left of the quantity of an entry: half of it after a spike. Asks the candles and not the state, so that a bot that has just
    /// been started knows of a spike from its history. Where half is below the market's minimum, it is as with any other quantity.
    pub(super) fn after_spike(
        &self,
        now: Timestamp,
        symbol: SymbolId,
        qty: Decimal,
        price: Decimal,
    ) -> Result<Decimal, Skip> {
        let (rules, instrument) = (&self.settings.risk, &self.settings.instruments[symbol.index()]);
        let spike = self.desks[symbol.index()].returns().spike();
        if spike.is_none_or(|(at, _)| now >= spike_ends(at, rules)) {
            return Ok(qty);
        }
        sizing::tradable(qty / Decimal::TWO, qty, price, instrument, rules)
    }
}

/// When sizes are whole again after a candle that spiked and closed at `at`.
fn spike_ends(at: Timestamp, rules: &settings::Risk) -> Timestamp {
    at.plus_ms(seconds_ms(rules.spike_hold_s))
}
