//! One message from text to value, by kind, beside a reader that knows nothing of what it reads.

use crate::walk::{KINDS, kind_of, symbols};
use serde_json::Value;
use smolbear::exchange::{Exchange, binance::Binance};
use std::{hint::black_box, time::Instant};

/// The best of so many runs counts.
const RUNS: usize = 5;

/// Decodes `times` messages of each kind that occurs in `texts`.
pub fn print(texts: &[String], times: usize) {
    println!("| decode only | bytes | ns a message | of `serde_json::Value` |\n|---|---|---|---|");
    for (place, name) in KINDS.iter().enumerate() {
        let own: Vec<&[u8]> = texts.iter().filter(|t| kind_of(t.as_bytes()) == place).map(|t| t.as_bytes()).collect();
        if own.is_empty() {
            continue;
        }
        let (mut codec, mut updates) = (Binance::new(&symbols()), Vec::new());
        let ours = best(&own, times, |text| {
            updates.clear();
            black_box(codec.decode(text, &mut updates).is_ok());
        });
        let theirs = best(&own, times, |text| {
            black_box(serde_json::from_slice::<Value>(text).is_ok());
        });
        let bytes = own.iter().map(|text| text.len()).sum::<usize>() / own.len();
        println!("| {name} | {bytes} | {ours:.0} | {:.2} |", ours / theirs);
    }
}

/// Nanoseconds a text.
fn best(texts: &[&[u8]], times: usize, mut work: impl FnMut(&[u8])) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let from = Instant::now();
        texts.iter().cycle().take(times / RUNS).for_each(|text| work(text));
        from.elapsed().as_nanos() as f64 / (times / RUNS) as f64
    });
    runs.fold(f64::INFINITY, f64::min)
}
