//! A bot that comes back to a position guards it before anything else, whatever its market data does.

use super::{Played, desk::Desk, eager, record::Record};
use rustix::process::Signal;
use smolbear::{engine::Stage, store::Database};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Four seconds of the market each second.
const SPEED: &str = "4";
/// From a start to a stop for what has none, at most, in ms of the market: a second where nothing else goes on on the machine.
const LONGEST_MS: i64 = 20_000;
/// What a request takes on its way, besides: a tenth of a second of the market.
const WAY: Duration = Duration::from_millis(25);
/// A candle is not to be had now, in an exchange's words.
const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n\
                       {\"code\":-1001,\"msg\":\"Service Unavailable\"}";

/// Stands between bot and exchange: a long way, and at times no candles.
struct Between {
    address: String,
    no_candles: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Between {
    fn new(exchange: &Played) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (no_candles, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (there, switch, count) = (exchange.address.clone(), no_candles.clone(), refused.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&there) else { continue };
                let (switch, count) = (switch.clone(), count.clone());
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || carry(server_too, client_too, |_, _| false));
                thread::spawn(move || {
                    carry(client, server, |bytes, client| {
                        thread::sleep(WAY);
                        let refuses = switch.load(Ordering::Relaxed) && bytes.starts_with(b"GET /fapi/v1/klines");
                        if refuses {
                            count.fetch_add(1, Ordering::Relaxed);
                            let _ = client.write_all(REFUSAL.as_bytes());
                        }
                        refuses
                    });
                });
            }
        });
        Self { address, no_candles, refused }
    }
}

/// Carries bytes until one side ends, but for what `keeps` says.
fn carry(mut from: TcpStream, mut to: TcpStream, keeps: impl Fn(&[u8], &mut TcpStream) -> bool) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !keeps(&buffer[..count], &mut from) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// The last stop in the record from a time on, with its time: an entry in parts has had others.
fn stop_since(exchange: &Played, since: i64) -> Option<(i64, u64)> {
    let record = Record::read(exchange);
    let is_it = |row: &&serde_json::Value| {
        row["kind"] == "STOP_MARKET" && row["status"] == "NEW" && row["at"].as_i64() >= Some(since)
    };
    record.of("order").filter(is_it).last().map(|row| (row["at"].as_i64().unwrap(), row["id"].as_u64().unwrap()))
}

fn wait_for_stop(exchange: &Played, since: i64) -> (i64, u64) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match stop_since(exchange, since) {
            Some(found) => return found,
            None => assert!(Instant::now() < until, "no stop: {:?}", Record::read(exchange)),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until it is on the disk that the exchange has taken stop and target: then a restart has no doubts.
fn wait_until_taken(desk: &Desk) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let memory = Database::read(&desk.0.account().join("smolbear.db")).unwrap().memory().unwrap().unwrap();
        let orders: Vec<_> = memory.trader.engine().orders().collect();
        if orders.len() == 2 && orders.iter().all(|order| order.stage == Stage::Accepted) {
            return;
        }
        assert!(Instant::now() < until, "{orders:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stop_that_vanished_while_the_bot_was_down_is_replaced_before_the_history_is_whole() {
    // so little that the best level of the book has it: an entry in parts has stops whose end is not on the disk at once
    let exchange = Played::open(&["--speed", SPEED, "--capital", "2000"]);
    let between = Between::new(&exchange);
    let long = eager("1m", 99)
        .replace("max_hold_s = 20", "max_hold_s = 80000")
        .replace("ETHUSDT = 99, SOLUSDT = 99", "ETHUSDT = 1, SOLUSDT = 1");
    let desk = Desk::at(&between.address, &long);
    let mut first = desk.trade_at(SPEED, &[]);
    first.wait_for("[ENTRY]");
    wait_until_taken(&desk);
    let (_, stop) = wait_for_stop(&exchange, 0);
    first.signal(Signal::KILL);
    first.end();
    exchange.ask("DELETE", &format!("/played/hand/fapi/v1/algoOrder?algoId={stop}"));
    let since = exchange.time();
    between.no_candles.store(true, Ordering::Relaxed);
    let mut again = desk.trade_at(SPEED, &[]);
    let (at, _) = wait_for_stop(&exchange, since);
    println!("another stop {} ms of the market after the start", at - since);
    again.wait_for("Exchange: no answer to history");
    assert!(between.refused.load(Ordering::Relaxed) > 0);
    between.no_candles.store(false, Ordering::Relaxed);
    again.wait_for("✓ History: ");
    again.wait_for("🔄 Processing 3 symbols");
    again.signal(Signal::TERM);
    let ended = again.end();
    let place = |part: &str| ended.lines.iter().position(|line| line.text.contains(part));
    assert!(place("of the account: data comes") < place("✓ History: "), "{}", ended.stdout());
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    assert!(at - since <= LONGEST_MS, "after {} ms", at - since);
    assert_eq!(ended.with("nobody knows").count(), 0, "the exchange had taken them:\n{}", ended.stdout());
    let replayed = desk.replay();
    assert_eq!((replayed.code(), replayed.stderr.as_str()), (Some(0), ""), "S14\n{}", replayed.stdout());
    assert!(replayed.stdout().contains("the same actions"), "{}", replayed.stdout());
}
