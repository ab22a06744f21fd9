//! The one table of keys. From it come the parsing of `bot.toml`, of flags and of variables, the range errors, the nearest key for a
//! typo, the file that `bot init` writes, and the start-up summary's list of what is not a default.

use super::{
    Config, live,
    signals::PERCENT,
    slot::RSI,
    slot::Slot::{
        self, Choice, Count, Exact, Float, Name, Optional, Path, Phrase, Seconds, Speed, Switch, Symbol, Symbols,
        Thresholds, Timeframe, Url, Whole, Word,
    },
};
use crate::{
    market::Instrument,
    strategies::{self, Kind as Rule},
};
use rust_decimal::Decimal;

/// Longest `--duration`, a hundred years in seconds: every sum with it fits every clock.
const CENTURY_S: f64 = 100.0 * 365.25 * 86_400.0;
/// A year, the longest of all other times.
const YEAR_S: u64 = 31_536_000;

/// A key of a table that fills a `T`.
pub struct Key<T: 'static> {
    /// Such as `risk.per_trade_pct`; within `[[strategy]]` and `[[market.instrument]]` the last part alone.
    pub path: &'static str,
    /// The flag that says the same.
    pub flag: Option<&'static str>,
    /// The variable that says the same.
    pub env: Option<&'static str>,
    /// What it means, with the unit; one sentence without a full stop.
    pub doc: &'static str,
    /// Its place, with type and range.
    pub slot: fn(&mut T) -> Slot<'_>,
}

impl<T> Key<T> {
    const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    const fn env(self, env: &'static str) -> Self {
        Self { env: Some(env), ..self }
    }

    /// What may stand here, with the unit that the key's name ends with.
    pub fn allowed(&self, target: &mut T) -> String {
        let range = (self.slot)(target).allowed();
        match unit(self.path) {
            Some((_, unit)) => format!("{range} ({unit})"),
            None => range,
        }
    }
}

/// The units that names of keys end with.
const UNITS: [(&str, &str); 3] = [("_s", "seconds"), ("_pct", "percent"), ("_mb", "megabytes")];

/// The unit in a key's name: its ending and its meaning.
pub fn unit(path: &str) -> Option<(&'static str, &'static str)> {
    UNITS.into_iter().find(|(ending, _)| path.ends_with(ending))
}

/// The tables in the order of `bot init`, and what each is about. `strategy` and `market.instrument` are lists of tables.
pub const TABLES: [(&str, &str); 13] = [
    ("bot", "The run as a whole"),
    ("market", "What is traded"),
    ("market.instrument", "Rules of a symbol that the program doesn't know, or that have changed"),
    ("strategy", "The rules that raise signals, in order of priority; naming any replaces the two below"),
    ("risk", "How large a trade may be and how many there may be"),
    ("exits", "What ends a position besides its own stop and target"),
    ("gate", "What counts as the same signal again"),
    ("paper", "The simulated account and market of --paper"),
    ("exchange", "Where real prices come from"),
    ("live", "Real orders, with --live"),
    ("health", "The health monitor"),
    ("supervisor", "The parent process of --auto-restart"),
    ("store", "The memory on disk, in the data directory"),
];

const fn part<T>(path: &'static str, doc: &'static str, slot: fn(&mut T) -> Slot<'_>) -> Key<T> {
    Key { path, flag: None, env: None, doc, slot }
}

/// As [`part`]; the closures' types are not inferred through `.flag()`.
const fn key(path: &'static str, doc: &'static str, slot: fn(&mut Config) -> Slot<'_>) -> Key<Config> {
    part(path, doc, slot)
}

/// Every key outside the two lists of tables.
pub const KEYS: &[Key<Config>] = &[
    key("bot.duration_s", "The run ends cleanly after so long; without this line it goes on until stopped", |c| {
        Seconds(&mut c.duration, CENTURY_S)
    })
    .flag("--duration"),
    key("bot.infinite", "Never end for an error that can be recovered", |c| Switch(&mut c.infinite)).flag("--infinite"),
    key(
        "bot.on_stop",
        "What becomes of open positions at the end of a run: kept with their stops, or closed at the market",
        |c| Choice(&mut c.on_stop_close, ["keep", "close"]),
    ),
    key("market.symbols", "The symbols to trade; left at this default, --replay trades all that its files hold", |c| {
        Symbols(&mut c.symbols)
    })
    .flag("--symbols")
    .env("TRADING_SYMBOLS"),
    key(
        "market.require_warm",
        "Decide only once every indicator has a value, not only those that the entry needs",
        |c| Switch(&mut c.require_warm),
    ),
    key("risk.per_trade_pct", "How much of the equity a trade loses when its stop is hit", |c| {
        Float(&mut c.risk.per_trade_pct, 0.01, 10.0)
    }),
    key(
        "risk.sizing",
        "What the size of a trade follows: per_trade_pct, a fixed notional, or half of Kelly's fraction (0.5 to 10 %) of what the strategy's \
         trades have earned, once there are 20",
        |c| Word(&mut c.risk.sizing),
    ),
    key(
        "risk.notional",
        "Value of a trade in a market of normal volatility, in USDT, where sizing is \"notional\"",
        |c| Float(&mut c.risk.notional, 1.0, 1_000_000_000.0),
    ),
    key("risk.leverage", "Value of a position divided by the margin that it ties up", |c| {
        Float(&mut c.risk.leverage, 1.0, 125.0)
    }),
    key("risk.max_position_pct", "How much of the equity the margin of one position may be, at most", |c| {
        Float(&mut c.risk.max_position_pct, 0.1, 100.0)
    }),
    key(
        "risk.max_portfolio_risk_pct",
        "How much of the equity all open positions would lose together if every stop were hit, at most",
        |c| Float(&mut c.risk.max_portfolio_risk_pct, 0.01, 100.0),
    ),
    key(
        "risk.daily_loss_pct",
        "No new entry until the next day once this much of the equity was lost since 00:00 UTC",
        |c| Float(&mut c.risk.daily_loss_pct, 0.01, 100.0),
    ),
    key(
        "risk.max_drawdown_pct",
        "Once this much of the highest equity is lost, positions are closed and the run ends (exit code 3); 100: only an empty account does so",
        |c| Float(&mut c.risk.max_drawdown_pct, 0.01, 100.0),
    ),
    key(
        "risk.max_correlation",
        "No new entry whose hourly returns go together with those of what is open by this much or more",
        |c| Float(&mut c.risk.max_correlation, 0.0, 1.0),
    ),
    key("risk.max_losses_in_row", "No new entry until the next day after so many losses in a row; 0 is off", |c| {
        Count(&mut c.risk.max_losses_in_row, 0, 10_000)
    }),
    key(
        "risk.breaker_daily_loss_pct",
        "Once this much of the equity was lost since 00:00 UTC, positions are closed until the next day",
        |c| Float(&mut c.risk.breaker_daily_loss_pct, 0.01, 100.0),
    ),
    key("risk.breaker_position_loss_pct", "A position that has lost this much of the equity is closed", |c| {
        Float(&mut c.risk.breaker_position_loss_pct, 0.01, 100.0)
    }),
    key("risk.breaker_correlation", "As max_correlation, and holds whatever that is set to", |c| {
        Float(&mut c.risk.breaker_correlation, 0.0, 1.0)
    }),
    key(
        "risk.spike_sigma",
        "Sizes are halved after an hour that moved the price by more than so many standard deviations",
        |c| Float(&mut c.risk.spike_sigma, 0.1, 1_000.0),
    ),
    key("risk.spike_hold_s", "For so long after that hour, in market time", |c| {
        Whole(&mut c.risk.spike_hold_s, 0, YEAR_S)
    }),
    key("risk.max_trades_per_day", "Entries a UTC day, at most", |c| Count(&mut c.risk.max_trades_per_day, 1, 10_000)),
    key("risk.max_notional", "Largest value of one order, in USDT", |c| {
        Float(&mut c.risk.max_notional, 1.0, 1_000_000_000.0)
    }),
    key(
        "risk.scale_up_to_minimum",
        "An order below the market's minimum is enlarged to it; else the signal is skipped",
        |c| Switch(&mut c.risk.scale_up_to_minimum),
    ),
    key(
        "risk.min_reward_risk",
        "A signal is skipped unless its target is so many times as far away as its stop; 0 is off",
        |c| Float(&mut c.risk.min_reward_risk, 0.0, 100.0),
    ),
    key(
        "risk.quarantine_after",
        "After so many refused entries in a row, or hours without data while other symbols have it, a symbol gets no new entries for a while",
        |c| Count(&mut c.risk.quarantine_after, 1, 1000),
    ),
    key("risk.quarantine_days", "How long that is, in market time; 0 is never", |c| {
        Count(&mut c.risk.quarantine_days, 0, 3650)
    }),
    key("exits.trailing", "The stop follows the price", |c| Switch(&mut c.exits.trailing)),
    key("exits.trailing_pct", "Distance of the trailing stop from the best price", |c| {
        Float(&mut c.exits.trailing_pct, 0.01, 50.0)
    }),
    key("exits.time_limit", "A position is closed after max_hold_s", |c| Switch(&mut c.exits.time_limit)),
    key("exits.max_hold_s", "How long a position is held at most, in market time", |c| {
        Whole(&mut c.exits.max_hold_s, 1, YEAR_S)
    }),
    key(
        "gate.cooldown_s",
        "For so long after a signal the same strategy's next one for the same symbol is dropped, in market time",
        |c| Whole(&mut c.gate.cooldown_s, 0, YEAR_S),
    ),
    key(
        "gate.cooldown_move_pct",
        "Within the cooldown a signal passes all the same when the price has moved by more than this",
        |c| Float(&mut c.gate.cooldown_move_pct, 0.0, 100.0),
    ),
    key(
        "gate.min_move_pct",
        "After the cooldown a signal passes only when the price has moved by more than this; 0 is off",
        |c| Float(&mut c.gate.min_move_pct, 0.0, 100.0),
    ),
    key("paper.capital", "Balance of the account at the start, in USDT", |c| {
        Exact(&mut c.paper.capital, Decimal::ONE, Decimal::from(1_000_000_000))
    })
    .flag("--capital")
    .env("CAPITAL_USDT"),
    key("paper.taker_fee_pct", "Fee of a market order, as a part of its value", |c| {
        Float(&mut c.paper.taker_fee_pct, 0.0, 1.0)
    })
    .flag("--fee"),
    key(
        "paper.maker_fee_pct",
        "Fee of a limit order that waited at its price, as a part of its value; no strategy places one yet",
        |c| Float(&mut c.paper.maker_fee_pct, 0.0, 1.0),
    )
    .flag("--fee"),
    key("paper.slippage_pct", "How much worse than the price a market order is filled", |c| {
        Float(&mut c.paper.slippage_pct, 0.0, 0.1)
    })
    .flag("--slippage"),
    key(
        "paper.funding_rate_pct",
        "What a long pays a short at 00:00, 08:00 and 16:00 UTC, as a part of the position's value",
        |c| Float(&mut c.paper.funding_rate_pct, -3.0, 3.0),
    ),
    key(
        "paper.max_participation_pct",
        "How much of a candle's volume one order takes at most, the rest of it in the next ones; 0 is without a limit",
        |c| Float(&mut c.paper.max_participation_pct, 0.0, 100.0),
    ),
    key("paper.seed", "Seed of the made-up prices; the same seed gives the same market", |c| {
        Whole(&mut c.paper.seed, 0, i64::MAX.unsigned_abs())
    })
    .flag("--seed"),
    key("paper.speed", "How much faster than real time the market runs; 3600 is an hour a second", |c| {
        Speed(&mut c.paper.speed)
    })
    .flag("--speed"),
    key("exchange.name", "Trade on this exchange's prices instead of made-up ones", |c| Word(&mut c.exchange.name))
        .flag("--exchange"),
    key("exchange.network", "Its real market, its playground, or `bot exchange` on this machine", |c| {
        Word(&mut c.exchange.network)
    })
    .flag("--network"),
    key("exchange.rest_url", "Where requests go; empty: what follows from the network", |c| {
        Url(&mut c.exchange.rest_url, &["https://", "http://"])
    }),
    key("exchange.ws_url", "Where streams are; empty: what follows from the network", |c| {
        Url(&mut c.exchange.ws_url, &["wss://", "ws://"])
    }),
    key("exchange.ca_file", "Certificate authorities (PEM) that are trusted besides those that are built in", |c| {
        Path(&mut c.exchange.ca_file)
    }),
    key("exchange.proxy", "A proxy for requests and streams; empty: none", |c| {
        Url(&mut c.exchange.proxy, &["http://"])
    }),
    key("live.confirm", "Without these words `--live` sends no real order", |c| {
        Phrase(&mut c.live.confirm, live::CONFIRM)
    }),
    key(
        "live.key_file",
        "A file with lines BINANCE_API_KEY=… and BINANCE_API_SECRET=… that only its owner can read; variables of these names go before it",
        |c| Path(&mut c.live.key_file),
    ),
    key("health.interval_s", "Time between two heartbeats", |c| Whole(&mut c.health.interval_s, 1, YEAR_S))
        .env("HEALTH_CHECK_INTERVAL"),
    key("health.memory_mb", "Resident memory above this is reported as degraded", |c| {
        Whole(&mut c.health.memory_mb, 1, 1_048_576)
    }),
    key(
        "supervisor.auto_restart",
        "Watch the bot from a parent process and start it again when it fails or freezes",
        |c| Switch(&mut c.supervisor.auto_restart),
    )
    .flag("--auto-restart"),
    key("supervisor.max_restarts", "Restarts before giving up with exit code 1", |c| {
        Whole(&mut c.supervisor.max_restarts, 0, 1_000_000)
    })
    .flag("--max-restarts"),
    key(
        "supervisor.restart_delay_s",
        "Pause before a restart; doubles while failures follow each other, up to an hour",
        |c| Whole(&mut c.supervisor.restart_delay_s, 0, 3600),
    )
    .flag("--restart-delay"),
    key("supervisor.freeze_after_s", "A bot without progress for that long is killed and started again", |c| {
        Whole(&mut c.supervisor.freeze_after_s, 2, 3600)
    }),
    key("store.keep_days", "How long journal and samples are kept; orders, fills and trades are kept for ever", |c| {
        Whole(&mut c.store.keep_days, 1, 3650)
    }),
    key(
        "store.limit_mb",
        "Near this size of database and journal, or on a nearly full disk, the oldest journal goes first; old/ is yours and does not count",
        |c| Whole(&mut c.store.limit_mb, 16, 1_048_576),
    ),
    key(
        "store.halt_after_restarts",
        "After so many ends within ten minutes that nobody asked for, the bot starts without opening positions; 0: never",
        |c| Whole(&mut c.store.halt_after_restarts, 0, 1000),
    ),
];

/// The keys of `[[strategy]]`.
pub const STRATEGY_KEYS: &[Key<strategies::Settings>] = &[
    part("kind", "The rule: one of the two built-ins, or what a file lists", |s| Word(&mut s.kind)),
    part("name", "Its name in logs and trades.csv, different for each; the kind if left out", |s| Name(&mut s.name)),
    part("timeframe", "Decisions are made when such a candle closes", |s| Timeframe(&mut s.timeframe)),
    part("context", "short_the_rip looks at the moving averages of these candles, not finer than timeframe", |s| {
        Timeframe(&mut s.context)
    }),
    part("adaptive", "The RSI threshold follows the market; false is a built-in's simple form with a fixed one", |s| {
        Switch(&mut s.adaptive)
    }),
    // Outside of these ranges the bounds of the adapted threshold would cross.
    part("rsi_base", "RSI threshold in a neutral trend", |s| match s.kind {
        Rule::OversoldBounce => Float(&mut s.rsi_base, 30.0, 50.0),
        Rule::ShortTheRip | Rule::Signals => Float(&mut s.rsi_base, 55.0, 85.0),
    }),
    part("rsi_range", "How far the trend may move that threshold, up or down", |s| Float(&mut s.rsi_range, 0.0, 50.0)),
    part("rsi_max", "The simple oversold_bounce enters at this RSI and below", |s| {
        Float(&mut s.rsi_fixed, RSI.0, RSI.1)
    }),
    part("rsi_min", "The simple short_the_rip enters at this RSI and above", |s| Float(&mut s.rsi_fixed, RSI.0, RSI.1)),
    part("rsi_by_symbol", "Fixed RSI thresholds for single symbols, in place of what stands above", |s| {
        Thresholds(&mut s.rsi_by_symbol)
    }),
    part("file", "The signals, from where this file is: rows of time_ms,symbol,side,stop,target", |s| {
        Path(&mut s.list.file)
    }),
    part(
        "target_pct",
        "Distance of the target from the entry, as a part of the price; signals: where a row has none",
        |s| Optional(&mut s.target_pct, *PERCENT.start(), *PERCENT.end()),
    ),
    part("target_atr", "Distance of the target from the entry, in average true ranges", |s| {
        Float(&mut s.target_atr, 0.1, 100.0)
    }),
    part("target_min_pct", "But the target is never nearer than this part of the price", |s| {
        Float(&mut s.target_min_pct, 0.0, 50.0)
    }),
    part(
        "stop_pct",
        "Distance of the stop from the entry, as a part of the price; signals: where a row has none",
        |s| Optional(&mut s.stop_pct, *PERCENT.start(), *PERCENT.end()),
    ),
    part("stop_atr", "Distance of the stop from the entry, in average true ranges", |s| {
        Float(&mut s.stop_atr, 0.1, 100.0)
    }),
    part("stop_max_pct", "But the stop is never farther away than this part of the price", |s| {
        Float(&mut s.stop_max_pct, 0.1, 50.0)
    }),
];

/// Smallest tick or step: any price or quantity divided by it still fits a decimal.
const FINEST: Decimal = Decimal::from_parts(1, 0, 0, false, 12);
/// Largest of an instrument's numbers.
const COARSEST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// The keys of `[[market.instrument]]`; all are required.
pub const INSTRUMENT_KEYS: &[Key<Instrument>] = &[
    part("symbol", "Whose rules these are", |i| Symbol(&mut i.symbol)),
    part("tick", "Smallest difference between two prices, in USDT", |i| Exact(&mut i.tick, FINEST, COARSEST)),
    part("step", "Smallest difference between two quantities, in coins", |i| Exact(&mut i.step, FINEST, COARSEST)),
    part("min_qty", "Smallest quantity of an order, in coins; a multiple of step", |i| {
        Exact(&mut i.min_qty, FINEST, COARSEST)
    }),
    part("min_notional", "Smallest value of an order that opens a position, in USDT", |i| {
        Exact(&mut i.min_notional, Decimal::ZERO, COARSEST)
    }),
];

/// The path of every key, whole.
pub fn paths() -> impl Iterator<Item = String> {
    let all = KEYS.iter().map(|key| key.path.to_owned());
    let strategy = STRATEGY_KEYS.iter().map(|key| format!("strategy.{}", key.path));
    all.chain(strategy).chain(INSTRUMENT_KEYS.iter().map(|key| format!("market.instrument.{}", key.path)))
}
