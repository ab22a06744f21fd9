//! A venue that can be driven: what the driver needs of one.

use super::opening::Making;
use crate::{
    market::Timestamp,
    simulation::binance::{Faults, FaultsError, Input, Output, Settings, Venue},
};

/// A played exchange: pure, moved by its inputs alone.
pub trait Played {
    /// Tells it something; what it wants done is put behind what is in `outputs`. `now` never goes back.
    fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>);

    /// When it wants to be woken; `None` where nothing is due.
    fn next_deadline(&self) -> Option<Timestamp>;
}

impl Played for Venue {
    fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>) {
        Self::handle(self, now, input, outputs);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Self::next_deadline(self)
    }
}

/// Binance, with the faults that were asked for.
pub fn binance(making: Making<'_>) -> Result<Venue, String> {
    let Making { instruments, seed, faults, accounts } = making;
    let faults =
        faults.map_or_else(|| Ok(Faults::default()), str::parse).map_err(|error: FaultsError| error.to_string())?;
    Ok(Venue::new(Settings { instruments, seed, faults, accounts }))
}
