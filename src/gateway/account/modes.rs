//! How the account trades: one position a symbol, margin of its own for each, and the leverage that is configured. Margin and leverage are set
//! where they are wrong. What a person has to change is said, and until it is changed nothing is proven; where that is a symbol's, since the
//! exchange refuses to set it beside somebody's order or position, the symbol alone is shut to entries. All is read again each minute, since a
//! change may be made anywhere, and the stream tells of leverage alone, if it is heard.

use super::Turn;
use crate::{
    exchange::private::{Modes, SymbolModes},
    gateway::Remark,
    market::{MINUTE_MS, SymbolId, Timestamp},
};

/// Between two readings.
const AGAIN_MS: i64 = MINUTE_MS;
/// At once.
const NOW: Timestamp = Timestamp(i64::MIN);

/// What is to be asked or set of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Read,
    Isolate,
    Lever,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct ModesCheck {
    leverage: u32,
    read_at: Option<Timestamp>,
    refused: Option<&'static str>,
    /// With the time of the reading.
    symbols: Vec<Option<(SymbolModes, Timestamp)>>,
    /// Symbols whose margin or leverage is wrong, and which the exchange refuses to set.
    stuck: Vec<bool>,
}

impl ModesCheck {
    pub fn new(leverage: u32, symbols: usize) -> Self {
        Self { leverage, read_at: None, refused: None, symbols: vec![None; symbols], stuck: vec![false; symbols] }
    }

    /// When the account's settings are to be read.
    pub fn due(&self) -> Timestamp {
        self.read_at.map_or(NOW, |read| read.plus_ms(AGAIN_MS))
    }

    /// What a symbol needs next, and when; `None` for one that is not there.
    pub fn step(&self, symbol: SymbolId) -> Option<(Step, Timestamp)> {
        Some(match self.symbols.get(symbol.index())? {
            None => (Step::Read, NOW),
            Some((modes, _)) if !modes.isolated => (Step::Isolate, NOW),
            Some((modes, _)) if modes.leverage != self.leverage => (Step::Lever, NOW),
            Some((_, read)) => (Step::Read, read.plus_ms(AGAIN_MS)),
        })
    }

    fn is_right(&self, symbol: SymbolId) -> bool {
        self.step(symbol).is_none_or(|(_, due)| due != NOW)
    }

    /// Whether it is wrong and stays so: the symbol is shut to entries, and the others are none the worse.
    pub fn is_stuck(&self, symbol: SymbolId) -> bool {
        self.stuck.get(symbol.index()).is_some_and(|stuck| *stuck)
    }

    /// The exchange has refused to set it.
    pub fn was_refused(&mut self, symbol: SymbolId) {
        let is_wrong = !self.is_right(symbol);
        self.stuck.iter_mut().skip(symbol.index()).take(1).for_each(|stuck| *stuck = is_wrong);
    }

    /// Whether nothing of it keeps the account from being proven.
    fn is_settled(&self, symbol: SymbolId) -> bool {
        self.is_right(symbol) || self.is_stuck(symbol)
    }

    /// What was stuck may be right now.
    fn look_at(&mut self, symbol: SymbolId) {
        if self.is_stuck(symbol) {
            self.was_refused(symbol);
        }
    }

    /// What is wrong with the account itself.
    pub const fn refused(&self) -> Option<&'static str> {
        self.refused
    }

    /// Whether nothing is wrong with them.
    pub fn heard(&mut self, modes: Modes, turn: &mut Turn<'_>) -> bool {
        self.read_at = Some(turn.now);
        let refused = modes.refused();
        if std::mem::replace(&mut self.refused, refused) == refused {
            return refused.is_none();
        }
        match refused {
            Some(why) => turn.say(format!("No entries: {why}."), true),
            None => turn.say("The account's settings are right now.".to_owned(), false),
        }
        refused.is_none()
    }

    /// The same of a symbol's.
    pub fn heard_symbol(&mut self, symbol: SymbolId, modes: SymbolModes, now: Timestamp) -> bool {
        self.symbols.iter_mut().skip(symbol.index()).take(1).for_each(|held| *held = Some((modes, now)));
        self.look_at(symbol);
        self.is_settled(symbol)
    }

    /// It was set, or was so already.
    pub fn was_set(&mut self, symbol: SymbolId, step: Step, turn: &mut Turn<'_>) {
        let leverage = self.leverage;
        let Some((modes, _)) = self.symbols.get_mut(symbol.index()).and_then(Option::as_mut) else { return };
        let name = turn.name(symbol);
        match step {
            Step::Read => {}
            Step::Isolate => {
                modes.isolated = true;
                turn.say(format!("{name}: margin is isolated now."), false);
            }
            Step::Lever => {
                modes.leverage = leverage;
                turn.say(format!("{name}: leverage is {leverage} now."), false);
            }
        }
        self.look_at(symbol);
    }

    /// Somebody has changed the leverage. Whether it is wrong now.
    pub fn leverage_is(&mut self, symbol: SymbolId, leverage: u32) -> bool {
        if let Some((modes, _)) = self.symbols.get_mut(symbol.index()).and_then(Option::as_mut) {
            modes.leverage = leverage;
        }
        self.look_at(symbol);
        !self.is_settled(symbol)
    }

    /// All is to be read again, as after the process stood still or a reconnect: it may have been changed meanwhile.
    pub fn forget(&mut self) {
        self.read_at = None;
        self.symbols.iter_mut().for_each(|modes| *modes = None);
    }

    /// Whether the account is right, and each symbol that is traded.
    pub fn are_right(&self, mut traded: impl FnMut(SymbolId) -> bool) -> bool {
        let ids = (0..).map(SymbolId).take(self.symbols.len());
        let right = ids.into_iter().filter(|symbol| traded(*symbol)).all(|symbol| self.is_settled(symbol));
        self.read_at.is_some() && self.refused.is_none() && right
    }
}

impl Turn<'_> {
    /// Something for the log.
    pub fn say(&mut self, what: String, grave: bool) {
        self.outputs.push(crate::gateway::Output::Say(Remark::Account { what, grave }));
    }
}
