use super::*;
use crate::{
    market::{DAY_MS, Fnv, PriceBar},
    store::journal::{BLOCK_BYTES, FORMAT, Head, SEGMENT_BYTES, block, read},
};
use std::fs;

/// What a file that has these bytes says.
fn entries_of(bytes: &[u8]) -> (Head, Vec<Entry>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let (head, entries) = read(file.path()).unwrap();
    (head, entries.map(Result::unwrap).collect())
}

#[test]
fn what_was_recorded_is_read_back() {
    let parts = Parts::new(24, 100);
    assert!(parts.entries.iter().filter(|entry| entry.outcome.is_some()).count() > 50, "too little happened");
    let (head, entries) = entries_of(&parts.bytes());
    assert!(head.is_ours() && head.bytes() == Head::of(&trader(), WALL_MS, false).bytes());
    assert_eq!(entries, parts.entries);
}

/// Pinned: whoever changes what a segment holds, also by a change of a type that events, actions or state are made of, counts [`FORMAT`] up.
#[test]
fn a_format_says_what_its_bytes_mean() {
    let parts = Parts::new(24, 100);
    let (mut hash, preamble) =
        (Fnv::default(), crate::store::journal::head::preamble(FORMAT, env!("SMOLBEAR_VERSION")));
    hash.add_bytes(&parts.bytes()[preamble.len()..]);
    assert_eq!((FORMAT, hash.value()), (7, 14_461_409_900_310_738_643));
}

#[test]
fn a_candle_takes_55_bytes_at_most_and_no_allocation() {
    let (mut tape, mut recorder) = (Tape::new(24), Recorder::default());
    let _ = recorder.begin(&tape.trader, WALL_MS);
    let (room, place) = (recorder.buffer().capacity(), recorder.buffer().as_ptr());
    let mut candles = 0;
    while let Some(entry) = tape.next() {
        let before = recorder.buffer().len();
        put(&mut recorder, &entry, tape.trader.tally());
        let bytes = recorder.buffer().len() - before;
        if entry.outcome.is_none() && matches!(entry.event, Event::Candle(_)) {
            candles += 1;
            let first_of_a_block = before == block::HEADER; // it has its time in full
            assert!(bytes <= 55 || first_of_a_block && bytes <= 60, "{bytes} bytes for {entry:?}");
        }
        let _ = recorder.take(false);
        assert_eq!((recorder.buffer().capacity(), recorder.buffer().as_ptr()), (room, place), "the buffer is reused");
    }
    assert!(candles > 2_000, "{candles} candles show nothing");
}

#[test]
fn a_block_is_handed_out_when_it_is_full_or_forced() {
    let (mut tape, mut recorder) = (Tape::new(24), Recorder::default());
    assert_eq!(recorder.take(true), None, "there is no segment");
    let _ = recorder.begin(&tape.trader, WALL_MS);
    assert_eq!(recorder.take(true), None, "there is nothing in it");
    let mut blocks = Vec::new();
    while let Some(entry) = tape.next() {
        put(&mut recorder, &entry, tape.trader.tally());
        blocks.extend(recorder.take(false));
    }
    assert!(blocks.len() >= 2, "{}", blocks.len());
    assert!(blocks.iter().all(|block| (BLOCK_BYTES..BLOCK_BYTES + 4096).contains(&block.len())));
    assert!(recorder.take(true).is_some_and(|rest| rest.len() < BLOCK_BYTES));
}

#[test]
fn a_segment_ends_at_midnight_and_when_it_is_large() {
    let mut recorder = Recorder::default();
    let at = |ms| EPOCH.plus_ms(ms);
    assert!(recorder.is_due(at(0)), "the first one");
    let tally = trader().tally();
    let candle = Event::Candle(Tape::new(1).market.next().unwrap());
    let tell = |recorder: &mut Recorder, ms| recorder.event(at(ms), &candle, &[], tally);
    let _ = recorder.begin(&trader(), WALL_MS);
    tell(&mut recorder, DAY_MS - 2);
    assert!(!recorder.is_due(at(DAY_MS - 1)));
    assert!(recorder.is_due(at(DAY_MS)));
    let _ = recorder.take(true);
    let mut taken = recorder.begin(&trader(), WALL_MS).len() as u64;
    while !recorder.is_due(at(DAY_MS)) {
        tell(&mut recorder, DAY_MS);
        taken += recorder.take(false).map_or(0, |block| block.len() as u64);
    }
    assert!((SEGMENT_BYTES..SEGMENT_BYTES + 100_000).contains(&taken), "{taken}");
}

#[test]
fn a_segment_goes_on_where_the_one_before_it_ended_unless_something_between_was_lost() {
    let (mut tape, mut recorder) = (Tape::new(1), Recorder::default());
    let mut continues = |recorder: &mut Recorder| {
        let head = entries_of(&recorder.begin(&tape.trader, WALL_MS)).0;
        let entry = tape.next().unwrap();
        put(recorder, &entry, tape.trader.tally());
        head.continues
    };
    assert!(!continues(&mut recorder), "it is a start");
    let _ = recorder.take(true);
    assert!(continues(&mut recorder));
    recorder.break_off();
    assert!(recorder.is_due(EPOCH) && recorder.take(true).is_none(), "what cannot be run is not kept");
    assert!(!continues(&mut recorder), "nobody knows what lies between");
}

#[test]
fn bars_are_read_back_over_blocks_and_take_a_quarter() {
    let trader = trader();
    let mut recorder = Recorder::default();
    let mut bytes = recorder.begin(&trader, WALL_MS);
    let head = bytes.len();
    let bar = |number: i64| {
        let price = |offset: i64| (1_135_000 + number % 37 + offset) as f64 / 10.0;
        let (at, symbol) = (EPOCH.plus_ms(100 * number), crate::market::SymbolId((number % 3) as u16));
        PriceBar { symbol, last: price(0), low: price(-5), high: price(5), bid: price(-1), ask: price(0), at }
    };
    let bars: Vec<_> = (0..20_000).map(bar).map(|bar| (bar.at.plus_ms(30), Event::Price(bar))).collect();
    let mut blocks = 0;
    for (now, event) in &bars {
        recorder.event(*now, event, &[], trader.tally());
        if let Some(block) = recorder.take(false) {
            bytes.extend(block);
            blocks += 1;
        }
    }
    bytes.extend(recorder.take(true).unwrap());
    assert!(blocks >= 2, "{blocks}");
    let read: Vec<_> = entries_of(&bytes).1.into_iter().map(|entry| (entry.at, entry.event)).collect();
    for (place, (read, told)) in read.iter().zip(&bars).enumerate() {
        assert_eq!(read, told, "bar {place}");
    }
    assert_eq!(read.len(), bars.len());
    let each = (bytes.len() - head) as f64 / bars.len() as f64;
    assert!(each < 13.0, "{each} bytes a bar");
}
