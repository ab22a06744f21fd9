//! The trading brain: an event and the time in, actions out.

mod action;
mod event;
mod note;
mod record;
mod settings;

pub use action::{Action, Halt, Need};
pub use event::{Command, Event, FeedState, Proof};
pub use note::Note;
pub use record::Record;
pub use settings::{Exits, Gate, Risk, Settings};
