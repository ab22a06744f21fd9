//! A bot that trades an account of the exchange, and what it says of it afterwards.

use super::{EAGER, Place, Played, eager};
use crate::common::{Ended, Running, bot, run};
use serde_json::Value;
use std::collections::BTreeMap;

/// Ten seconds of the market each second, so that its 5 s without a stop are half a second of a busy machine's.
pub const SPEED: &str = "10";
/// What an account has at first.
pub const CAPITAL: &str = "100000";
const LIVE: &str = "[live]\nconfirm = \"I accept real orders\"\n[bot]\non_stop = \"close\"\n";

/// Its folder.
pub struct Desk(pub Place);

/// A closed part of a position: market, quantity, price, reason.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct Closed {
    pub symbol: String,
    pub qty: f64,
    pub price: f64,
    pub reason: String,
}

impl Desk {
    /// One whose positions only time ends.
    pub fn new(exchange: &Played) -> Self {
        Self::at(&exchange.address, &eager("1m", 99))
    }

    /// One with this configuration besides.
    pub fn at(address: &str, more: &str) -> Self {
        Self(Place::new(address, &format!("{LIVE}{more}")))
    }

    /// One whose positions end in every way: stops and targets are near, and it holds them for the better part of a minute.
    pub fn lively(exchange: &Played) -> Self {
        let config = EAGER.replace("max_hold_s = 20", "max_hold_s = 40");
        let config = config.replace("[risk]", "[risk]\nquarantine_days = 0");
        let strategy = "[[strategy]]\nkind = \"oversold_bounce\"\nname = \"eager\"\ntimeframe = \"1m\"\ntarget_min_pct = 0.05\n\
                        target_atr = 1.5\nstop_atr = 1\nrsi_by_symbol = { BTCUSDT = 99, ETHUSDT = 99, SOLUSDT = 99 }\n";
        Self::at(&exchange.address, &(config + strategy))
    }

    /// A run with the keys of the exchange's account of that number.
    pub fn start(&self, account: usize, speed: &str, more: &[&str]) -> Running {
        let args = ["--live", "--exchange", "binance", "--network", "local", "--speed", speed, "--data-dir", "d"];
        let [key, secret] = ["key", "secret"].map(|what| format!("played{what}{account}"));
        let keys = [("BINANCE_API_KEY", key), ("BINANCE_API_SECRET", secret)];
        let args = [&args, more].concat();
        Running::start(bot(&args).current_dir(self.0.path()).envs(keys).env("HEALTH_CHECK_INTERVAL", "1"))
    }

    pub fn trade(&self, more: &[&str]) -> Running {
        self.trade_at(SPEED, more)
    }

    pub fn trade_at(&self, speed: &str, more: &[&str]) -> Running {
        self.start(1, speed, more)
    }

    /// The journal, run again.
    pub fn replay(&self) -> Ended {
        run(&["replay", self.0.account().to_str().unwrap()])
    }

    fn told(&self, what: &[&str]) -> Ended {
        let told = run(&[what, &["--data-dir", self.0.account().to_str().unwrap()]].concat());
        assert_eq!(told.code(), Some(0), "{}", told.stderr);
        told
    }

    /// What the bot has booked, by its own database.
    pub fn booked(&self) -> Vec<Closed> {
        let told = self.told(&["trades", "--csv"]);
        let head: Vec<String> = told.lines[0].text.split(',').map(str::to_owned).collect();
        let row = |line: &str| {
            let cells: BTreeMap<&str, &str> = head.iter().map(String::as_str).zip(line.split(',')).collect();
            let symbol = cells["symbol"].split(':').next().unwrap().replace('/', "");
            let [qty, price] = ["qty", "exit_price"].map(|name| cells[name].parse().unwrap());
            Closed { symbol, qty, price, reason: cells["reason"].to_owned() }
        };
        told.lines[1..].iter().map(|line| row(&line.text)).collect()
    }

    /// What `bot status` says.
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.told(&["status", "--live", "--json"]).stdout()).unwrap()
    }
}
