//! Requests of an account: the exchange's time is put on them, and they are signed, just before they are sent, since what has waited would
//! be refused for its age.

use crate::{
    exchange::private::{Call, Keys, Signed, Trading, hide},
    market::Timestamp,
};
use std::{fmt, sync::Arc, time::Instant};

/// What the exchange's clock showed at a moment of ours, and how fast it runs.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// By the exchange.
    pub at: Timestamp,
    /// Ours.
    pub taken: Instant,
    /// 1, but for a played exchange.
    pub speed: f64,
}

impl Stamp {
    /// What the exchange's clock shows now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed_ms = self.taken.elapsed().as_secs_f64() * 1000.0 * self.speed;
        self.at.plus_ms(passed_ms as i64)
    }
}

/// Who signs: a dialect and the keys. Its `Debug` shows no letter of them.
#[derive(Clone)]
pub struct Signer {
    dialect: Arc<dyn Trading + Send + Sync>,
    keys: Keys,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Someone who signs for this account.
    #[must_use]
    pub fn new(dialect: Arc<dyn Trading + Send + Sync>, keys: Keys) -> Self {
        Self { dialect, keys }
    }

    pub(super) fn sign(&self, call: &Call, now: Timestamp) -> Signed {
        self.dialect.sign(call, now, &self.keys)
    }

    /// What came back, without key and signature: a page about an error may show what was asked.
    pub(super) fn hide_in(&self, body: &mut [u8]) {
        self.keys.hide_in(body);
        hide(body, b"signature=", |byte| byte.is_ascii_hexdigit());
    }

    /// Words of a library's about a request, unless they show what nobody may see.
    pub(super) fn hidden(&self, words: String) -> String {
        let shows = self.keys.are_in(&words) || words.contains("signature=");
        if shows { "it failed, in words that would show the request".to_owned() } else { words }
    }
}
