//! `bot explain`: why it did or did not trade at a moment. The trader itself is led there, and asked what it saw.

mod from_files; // over recorded candles
mod from_journal; // over what a bot was told
mod plain; // for a person
mod report; // what there is to say
mod watch; // what each strategy decided last

use super::looking::{self, print, print_json};
use crate::{
    cli::Explain,
    engine::Engine,
    market::{Symbol, SymbolId, Timestamp},
    moment,
};
use report::Report;
use watch::Watch;

/// How far a trader came, and what is known of the end.
struct Reached {
    watch: Watch,
    /// Something that a reader should know.
    remark: Option<String>,
}

/// Prints the explanation.
///
/// # Errors
///
/// The flags, the files or the journal; nothing is known of that time.
pub fn explain(wish: &Explain) -> Result<u8, String> {
    let report = match wish.files.is_empty() {
        false => from_files::explain(wish, parse(&wish.at)?)?,
        true => {
            if let Some(flag) = wish.terms.given() {
                return Err(format!("{flag} is for files: a data directory has its own record of what counted"));
            }
            let (folder, database) = looking::open(&wish.whose)?;
            let now = super::trades::market_now(&database).map_err(|error| error.to_string())?;
            let at = moment::parse_since(&wish.at, now).ok_or_else(|| no_time(&wish.at))?;
            from_journal::explain(wish, &folder, at)?
        }
    };
    if wish.json {
        return Ok(print(|out| print_json(out, &report)));
    }
    let lines = plain::lines(&report);
    Ok(print(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}"))))
}

fn parse(text: &str) -> Result<Timestamp, String> {
    moment::parse(text).ok_or_else(|| no_time(text))
}

fn no_time(text: &str) -> String {
    format!(
        "--at {text}: write a market time in UTC, like 2025-01-31T14:05; on a data directory also how far back, like 7d or 12h"
    )
}

/// Which symbols are shown.
fn chosen(wish: &Explain, engine: &Engine) -> Result<Vec<SymbolId>, String> {
    let all: Vec<&Symbol> = engine.settings().instruments.iter().map(|rules| &rules.symbol).collect();
    let Some(list) = &wish.symbols else { return Ok((0..all.len()).map(|index| SymbolId(index as u16)).collect()) };
    let place = |word: &str| {
        let symbol: Symbol = word.trim().parse().map_err(|error| format!("--symbols: {error}"))?;
        let place = all.iter().position(|known| **known == symbol);
        place.map(|place| SymbolId(place as u16)).ok_or_else(|| {
            let names = all.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>().join(", ");
            format!("--symbols: {symbol} is not among what is traded: {names}")
        })
    };
    list.split(',').map(place).collect()
}

/// What is said of the moment, once the trader stands there.
fn told(wish: &Explain, at: Timestamp, engine: &Engine, reached: Reached) -> Result<Report, String> {
    Ok(Report::of(at, engine, &chosen(wish, engine)?, reached))
}
