//! `bot indicators`: the values of indicators as the engine's own frames have them, as CSV.

mod column; // one indicator

use super::looking::print;
use crate::{
    candles_file::{Feed, FileSpec},
    cli::Indicators,
    engine::{Desk, Timeframes},
    market::{Symbol, Timeframe},
};
use column::Column;
use std::io::{self, Write};

/// Prints a row a candle.
///
/// # Errors
///
/// The flags or the files.
pub fn indicators(wish: &Indicators) -> Result<u8, String> {
    let columns = column::parse(wish.only.as_deref()).map_err(|wrong| format!("--only {wrong}"))?;
    let specs = specs(wish)?;
    let symbols: Vec<Symbol> = specs.iter().take(1).map(|spec| spec.symbol.clone()).collect();
    let mut feed = Feed::open(&specs, &symbols).map_err(|error| error.to_string())?;
    let timeframe = timeframe(wish.timeframe.as_deref(), &feed)?;
    let mut table = Table { timeframe, desk: Desk::new(std::iter::once((timeframe, true)), f64::INFINITY), columns };
    let mut fault = None;
    let code = print(|out| {
        table.head(out)?;
        loop {
            match feed.next() {
                Ok(Some(candle)) => {
                    let late = table.desk.finish_late(&candle);
                    table.row(late, out)?;
                    let closed = table.desk.take(&candle);
                    table.row(closed, out)?;
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    fault = Some(error.to_string());
                    return Ok(());
                }
            }
        }
    });
    feed.take_remarks().iter().for_each(|remark| eprintln!("note: {remark}"));
    fault.map_or(Ok(code), Err)
}

/// The files of one symbol.
fn specs(wish: &Indicators) -> Result<Vec<FileSpec>, String> {
    let all = wish.files.iter().map(|argument| FileSpec::parse(argument)).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| error.to_string())?;
    let mut held: Vec<&Symbol> = all.iter().map(|spec| &spec.symbol).collect();
    held.sort_unstable();
    held.dedup();
    let names = held.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match &wish.symbols {
        Some(text) => text.parse::<Symbol>().map_err(|error| format!("--symbols: {error}"))?,
        None if held.len() > 1 => {
            return Err(format!("the files hold {names}, but a table is of one: name it with --symbols"));
        }
        None => held[0].clone(),
    };
    if !held.contains(&&chosen) {
        return Err(format!("no file holds {chosen}; they hold {names}"));
    }
    Ok(all.into_iter().filter(|spec| spec.symbol == chosen).collect())
}

/// What was chosen, or the finest timeframe of the files.
fn timeframe(chosen: Option<&str>, feed: &Feed) -> Result<Timeframe, String> {
    let chosen = chosen.map(str::parse::<Timeframe>).transpose().map_err(|error| format!("--timeframe: {error}"))?;
    let offered = feed.offers().into_iter().flat_map(|offer| offer.timeframes).collect::<Vec<_>>();
    let finest = offered.first().copied().unwrap_or(Timeframe::M1);
    match chosen {
        Some(chosen) if !offered.iter().any(|offered| chosen.holds_whole(*offered)) => Err(format!(
            "--timeframe {chosen}: the files offer {}, and {chosen} candles are made of none of them",
            offered.iter().map(|timeframe| timeframe.name()).collect::<Vec<_>>().join(", ")
        )),
        chosen => Ok(chosen.unwrap_or(finest)),
    }
}

/// What is printed.
struct Table {
    timeframe: Timeframe,
    desk: Desk,
    columns: Vec<Column>,
}

impl Table {
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.columns.iter().map(Column::name).collect::<Vec<_>>().join(",");
        writeln!(out, "open_time_ms,open,high,low,close,volume,{names}")
    }

    /// A row where a candle of the table's timeframe is among the finished ones.
    fn row(&mut self, finished: Timeframes, out: &mut dyn Write) -> io::Result<()> {
        let frame = self.desk.frame(self.timeframe).filter(|_| finished.contains(self.timeframe));
        let Some((candle, readings)) = frame else { return Ok(()) };
        let (open_time, volume) = (candle.open_time.0, candle.volume);
        write!(out, "{open_time},{},{},{},{},{volume}", candle.open, candle.high, candle.low, candle.close)?;
        let parts = self.desk.parts();
        for column in &mut self.columns {
            out.write_all(b",")?;
            column.cell(candle, readings, &parts, out)?;
        }
        out.write_all(b"\n")
    }
}
