//! The bot on an exchange's prices: the real program against the real `bot exchange`, over real sockets.
//!
//! Both run many times as fast as the world, and so do the gateway's limits: at speed 20 its 5 s are a quarter of a second, which a busy machine
//! may take for itself. So what is asserted here of time is what must become true, never how soon.

mod course; // what the trader was told, and what the exchange has
mod day; // one of them
mod days; // with everything that can go wrong
mod decisions; // what a bot decided, and what came of it
mod desk; // a bot that trades an account
mod faults; // one at a time, and all
mod guard; // what a restart does first
mod machine; // what it took for itself
mod observer; // who reads the record and knows the promises
mod orders; // real ones, on an account of the exchange
mod outage; // an exchange that is not there
mod parity; // against a backtest of the same candles
mod record; // what the exchange has written down
mod script; // what happens on a day
mod start; // the beginning and the end of a run, and the subcommands that ask
mod stopped; // a bot that stood still

use crate::common::{Ended, Running, bot};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// Enters whenever it may. Positions are so small, and their stops so far, that only time ends them, twenty seconds later; so each decision is
/// the same whatever became of the one before.
const EAGER: &str = r#"
[store]
halt_after_restarts = 0
[risk]
max_trades_per_day = 10000
daily_loss_pct = 100
max_losses_in_row = 0
max_correlation = 1
breaker_correlation = 1
max_drawdown_pct = 100
breaker_daily_loss_pct = 100
breaker_position_loss_pct = 100
max_portfolio_risk_pct = 100
leverage = 1
[exits]
time_limit = true
max_hold_s = 20
[gate]
cooldown_s = 0
[paper]
capital = 100000
"#;

/// Long at each close where the RSI is not above this; 99 is each.
fn eager(timeframe: &str, rsi: u32) -> String {
    format!(
        "{EAGER}[[strategy]]\nkind = \"oversold_bounce\"\nname = \"eager\"\ntimeframe = \"{timeframe}\"\ntarget_min_pct = 50\ntarget_atr = 100\n\
         stop_atr = 30\nstop_max_pct = 50\nrsi_by_symbol = {{ BTCUSDT = {rsi}, ETHUSDT = {rsi}, SOLUSDT = {rsi} }}\n"
    )
}

/// A played exchange.
struct Played {
    running: Running,
    address: String,
}

impl Played {
    fn open(args: &[&str]) -> Self {
        Self::open_at("127.0.0.1:0", args)
    }

    fn open_at(listen: &str, args: &[&str]) -> Self {
        let mut running = Running::start(bot(&["exchange", "--listen", listen]).args(args));
        let line = running.wait_for("Listening on http://").text;
        let address = line["Listening on http://".len()..].split(' ').next().unwrap().to_owned();
        Self { running, address }
    }

    /// The body of an answer with status 200.
    fn get(&self, target: &str) -> String {
        let (status, body) = self.ask("GET", target);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Whether it was done.
    fn post(&self, target: &str) -> bool {
        self.ask("POST", target).0 == 200
    }

    /// Status and body of an answer.
    fn ask(&self, method: &str, target: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        let status = text.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Its time, in ms.
    fn time(&self) -> i64 {
        let body = self.get("/fapi/v1/time");
        body.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
    }
}

/// A folder with a configuration and, once a bot ran, the data directory `d` and the results `o`.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(address: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let exchange = format!("[exchange]\nrest_url = \"http://{address}\"\nws_url = \"ws://{address}\"\n");
        fs::write(folder.path().join("bot.toml"), exchange + more).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A bot on the exchange; heartbeats say each second how it is.
    fn trade(&self, speed: &str, more: &[&str]) -> Running {
        let args = [
            "--paper",
            "--exchange",
            "binance",
            "--network",
            "local",
            "--speed",
            speed,
            "--data-dir",
            "d",
            "--out",
            "o",
        ];
        self.run(&[&args, more].concat())
    }

    fn run(&self, args: &[&str]) -> Running {
        Running::start(bot(args).current_dir(self.path()).env("HEALTH_CHECK_INTERVAL", "1"))
    }

    fn trades(&self, folder: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path().join(folder).join("trades.csv")).unwrap_or_default();
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// The data directory.
    fn account(&self) -> PathBuf {
        self.path().join("d")
    }
}

/// The run ended as it was told to.
fn assert_clean(ended: &Ended) {
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
}

/// What the bot says of its health, the last word.
fn health(ended: &Ended) -> &str {
    let mut beats =
        ended.lines.iter().filter_map(|line| Some(line.text.split_once("Heartbeat - ")?.1.split_once("Status: ")?.1));
    beats.next_back().unwrap_or("none said")
}
