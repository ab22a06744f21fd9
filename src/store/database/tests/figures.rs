//! What it costs: run with `--ignored --nocapture`.

use super::*;
use std::time::Instant;

/// What this process has had written to disks, in bytes.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
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

#[test]
#[ignore = "it measures"]
fn figures() {
    let batches = course();
    let bodies: Vec<_> = batches.iter().map(|batch| body::pack(&batch.memory).unwrap().len()).collect();
    let json: Vec<_> = batches.iter().map(|batch| serde_json::to_vec(&batch.memory).unwrap().len()).collect();
    let most = |sizes: &[usize]| (sizes[sizes.len() / 2], *sizes.iter().max().unwrap());
    println!(
        "{} commits; body, half way and largest: {:?} bytes, as JSON {:?}",
        batches.len(),
        most(&bodies),
        most(&json)
    );
    let memory = &batches[batches.len() / 2].memory;
    println!("packing a body: {} µs", microseconds(200, || body::pack(memory).unwrap()));
    let text = serde_json::to_vec(memory).unwrap();
    println!(
        "of that to JSON {} µs, from JSON {} µs",
        microseconds(200, || serde_json::to_vec(memory).unwrap()),
        microseconds(200, || serde_json::from_slice::<Memory>(&text).unwrap())
    );

    println!("opening a new file: {} µs", microseconds(20, || Place::new().open()));
    let place = Place::with(20);
    println!("opening one with 20 commits: {} µs", microseconds(50, || place.open()));
    println!("closing it: {} µs", {
        let mut database = place.open();
        let began = Instant::now();
        database.commit(&Batch { records: vec![], ..batches[20].clone() }).unwrap();
        let c = began.elapsed();
        let began = Instant::now();
        drop(database);
        format!("{} (commit {})", began.elapsed().as_micros(), c.as_micros())
    });
    let mut database = place.open();
    for pragma in ["quick_check", "integrity_check"] {
        println!(
            "of that {pragma}: {} µs",
            microseconds(50, || database
                .connection
                .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, String>(0))
                .unwrap())
        );
    }
    fill_with_trades(&mut database);
    drop(database);
    println!(
        "opening one with 50,000 trades ({} MB): {} µs",
        place.open().size() >> 20,
        microseconds(5, || place.open())
    );
    println!("reading it: {} µs", microseconds(5, || Database::read(&place.file).unwrap()));

    for synchronous in ["FULL", "OFF"] {
        let place = Place::new();
        let mut database = place.open();
        database.connection.pragma_update(None, "synchronous", synchronous).unwrap();
        let before = written();
        let mut batches = batches.iter();
        let length = batches.len();
        let took = microseconds(length as u32, || database.commit(batches.next().unwrap()).unwrap());
        let wrote = (written() - before) / length as u64;
        println!(
            "a commit with synchronous={synchronous}: {took} µs, {wrote} bytes written; {} KB in all",
            database.size() >> 10
        );
    }
    let place = Place::with(1);
    let mut database = place.open();
    let before = written();
    for number in 0..288 {
        let batch = Batch { records: Vec::new(), sample: Some(sample(number)), ..batches[100].clone() };
        database.commit(&batch).unwrap();
    }
    println!("a day of samples: {} KB written", (written() - before) >> 10);
}
