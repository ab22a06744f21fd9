//! Keys of the accounts' streams: one an account, an hour long, renewed by asking again.

use super::super::query::{Refusal, refused};
use crate::market::{HOUR_MS, Random, Timestamp};

/// How long a key lives without being renewed.
const LIFE_MS: i64 = HOUR_MS;
/// Its length in letters.
const LETTERS: usize = 64;

/// The keys, by account.
#[derive(Debug)]
pub struct ListenKeys {
    held: Vec<Option<(String, Timestamp)>>,
    random: Random,
}

impl ListenKeys {
    pub fn new(accounts: usize, seed: u64) -> Self {
        Self { held: vec![None; accounts], random: Random::new(seed, "listen keys") }
    }

    /// The key that lives, with more time, or a new one.
    pub fn open(&mut self, now: Timestamp, account: usize) -> String {
        if let Ok(key) = self.extend(now, account) {
            return key;
        }
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let letter = |bits: u64| char::from(ALPHABET[(bits % ALPHABET.len() as u64) as usize]);
        let key: String = (0..LETTERS).map(|_| letter(self.random.bits())).collect();
        if let Some(held) = self.held.get_mut(account) {
            *held = Some((key.clone(), now.plus_ms(LIFE_MS)));
        }
        key
    }

    /// More time for the key that lives.
    ///
    /// # Errors
    ///
    /// -1125 where none does.
    pub fn extend(&mut self, now: Timestamp, account: usize) -> Result<String, Refusal> {
        let gone = || refused(-1125, "This listenKey does not exist.");
        let held = self.held.get_mut(account).and_then(Option::as_mut).ok_or_else(gone)?;
        held.1 = now.plus_ms(LIFE_MS);
        Ok(held.0.clone())
    }

    /// The key that lives.
    pub fn of(&self, account: usize) -> Option<&str> {
        self.held.get(account)?.as_ref().map(|(key, _)| key.as_str())
    }

    /// Ends an account's key; the key, where there was one.
    pub fn close(&mut self, account: usize) -> Option<String> {
        self.held.get_mut(account)?.take().map(|(key, _)| key)
    }

    /// Accounts whose keys are over.
    pub fn over(&self, now: Timestamp) -> Vec<usize> {
        let is_over = |held: &Option<(String, Timestamp)>| held.as_ref().is_some_and(|(_, ends)| *ends <= now);
        self.held.iter().enumerate().filter(|(_, held)| is_over(held)).map(|(account, _)| account).collect()
    }
}
