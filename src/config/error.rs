//! What is wrong with a configuration, in words that say where it stands and what is allowed.

use crate::market::{Symbol, known_symbols};
use std::{fmt, io};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A line of the configuration file.
    File {
        /// The file, as it was found.
        file: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A variable of the environment.
    Env(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Why a configuration cannot be used. Always exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value of the wrong type, or outside of what is allowed.
    #[error("{} {fault}, but must be {allowed}", place(.at, .key))]
    Value {
        /// Where it stands.
        at: Source,
        /// The key's whole path.
        key: String,
        /// What it is, such as `is "soon"`.
        fault: String,
        /// What it must be.
        allowed: String,
    },
    /// A key or table that doesn't exist.
    #[error("{at}: {what}; {hint}")]
    Unknown {
        /// Where it stands.
        at: Source,
        /// Such as "`risk.leverag` is no key".
        what: String,
        /// The nearest that exists, or all that exist there.
        hint: String,
    },
    /// Values that are fine alone and wrong together.
    #[error("{at}: {what}")]
    Together {
        /// Where the last of them stands.
        at: Source,
        /// What is wrong and what is allowed.
        what: String,
    },
    /// The file is no TOML.
    #[error("{at}: `{text}` is no valid TOML: {cause}")]
    Syntax {
        /// Where.
        at: Source,
        /// The line.
        text: String,
        /// What the parser says.
        cause: String,
    },
    /// The file cannot be read.
    #[error("{file} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Offline, a symbol's tick, step and minimums come from a table; it doesn't hold this one.
    #[error(
        "{}the program knows no tick, step and minimum of {symbol}; say them in bot.toml under [[market.instrument]] (symbol, tick, step, \
         min_qty, min_notional), or take one of {}",
        at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default(),
        known_symbols().collect::<Vec<_>>().join(", ")
    )]
    UnknownInstrument {
        /// Who names it, unless the default or the recorded candles do.
        at: Option<Source>,
        /// Which.
        symbol: Symbol,
    },
    /// `bot init` would replace a file.
    #[error("{file} exists; `bot init {file} --force` replaces it, `bot init OTHER` writes elsewhere")]
    Exists {
        /// Which.
        file: String,
    },
    /// `bot init` failed.
    #[error("{file} cannot be written: {cause}")]
    Unwritable {
        /// Which.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
}

/// A flag or a variable names itself; in a file the key has to be said too.
fn place(at: &Source, key: &str) -> String {
    match at {
        Source::File { .. } => format!("{at}: `{key}`"),
        Source::Env(name) | Source::Flag(name) => (*name).to_owned(),
    }
}
