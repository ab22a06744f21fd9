//! Any bytes as a frame of a stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smolbear_fuzz::{binance, check_update, exchange::Exchange};

fuzz_target!(|frame: &[u8]| {
    let mut updates = Vec::new();
    match binance().decode(frame, &mut updates) {
        Ok(()) => updates.iter().for_each(check_update),
        Err(garbled) => assert!(garbled.found.chars().count() <= 200),
    }
});
