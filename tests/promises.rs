//! What worlds of a bot hold it to, and how a turn of theirs ends.

use smolbear::{
    engine::{Engine, Event, Stage},
    market::{ClientId, OrderUpdate},
};

/// Why a turn ends early.
#[derive(Debug)]
pub enum Stop {
    Crash,
    /// A promise does not hold.
    Broken(String),
}

pub type Turn = Result<(), Stop>;

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

pub fn holds(promise: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if promise { Ok(()) } else { Err(what()) }
}

/// Orders of which nobody knows what became.
pub fn doubts(engine: &Engine) -> Vec<ClientId> {
    let unknown = engine.orders().filter(|order| order.stage == Stage::Unknown);
    unknown.map(|order| order.request.id).collect()
}

/// An order leaves `Unknown` by a word about it, and by no other event (S8).
pub fn check_doubts(before: &[ClientId], event: &Event, engine: &Engine) -> Turn {
    let after = doubts(engine);
    let about = match event {
        Event::Order(OrderUpdate::Unknown { .. }) => None,
        Event::Order(update) => Some(update.id()),
        _ => None,
    };
    match before.iter().find(|id| !after.contains(id) && about != Some(**id)) {
        Some(id) => Err(Stop::Broken(format!("S8: {id} left its doubt by {event:?}"))),
        None => Ok(()),
    }
}
