//! smolbear: a small trading bot for USDT-margined perpetual futures. `ARCHITECTURE.md` walks through it.
//!
//! The pure part takes events with their time and returns actions; it performs no I/O and knows no clock.

pub mod market; // the vocabulary: symbols, instruments, candles, times, orders

pub mod indicators; // one streaming indicator a file

pub mod strategies; // from indicator values to signals

pub mod engine; // the trading brain: event in, actions out

pub mod exchange; // what an exchange's messages mean

pub mod gateway; // the session with an exchange

pub mod simulation; // an exchange's matching, and made-up prices

pub mod trader; // engine + venue

// The shell, which moves bytes and waits, and decides nothing.

pub mod backtest; // recorded candles as fast as they come, and what is made of it
pub mod candles_file; // recorded candles: reading, merging, writing
pub mod cli; // every flag and subcommand
pub mod config; // flags over environment over bot.toml over defaults
pub mod moment; // times as a person types them and a program reads them
pub mod run; // start, one thread, health, log, signals, supervisor
pub mod stop; // the stop signal, and the one helper that waits
pub mod store; // money in SQLite, a journal, recovery
