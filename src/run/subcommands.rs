//! `bot init` and `bot generate`: their result is a file, and what they say goes to stderr.

use crate::{
    candles_file,
    cli::{Generate, Init},
    config,
    market::DAY_MS,
    simulation::prices::{EPOCH, Market},
};

/// Writes the commented `bot.toml`.
pub fn init(init: &Init) -> Result<u8, String> {
    config::write_default_file(&init.file, init.force).map_err(|error| error.to_string())?;
    eprintln!("{} written: every key with its default", init.file.display());
    Ok(0)
}

/// Writes made-up candles.
pub fn generate(wish: &Generate) -> Result<u8, String> {
    let candles = Market::candles(wish.seed, &wish.symbol, wish.timeframe, EPOCH);
    let rows = i64::from(wish.days) * DAY_MS / wish.timeframe.ms();
    let candles = candles.take(usize::try_from(rows).unwrap_or(usize::MAX));
    let rows = candles_file::write(&wish.file, candles).map_err(|error| error.to_string())?;
    eprintln!(
        "{} written: {rows} {} candles of {}, made up (seed {})",
        wish.file.display(),
        wish.timeframe,
        wish.symbol,
        wish.seed
    );
    Ok(0)
}
