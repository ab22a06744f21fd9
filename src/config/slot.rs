//! The kinds of values: how each is read from a text or from TOML, what is allowed, and how it is written.

use super::{Speed, given::Given};
use crate::{
    engine::Sizing,
    market::{Symbol, Timeframe},
    strategies::Kind,
};
use rust_decimal::Decimal;
use std::{fmt, str::FromStr, time::Duration};

/// Symbols in one list, at most: each costs memory and a line in every report.
pub const MAX_SYMBOLS: usize = 64;
/// Decimals of an exact number, at most: sums and products of such numbers lose no digit.
const MAX_DECIMALS: u32 = 12;
/// Bytes in an address or a path, at most.
const MAX_TEXT: usize = 512;
/// Letters in a strategy's name, at most.
const MAX_NAME: usize = 32;
/// The slowest and the fastest market, relative to real time.
const SPEED: (f64, f64) = (0.001, 1_000_000.0);
/// A threshold of the RSI, which itself lies between 0 and 100.
pub const RSI: (f64, f64) = (1.0, 99.0);

/// A place in the configuration, with its type and its range (both ends are allowed).
#[derive(Debug)]
pub enum Slot<'a> {
    /// A number.
    Float(&'a mut f64, f64, f64),
    /// A number, or nothing.
    Optional(&'a mut Option<f64>, f64, f64),
    /// A whole number.
    Whole(&'a mut u64, u64, u64),
    /// A small whole number.
    Count(&'a mut u32, u32, u32),
    /// A number whose decimals are kept as they were written.
    Exact(&'a mut Decimal, Decimal, Decimal),
    /// Seconds, or nothing; the last is the longest.
    Seconds(&'a mut Option<Duration>, f64),
    /// Yes or no.
    Switch(&'a mut bool),
    /// One of two words; the second is `true`.
    Choice(&'a mut bool, [&'static str; 2]),
    /// One of some words.
    Word(&'a mut dyn Named),
    /// An address that begins with one of these schemes, or nothing.
    Url(&'a mut String, &'static [&'static str]),
    /// The path of a file, or nothing.
    Path(&'a mut String),
    /// These words, or nothing.
    Phrase(&'a mut String, &'static str),
    /// A number above 0, or `max`.
    Speed(&'a mut Speed),
    /// A strategy's name.
    Name(&'a mut String),
    /// The length of a candle.
    Timeframe(&'a mut Timeframe),
    /// A market.
    Symbol(&'a mut Symbol),
    /// Markets, each once.
    Symbols(&'a mut Vec<Symbol>),
    /// An RSI threshold for each of some markets.
    Thresholds(&'a mut Vec<(Symbol, f64)>),
}

/// A value that the configuration names by a word.
pub trait Words: Copy + PartialEq + fmt::Debug + 'static {
    /// Every value and its word.
    const WORDS: &'static [(&'static str, Self)];
}

impl Words for Kind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("oversold_bounce", Self::OversoldBounce), ("short_the_rip", Self::ShortTheRip), ("signals", Self::Signals)];
}

impl Words for Sizing {
    const WORDS: &'static [(&'static str, Self)] =
        &[("risk", Self::Risk), ("notional", Self::Notional), ("kelly", Self::Kelly)];
}

/// The same whatever the type.
pub trait Named: fmt::Debug {
    /// The words that are allowed.
    fn words(&self) -> Vec<&'static str>;
    /// The value's own.
    fn word(&self) -> &'static str;
    /// Takes the value of a word over; `false` where there is none.
    fn take(&mut self, word: &str) -> bool;
}

impl<T: Words> Named for T {
    fn words(&self) -> Vec<&'static str> {
        T::WORDS.iter().map(|(word, _)| *word).collect()
    }

    fn word(&self) -> &'static str {
        T::WORDS.iter().find(|(_, value)| value == self).map_or("", |(word, _)| word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = T::WORDS.iter().find(|(own, _)| *own == word);
        found.map(|(_, value)| *self = *value).is_some()
    }
}

impl Slot<'_> {
    /// Takes a value over, unless it is of the wrong type or out of range: then the error says what it is, such as `is "soon"`.
    pub fn set(self, given: &Given) -> Result<(), String> {
        let wrong = || format!("is {given}");
        match self {
            Self::Float(slot, min, max) => *slot = within(given, min, max).ok_or_else(wrong)?,
            Self::Optional(slot, min, max) => *slot = Some(within(given, min, max).ok_or_else(wrong)?),
            Self::Whole(slot, min, max) => *slot = within(given, min, max).ok_or_else(wrong)?,
            Self::Count(slot, min, max) => *slot = within(given, min, max).ok_or_else(wrong)?,
            Self::Exact(slot, min, max) => *slot = exact(given, min, max).ok_or_else(wrong)?,
            Self::Seconds(slot, max) => *slot = Some(seconds(given, max).ok_or_else(wrong)?),
            Self::Switch(slot) => *slot = given.truth().ok_or_else(wrong)?,
            Self::Choice(slot, words) => {
                *slot = words.iter().position(|word| given.word() == Some(word)).ok_or_else(wrong)? == 1;
            }
            Self::Word(slot) => given.word().filter(|word| slot.take(word)).map(drop).ok_or_else(wrong)?,
            Self::Url(slot, schemes) => *slot = url(given, schemes).ok_or_else(wrong)?,
            Self::Path(slot) => *slot = given.word().filter(|text| is_shown(text)).ok_or_else(wrong)?.to_owned(),
            Self::Phrase(slot, words) => {
                let said = given.word().filter(|text| text.is_empty() || *text == words).ok_or_else(wrong)?;
                *slot = said.to_owned();
            }
            Self::Speed(slot) => *slot = speed(given).ok_or_else(wrong)?,
            Self::Name(slot) => *slot = given.word().filter(|text| is_name(text)).ok_or_else(wrong)?.to_owned(),
            Self::Timeframe(slot) => *slot = given.word().and_then(|text| text.parse().ok()).ok_or_else(wrong)?,
            Self::Symbol(slot) => *slot = given.word().and_then(|text| text.parse().ok()).ok_or_else(wrong)?,
            Self::Symbols(slot) => *slot = symbols(given)?,
            Self::Thresholds(slot) => *slot = thresholds(given)?,
        }
        Ok(())
    }

    /// What may stand here, to follow "must be".
    pub fn allowed(&self) -> String {
        match self {
            Self::Float(_, min, max) | Self::Optional(_, min, max) => format!("a number from {min} to {max}"),
            Self::Exact(_, min, max) => format!("a number from {min} to {max} with at most {MAX_DECIMALS} decimals"),
            Self::Whole(_, min, max) => format!("a whole number from {min} to {max}"),
            Self::Count(_, min, max) => format!("a whole number from {min} to {max}"),
            Self::Seconds(_, max) => format!("a number above 0, at most {max}"),
            Self::Switch(_) => "true or false".to_owned(),
            Self::Choice(_, [first, second]) => format!("\"{first}\" or \"{second}\""),
            Self::Word(slot) => slot.words().iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" or "),
            Self::Url(_, schemes) => {
                let schemes = schemes.iter().map(|scheme| format!("{scheme}HOST[:PORT]")).collect::<Vec<_>>();
                format!("an address like {}, or \"\"", schemes.join(" or "))
            }
            Self::Path(_) => "the path of a file, or \"\"".to_owned(),
            Self::Phrase(_, words) => format!("\"{words}\", or \"\""),
            Self::Speed(_) => format!("a number from {} to {}, or \"max\"", SPEED.0, SPEED.1),
            Self::Name(_) => format!("1 to {MAX_NAME} lower-case letters, digits and _ in quotes"),
            Self::Timeframe(_) => {
                format!("one of {}", Timeframe::ALL.map(|timeframe| quoted(timeframe.name())).join(", "))
            }
            Self::Symbol(_) => "a symbol such as \"BTC/USDT:USDT\" or \"BTCUSDT\"".to_owned(),
            Self::Symbols(_) => {
                format!("a list of 1 to {MAX_SYMBOLS} different symbols such as BTC/USDT:USDT or BTCUSDT")
            }
            Self::Thresholds(_) => {
                format!("a table such as {{ \"BTC/USDT:USDT\" = 55 }}, numbers from {} to {}", RSI.0, RSI.1)
            }
        }
    }

    /// The value as TOML; `None` when there is none.
    pub fn render(&self) -> Option<String> {
        Some(match self {
            Self::Float(value, ..) => value.to_string(),
            Self::Optional(value, ..) => value.as_ref()?.to_string(),
            Self::Whole(value, ..) => value.to_string(),
            Self::Count(value, ..) => value.to_string(),
            Self::Exact(value, ..) => value.to_string(),
            Self::Seconds(value, _) => value.as_ref()?.as_secs_f64().to_string(),
            Self::Switch(value) => value.to_string(),
            Self::Choice(value, words) => quoted(words[usize::from(**value)]),
            Self::Word(value) => quoted(value.word()),
            Self::Url(value, _) | Self::Path(value) | Self::Phrase(value, _) => quoted(value),
            Self::Speed(Speed::Times(value)) => value.to_string(),
            Self::Speed(Speed::Max) => quoted("max"),
            Self::Name(value) => quoted(value),
            Self::Timeframe(value) => quoted(value.name()),
            Self::Symbol(value) => quoted(value.as_str()),
            Self::Symbols(list) => {
                format!("[{}]", list.iter().map(|symbol| quoted(symbol.as_str())).collect::<Vec<_>>().join(", "))
            }
            Self::Thresholds(list) if list.is_empty() => "{}".to_owned(),
            Self::Thresholds(list) => {
                let pairs: Vec<_> = list.iter().map(|(symbol, rsi)| format!("\"{symbol}\" = {rsi}")).collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        })
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A number between both ends; NaN is between none.
fn within<T: FromStr + PartialOrd>(given: &Given, min: T, max: T) -> Option<T> {
    given.number()?.parse().ok().filter(|value| (min..=max).contains(value))
}

/// A decimal with every digit that was written, or nothing: an exchange's tick must not be rounded.
fn exact(given: &Given, min: Decimal, max: Decimal) -> Option<Decimal> {
    let text = given.number().or_else(|| given.word())?;
    let value = match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(text).ok()?,
        false => Decimal::from_str_exact(text).ok()?,
    };
    Some(value.normalize()).filter(|value| (min..=max).contains(value) && value.scale() <= MAX_DECIMALS)
}

fn seconds(given: &Given, max: f64) -> Option<Duration> {
    let value = within(given, 0.0, max).filter(|value: &f64| *value > 0.0)?;
    Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero())
}

fn speed(given: &Given) -> Option<Speed> {
    match given.word() {
        Some("max") => Some(Speed::Max),
        _ => within(given, SPEED.0, SPEED.1).map(Speed::Times),
    }
}

/// An address without query or fragment, whose host is not empty, in characters that need no quoting.
fn url(given: &Given, schemes: &[&str]) -> Option<String> {
    let text = given.word()?;
    let host = |scheme: &&str| text.strip_prefix(*scheme).filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\?#<>`{}|^".contains(&byte));
    (text.is_empty() || (plain && text.len() <= MAX_TEXT && schemes.iter().any(|scheme| host(scheme).is_some())))
        .then(|| text.to_owned())
}

/// Whether a text can be written between quotes as it is.
fn is_shown(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(|letter| letter.is_control() || letter == '"' || letter == '\\')
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(fits)
}

fn symbols(given: &Given) -> Result<Vec<Symbol>, String> {
    let items = given.list().ok_or_else(|| format!("is {given}"))?;
    let mut found: Vec<Symbol> = Vec::new();
    for item in &items {
        let symbol = item.word().and_then(|text| text.parse().ok()).ok_or_else(|| format!("names {item}"))?;
        if found.contains(&symbol) {
            return Err(format!("names {symbol} twice"));
        }
        found.push(symbol);
    }
    match found.len() {
        1..=MAX_SYMBOLS => Ok(found),
        0 => Err("names no symbol".to_owned()),
        many => Err(format!("names {many} symbols")),
    }
}

fn thresholds(given: &Given) -> Result<Vec<(Symbol, f64)>, String> {
    let entries = given.entries().ok_or_else(|| format!("is {given}"))?;
    if entries.len() > MAX_SYMBOLS {
        return Err(format!("names {} symbols", entries.len()));
    }
    let mut found: Vec<(Symbol, f64)> = Vec::new();
    for (name, value) in entries {
        let symbol: Symbol = name.parse().map_err(|_| format!("names {}", Given::Text(name)))?;
        let rsi = within(&value, RSI.0, RSI.1).ok_or_else(|| format!("has {value} for {symbol}"))?;
        if found.iter().any(|(other, _)| *other == symbol) {
            return Err(format!("names {symbol} twice"));
        }
        found.push((symbol, rsi));
    }
    Ok(found)
}
