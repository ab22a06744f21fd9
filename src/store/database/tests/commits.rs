//! A batch is on the disk, or nothing of it is.

use super::*;
use crate::{
    engine::{Record, Trade},
    market::{OrderKind, OrderSide},
    store::TradeRow,
};

fn all<'a, T: 'a>(batches: &'a [Batch], pick: impl Fn(&'a Record) -> Option<T>) -> Vec<T> {
    batches.iter().flat_map(|batch| &batch.records).filter_map(pick).collect()
}

#[test]
fn the_memory_of_every_commit_comes_back_as_it_was() {
    let (place, batches) = (Place::new(), course());
    let mut database = place.open();
    assert_eq!(database.memory(), Ok(None), "a new store");
    for (number, batch) in batches.iter().enumerate() {
        database.commit(batch).unwrap();
        if number % 16 == 0 {
            drop(database);
            database = place.open();
        }
        let read = database.memory().unwrap().unwrap();
        assert_eq!(read, batch.memory);
        let bytes = |memory: &Memory| postcard::to_slice(memory, &mut vec![0; 1 << 20]).unwrap().to_vec();
        assert_eq!(bytes(&read), bytes(&batch.memory), "to the last bit");
    }
    let whole = |batch: &&Batch| format!("{:?}", batch.memory.trader).contains("walking: Some");
    assert!(batches.iter().filter(whole).count() > 10, "some were taken in the middle of a candle");
}

#[test]
fn a_thread_of_its_own_can_have_it() {
    let (place, batch) = (Place::new(), &course()[0]);
    let mut database = place.open();
    let memory = std::thread::spawn(move || database.commit(batch).and_then(|()| database.memory())).join().unwrap();
    assert_eq!(memory.unwrap().as_ref(), Some(&batch.memory));
}

#[test]
fn what_happened_comes_back_row_by_row() {
    let (place, batches) = (Place::with(course().len()), course());
    let database = place.open();
    let names = &batches[0].memory.names;
    let trades: Vec<&Trade> = all(batches, |record| if let Record::Trade(trade) = record { Some(trade) } else { None });
    let rows: Vec<_> = trades
        .iter()
        .map(|trade| {
            let (symbol, strategy) = (trade.symbol.index(), usize::from(trade.strategy));
            TradeRow::new(trade, &names.symbols[symbol], &names.strategies[strategy])
        })
        .collect();
    assert!(rows.len() > 10);
    assert_eq!(database.trades(Timestamp(i64::MIN)).unwrap(), rows);
    let since = rows[5].exit_time;
    let later: Vec<_> = rows.iter().filter(|row| row.exit_time >= since).cloned().collect();
    assert_eq!(database.trades(since).unwrap(), later);
    assert_eq!(database.trades(Timestamp(i64::MAX)).unwrap(), []);

    let intents = all(batches, |record| if let Record::Intent(intent) = record { Some(*intent) } else { None });
    for intent in &intents {
        let select = "SELECT symbol, side, kind, \"trigger\", qty, reduce_only FROM intents WHERE id = ?1";
        let cells = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        };
        let got: (String, String, String, Option<String>, String, bool) =
            database.connection.query_row(select, [intent.id.as_str()], cells).unwrap();
        let (kind, trigger) = match intent.kind {
            OrderKind::Market => ("market", None),
            OrderKind::StopMarket { trigger } => ("stop", Some(trigger.to_string())),
            OrderKind::TakeProfitMarket { trigger } => ("target", Some(trigger.to_string())),
            OrderKind::Limit { price, .. } => ("limit", Some(price.to_string())),
        };
        let (symbol, side) =
            (names.symbols[intent.symbol.index()].as_str(), if intent.side == OrderSide::Buy { "buy" } else { "sell" });
        let want = (symbol, side, kind, trigger, intent.qty.to_string(), intent.reduce_only);
        assert_eq!((got.0.as_str(), got.1.as_str(), got.2.as_str(), got.3, got.4, got.5), want);
    }
    let fills = all(batches, |record| if let Record::Fill(fill) = record { Some(*fill) } else { None });
    let funding = all(batches, |record| if let Record::Funding(paid) = record { Some(*paid) } else { None });
    let counts = ["intents", "fills", "funding"].map(|table| count(&database, table));
    assert_eq!(counts, [intents.len(), fills.len(), funding.len()].map(|length| length as i64));
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn an_intent_twice_is_refused_with_its_whole_batch() {
    let place = Place::with(4);
    let (mut database, first) = (place.open(), &course()[0]);
    let Record::Intent(intent) = first.records[0] else { panic!("a course begins with an entry") };
    let before = money(&database);
    let mut batch = course()[4].clone();
    batch.records.push(first.records[0].clone());
    (batch.sample, batch.said) = (Some(sample(1)), vec![said(1, SaidKind::Signal, "taken")]);
    let refused = database.commit(&batch).unwrap_err();
    assert_eq!(refused.fault, Fault::Broken);
    assert_eq!(refused.to_string(), format!("{}: the intent {} is there already", place.file.display(), intent.id));
    assert_eq!(money(&database), before, "nothing of it is there");
    assert_eq!((count(&database, "samples"), count(&database, "said")), (0, 0));
    database.commit(&course()[4]).unwrap();
}

#[test]
fn a_fill_that_is_told_twice_is_one_row() {
    let place = Place::with(course().len());
    let mut database = place.open();
    let fills = count(&database, "fills");
    let mut batch = course()[0].clone();
    batch.records = all(course(), |record| matches!(record, Record::Fill(_)).then(|| record.clone()));
    database.commit(&batch).unwrap();
    assert_eq!(count(&database, "fills"), fills);
}

#[test]
fn a_trade_number_may_use_all_its_bits() {
    let place = Place::new();
    let (mut database, mut batch) = (place.open(), course()[0].clone());
    let fills = all(course(), |record| if let Record::Fill(fill) = record { Some(*fill) } else { None });
    batch.records = [u64::MAX, u64::MAX, i64::MAX as u64, 0]
        .map(|trade_id| Record::Fill(crate::market::Fill { trade_id, ..fills[0] }))
        .to_vec();
    database.commit(&batch).unwrap();
    assert_eq!(count(&database, "fills"), 3);
}

#[test]
fn a_record_of_what_has_no_name_is_refused() {
    let place = Place::new();
    let mut database = place.open();
    for bare in [0, 1] {
        let mut batch = course()
            .iter()
            .find(|batch| batch.records.iter().any(|record| matches!(record, Record::Trade(_))))
            .unwrap()
            .clone();
        if bare == 0 {
            batch.memory.names.symbols.clear()
        } else {
            batch.memory.names.strategies.clear()
        }
        assert_eq!(database.commit(&batch).unwrap_err().fault, Fault::Broken);
        assert_eq!(money(&database), [] as [&str; 0]);
    }
}

/// The memory with another number in the place of one of its own. Its fields are not ours to set.
fn with_number(memory: &Memory, was: f64, is: f64) -> Memory {
    let mut bytes = postcard::to_slice(memory, &mut vec![0; 1 << 20]).unwrap().to_vec();
    let at = bytes.windows(8).position(|bytes| bytes == was.to_le_bytes()).expect("the number is in the memory");
    bytes[at..at + 8].copy_from_slice(&is.to_le_bytes());
    postcard::from_bytes(&bytes).unwrap()
}

#[test]
fn a_number_comes_back_to_the_last_bit_or_is_refused_when_it_is_written() {
    let (place, batch) = (Place::with(1), &course()[40]);
    let json = serde_json::to_string(&batch.memory).unwrap();
    let was = json.split("\"threshold\":").nth(1).unwrap().split([',', '}']).next().unwrap().parse().unwrap();
    let mut database = place.open();
    let mut commit = |is: f64| {
        let memory = with_number(&batch.memory, was, is);
        let done = database.commit(&Batch::of(memory.clone()));
        done.map(|()| assert_eq!(database.memory().unwrap().unwrap(), memory, "{is:e}"))
    };
    for number in [
        -0.0,
        0.1 + 0.2,
        5e-324,
        f64::MAX,
        f64::MIN_POSITIVE,
        1.0 / 3.0,
        123_456_789.123_456_79,
        1e23,
        9_007_199_254_740_993.0,
    ] {
        commit(number).unwrap();
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = commit(number).unwrap_err();
        assert_eq!(refused.fault, Fault::Broken);
        assert!(refused.cause.starts_with("the state can't be written down: "), "{refused}");
    }
}
