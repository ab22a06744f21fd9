//! What the loop trades on: candles off a tape, or a session with an exchange.

use super::{session::Session, source::Tape};
use crate::{candles_file::FileError, engine::Event, market::Timestamp};
use std::{future, time::Instant};

/// The market as the loop sees it.
pub enum Prices {
    /// Recorded or made-up candles, whose time is the data's.
    Tape(Tape),
    /// Real ones, whose time is the exchange's.
    Session(Box<Session>),
}

impl Prices {
    /// The next event that is known, and the market time from which it is due.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, Event)> {
        match self {
            Self::Tape(tape) => tape.next().map(|candle| (candle.closes_at(), Event::Candle(candle))),
            Self::Session(session) => session.next().cloned(),
        }
    }

    /// Goes on behind the next event, and returns what there is to say about the data.
    pub fn advance(&mut self) -> Result<Vec<String>, FileError> {
        match self {
            Self::Tape(tape) => tape.advance(),
            Self::Session(session) => {
                session.advance();
                Ok(Vec::new())
            }
        }
    }

    /// The session, where there is one.
    pub fn session(&mut self) -> Option<&mut Session> {
        match self {
            Self::Tape(_) => None,
            Self::Session(session) => Some(session),
        }
    }

    /// Waits for the session to hear something; for ever without one.
    pub async fn wait(&mut self) {
        match self {
            Self::Tape(_) => future::pending().await,
            Self::Session(session) => session.wait().await,
        }
    }

    /// When the session has something to do.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        match self {
            Self::Tape(_) => None,
            Self::Session(session) => session.due(),
        }
    }

    /// One line about the data that was read.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Tape(tape) => tape.source().account(),
            Self::Session(_) => None,
        }
    }
}
