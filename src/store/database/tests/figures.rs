//! What it costs: run with `--ignored --nocapture`.

use super::*;
use std::time::Instant;

/// What this process has had written to disks, in bytes.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// As the bot opens it: each commit waits for the disk.
fn opened(place: &Place) -> Database {
    Database::open(&place.file, None).unwrap()
}

fn microseconds<T>(times: u32, mut work: impl FnMut() -> T) -> u128 {
    let mut took: Vec<_> = (0..times)
        .map(|_| {
            let began = Instant::now();
            drop(work());
            began.elapsed().as_micros()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

/// Fifty thousand trades with their intents and fills, some years of them.
fn fill_with_trades(database: &mut Database) {
    database
        .write(|transaction| {
            for number in 0..50_000 {
                let trade = "INSERT INTO trades SELECT ?1 + 1000000, symbol, strategy, side, entry_time_ms, entry_price, qty, exit_time_ms,
                    exit_price, reason, gross, fees, funding, pnl, r, balance FROM trades WHERE number = ?1 % 10 + 1";
                transaction.execute(trade, [number])?;
                for leg in ["e", "s", "t", "x"] {
                    let id = format!("{:0>13}{number:0>10}l{leg}0", number * 2_654_435_761_i64 % 1_000_003);
                    let intent = "INSERT INTO intents VALUES (?1, 'BTC/USDT:USDT', 'sell', 'stop', '113500.5', '0.004', 1, 1735689600000)";
                    transaction.execute(intent, [&id])?;
                    if leg == "e" || leg == "x" {
                        let fill = "INSERT INTO fills VALUES ('BTC/USDT:USDT', ?1, ?2, 'sell', '0.004', '113500.5', '0.27', 1735689600000)";
                        transaction.execute(fill, rusqlite::params![1_000_000 + 2 * number + i64::from(leg == "x"), id])?;
                    }
                }
            }
            Ok(())
        })
        .unwrap();
}

fn middle(sizes: impl Iterator<Item = usize>) -> (usize, usize) {
    let sizes: Vec<_> = sizes.collect();
    (sizes[sizes.len() / 2], *sizes.iter().max().unwrap())
}

#[test]
#[ignore = "it measures"]
fn of_a_body() {
    let batches = course();
    let json = |batch: &Batch| serde_json::to_vec(&batch.memory).unwrap();
    let bodies = middle(batches.iter().map(|batch| body::pack(&batch.memory).unwrap().len()));
    println!("{} commits; a body, half way and at most: {bodies:?} bytes", batches.len());
    println!("as JSON: {:?} bytes", middle(batches.iter().map(|batch| json(batch).len())));
    let (batch, text) = (&batches[batches.len() / 2], json(&batches[batches.len() / 2]));
    println!("packing: {} µs", microseconds(200, || body::pack(&batch.memory).unwrap()));
    println!("of that to JSON: {} µs", microseconds(200, || json(batch)));
    println!("and from JSON: {} µs", microseconds(200, || serde_json::from_slice::<Memory>(&text).unwrap()));
}

#[test]
#[ignore = "it measures"]
fn of_opening() {
    println!("a new file: {} µs", microseconds(20, || opened(&Place::new())));
    let place = Place::with(20);
    println!("one with 20 commits: {} µs", microseconds(50, || opened(&place)));
    fill_with_trades(&mut opened(&place));
    let size = opened(&place).size() >> 20;
    println!("one with 50,000 trades, {size} MB: {} µs", microseconds(5, || opened(&place)));
    println!("the same to read: {} µs", microseconds(5, || Database::read(&place.file).unwrap()));
}

#[test]
#[ignore = "it measures"]
fn of_commits() {
    for synchronous in ["FULL", "OFF"] {
        let place = Place::new();
        let mut database = opened(&place);
        database.connection.pragma_update(None, "synchronous", synchronous).unwrap();
        let (before, mut batches) = (written(), course().iter());
        let took = microseconds(course().len() as u32, || database.commit(batches.next().unwrap()).unwrap());
        let wrote = (written() - before) / course().len() as u64;
        println!("a commit with synchronous={synchronous}: {took} µs, {wrote} bytes written");
    }
    let place = Place::with(1);
    let (mut database, before) = (opened(&place), written());
    for number in 0..288 {
        let batch = Batch { records: Vec::new(), sample: Some(sample(number)), ..course()[100].clone() };
        database.commit(&batch).unwrap();
    }
    println!("a day of samples: {} KB written", (written() - before) >> 10);
}
