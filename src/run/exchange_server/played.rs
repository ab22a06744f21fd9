//! A venue that can be driven: what the driver needs of one.

use super::opening::Making;
use crate::{
    market::Timestamp,
    simulation::binance::{Input, Output, Reply},
};

/// A played exchange: pure, moved by its inputs alone.
pub trait Played {
    /// Tells it something; what it wants done is put behind what is in `outputs`. `now` never goes back.
    fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>);

    /// When it wants to be woken; `None` where nothing is due.
    fn next_deadline(&self) -> Option<Timestamp>;
}

/// Knows the time and nothing else.
#[derive(Debug)]
pub struct Bare;

impl Bare {
    /// A venue without faults, and so without any other than no `--faults`.
    pub fn new(making: Making<'_>) -> Result<Self, String> {
        making.faults.map_or(Ok(Self), |_| Err("this venue has none".to_owned()))
    }
}

impl Played for Bare {
    fn handle(&mut self, now: Timestamp, input: Input<'_>, outputs: &mut Vec<Output>) {
        let (id, status, body) = match input {
            Input::Call { id, target: "/fapi/v1/time", .. } => (id, 200, format!(r#"{{"serverTime":{}}}"#, now.0)),
            Input::Call { id, .. } | Input::Knock { id, .. } => (id, 404, String::new()),
            Input::Candle(_) | Input::Frame(..) | Input::Gone(_) | Input::Wake => return,
        };
        let body = body.into_bytes();
        outputs.push(Output::Reply(id, Reply { status, headers: Vec::new(), body, not_before: None, cut_after: None }));
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}
