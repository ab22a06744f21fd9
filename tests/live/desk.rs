//! A bot that trades an account of a played exchange.

use super::{Place, Played};
use crate::common::{Ended, Running, bot, run};

const KEYS: [(&str, &str); 2] = [("BINANCE_API_KEY", "playedkey1"), ("BINANCE_API_SECRET", "playedsecret1")];

/// It closes what it holds when it ends.
pub struct Desk(pub Place);

impl Desk {
    pub fn new(exchange: &Played, more: &str) -> Self {
        Self::at(&exchange.address, more)
    }

    pub fn at(address: &str, more: &str) -> Self {
        let live = "[live]\nconfirm = \"I accept real orders\"\n[bot]\non_stop = \"close\"\n";
        Self(Place::new(address, &format!("{live}{more}")))
    }

    pub fn trade(&self, speed: &str, more: &[&str]) -> Running {
        let args = ["--live", "--exchange", "binance", "--network", "local", "--speed", speed, "--data-dir", "d"];
        let args = [&args, more].concat();
        Running::start(bot(&args).current_dir(self.0.path()).envs(KEYS).env("HEALTH_CHECK_INTERVAL", "1"))
    }

    /// The journal, run again.
    pub fn replay(&self) -> Ended {
        run(&["replay", self.0.account().to_str().unwrap()])
    }

    /// How many trades the bot has booked, by its own database.
    pub fn booked(&self) -> usize {
        let told = run(&["trades", "--csv", "--data-dir", self.0.account().to_str().unwrap()]);
        assert_eq!(told.code(), Some(0), "{}", told.stderr);
        told.lines.len().saturating_sub(1) // the head
    }
}
