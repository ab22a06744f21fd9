//! One column: what was asked for, and where its values come from.

use crate::{
    engine::Parts,
    indicators::{Atr, Change, Correlation, Deviation, Ema, LONGEST, Rank, Rsi, Sma},
    market::Candle,
    run::text::{momentum_text, trend_text, volatility_text},
    strategies::Readings,
};
use std::io::{self, Write};

/// What stands without `--only`.
const USUAL: &str = "rsi:14,atr:14,ema:21,ema:50,ema:200,regime";

/// The period of EMA that a slope is of, and of the ATR that is ranked: the engine's.
const OF_EMA: u32 = 21;
const OF_ATR: u32 = 14;

/// What can be asked for: the name, and the period where none is typed.
const NAMES: [(&str, u32); 9] = [
    ("rsi", 14),
    ("atr", OF_ATR),
    ("ema", OF_EMA),
    ("sma", 20),
    ("change", 10),
    ("slope", 20),
    ("rank", 100),
    ("deviation", 20),
    ("correlation", 20),
];

/// One column.
pub struct Column {
    name: String,
    source: Source,
}

/// Where values come from: the engine's frame where it has them, else an indicator of our own behind it.
enum Source {
    Frame(fn(&Readings) -> Option<f64>),
    Own(Own),
    Part(fn(&Parts) -> Option<&'static str>),
    Strength,
}

/// An indicator that no frame has.
enum Own {
    Rsi(Rsi),
    Atr(Atr),
    Ema(Ema),
    Sma(Sma),
    Change(Change),
    Slope(Change),
    Rank(Rank),
    Deviation(Deviation),
    Correlation(Correlation),
}

impl Own {
    /// Takes in a finished candle and what the frame has made of it.
    fn update(&mut self, candle: &Candle, readings: &Readings) -> Option<f64> {
        match self {
            Self::Rsi(rsi) => rsi.update(candle.close),
            Self::Atr(atr) => atr.update(candle),
            Self::Ema(ema) => ema.update(candle.close),
            Self::Sma(sma) => sma.update(candle.close),
            Self::Change(change) => change.update(candle.close),
            Self::Slope(change) => readings.ema21.and_then(|average| change.update(average)),
            Self::Rank(rank) => readings.atr.and_then(|range| rank.update(range)),
            Self::Deviation(deviation) => deviation.update(candle.close),
            Self::Correlation(correlation) => correlation.update(candle.close, candle.volume),
        }
    }
}

/// The columns of a list such as `rsi:14,ema:50`; the usual ones where there is none.
///
/// # Errors
///
/// What is wrong with which word, in words.
pub fn parse(list: Option<&str>) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    for word in list.unwrap_or(USUAL).split(',').map(str::trim) {
        if word == "regime" {
            columns.extend(regime());
        } else {
            columns.push(one(word)?);
        }
    }
    Ok(columns)
}

fn one(word: &str) -> Result<Column, String> {
    let (name, typed) = word.split_once(':').map_or((word, None), |(name, period)| (name, Some(period)));
    let Some((name, usual)) = NAMES.into_iter().find(|(known, _)| *known == name) else {
        let names = NAMES.map(|(name, _)| name).join(", ");
        return Err(match name {
            "regime" => format!("{word}: regime has no period"),
            _ => format!("{word}: there is no `{name}`; allowed are {names}, each as in rsi:14, and regime"),
        });
    };
    let least = if name == "rank" { 2 } else { 1 };
    let period = typed.map_or(Some(usual), |typed| typed.parse().ok());
    let Some(period) = period.filter(|period| (least..=LONGEST).contains(period)) else {
        return Err(format!(
            "{word}: the period must be a whole number from {least} to {LONGEST}, as in {name}:{usual}"
        ));
    };
    Ok(Column { name: format!("{name}_{period}"), source: source(name, period) })
}

fn source(name: &str, period: u32) -> Source {
    match (name, period) {
        ("rsi", 14) => Source::Frame(|readings| readings.rsi),
        ("atr", OF_ATR) => Source::Frame(|readings| readings.atr),
        ("ema", OF_EMA) => Source::Frame(|readings| readings.ema21),
        ("ema", 50) => Source::Frame(|readings| readings.ema50),
        ("ema", 200) => Source::Frame(|readings| readings.ema200),
        ("rsi", _) => Source::Own(Own::Rsi(Rsi::new(period))),
        ("atr", _) => Source::Own(Own::Atr(Atr::new(period))),
        ("ema", _) => Source::Own(Own::Ema(Ema::new(period))),
        ("sma", _) => Source::Own(Own::Sma(Sma::new(period))),
        ("change", _) => Source::Own(Own::Change(Change::new(period))),
        ("slope", _) => Source::Own(Own::Slope(Change::new(period))),
        ("rank", _) => Source::Own(Own::Rank(Rank::new(period))),
        ("deviation", _) => Source::Own(Own::Deviation(Deviation::new(period))),
        (_, _) => Source::Own(Own::Correlation(Correlation::new(period))),
    }
}

fn regime() -> [Column; 4] {
    let part = |name: &str, source| Column { name: name.to_owned(), source };
    [
        part("trend", Source::Part(|parts| parts.trend.map(trend_text))),
        part("momentum", Source::Part(|parts| parts.momentum.map(momentum_text))),
        part("volatility", Source::Part(|parts| parts.volatility.map(volatility_text))),
        part("strength", Source::Strength),
    ]
}

impl Column {
    /// As the head of the table names it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the value at the close of a candle; nothing where there is none yet.
    pub fn cell(&mut self, candle: &Candle, readings: &Readings, parts: &Parts, out: &mut dyn Write) -> io::Result<()> {
        let value = match &mut self.source {
            Source::Frame(value) => value(readings),
            Source::Own(own) => own.update(candle, readings),
            Source::Strength => parts.strength,
            Source::Part(part) => return out.write_all(part(parts).unwrap_or_default().as_bytes()),
        };
        value.map_or(Ok(()), |value| write!(out, "{value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_its_columns() {
        for (list, want) in [
            (None, "rsi_14 atr_14 ema_21 ema_50 ema_200 trend momentum volatility strength"),
            (Some("rsi:14,ema:50"), "rsi_14 ema_50"),
            (Some("sma, rank, slope:7"), "sma_20 rank_100 slope_7"),
            (Some("ema:10000"), "ema_10000"),
        ] {
            let columns = parse(list).unwrap_or_else(|wrong| panic!("{list:?}: {wrong}"));
            assert_eq!(columns.iter().map(Column::name).collect::<Vec<_>>().join(" "), want);
        }
    }

    #[test]
    fn what_is_unknown_is_told_what_is_allowed() {
        for (list, want) in [
            ("macd", "macd: there is no `macd`; allowed are rsi, atr, ema, sma, change, slope, rank, deviation,"),
            ("rsi:14,", ": there is no ``; allowed are rsi,"),
            ("ema:0", "ema:0: the period must be a whole number from 1 to 10000, as in ema:21"),
            ("ema:-1", "ema:-1: the period must be"),
            ("sma:10001", "sma:10001: the period must be"),
            ("rank:1", "rank:1: the period must be a whole number from 2"),
            ("rsi:fast", "rsi:fast: the period must be"),
            ("regime:4", "regime:4: regime has no period"),
        ] {
            let wrong = parse(Some(list)).err().unwrap_or_default();
            assert!(wrong.starts_with(want), "{list}: {wrong}");
        }
    }
}
