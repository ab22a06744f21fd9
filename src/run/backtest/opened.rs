//! From flags and files to a trader that stands before the first candle.

use super::recorded::Recorded;
use crate::{
    candles_file,
    cli::Terms,
    config::{Config, process_env},
    market::{FundingRate, Timestamp},
    moment,
    run::prepare::open_files,
    trader::Trader,
};
use std::path::Path;

/// What a driver needs.
pub struct Opened {
    pub trader: Trader,
    pub source: Recorded,
    pub funding: Vec<FundingRate>,
    /// `on_stop = "close"`.
    pub close_on_stop: bool,
}

impl Opened {
    /// On these terms, with candles of `symbols` up to `to`; of all that the files hold where none are named.
    ///
    /// # Errors
    ///
    /// The configuration, a flag or a file.
    pub fn new(
        files: &[String],
        terms: &Terms,
        symbols: Option<&String>,
        to: Option<Timestamp>,
    ) -> Result<Self, String> {
        let of_a_run = terms.as_of_a_run(files, symbols);
        let config = Config::load(&of_a_run, &process_env, Path::new("")).map_err(|error| error.to_string())?;
        let from = terms.from.as_deref().map(|text| moment::of_flag("--from", text)).transpose()?;
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            return Err("--to must be later than --from".to_owned());
        }
        let (symbols, feed) = open_files(&config).map_err(|error| error.to_string())?;
        let mut funding = Vec::new();
        for file in &terms.funding {
            funding.extend(candles_file::rates(file, &symbols).map_err(|error| format!("--funding: {error}"))?);
        }
        let instruments = config.instruments_for(&symbols).map_err(|error| error.to_string())?;
        let venue = config.matching_settings(instruments.clone());
        let trader = Trader::on_paper(config.engine_settings(instruments), venue);
        let source = Recorded::new(feed, from, to);
        Ok(Self { trader, source, funding, close_on_stop: config.on_stop_close })
    }
}
