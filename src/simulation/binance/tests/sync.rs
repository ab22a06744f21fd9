//! The order book by the documented rules: buffer changes, take a snapshot, drop what is older, and follow `pu`.

use super::super::SessionId;
use super::rig::Rig;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default)]
struct Local {
    id: i64,
    bids: BTreeMap<u64, String>,
    asks: BTreeMap<u64, String>,
    followed: bool,
    applied: usize,
}

/// Prices as keys: tenths.
fn key(price: &Value) -> u64 {
    price.as_str().unwrap().replace('.', "").parse().unwrap()
}

impl Local {
    fn snapshot(depth: &Value) -> Self {
        let mut book = Self { id: depth["lastUpdateId"].as_i64().unwrap(), ..Self::default() };
        book.put(&depth["bids"], &depth["asks"]);
        book
    }

    fn put(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels.as_array().unwrap() {
                let qty = level[1].as_str().unwrap();
                if qty.parse::<f64>().unwrap() == 0.0 {
                    side.remove(&key(&level[0]));
                } else {
                    side.insert(key(&level[0]), qty.to_owned());
                }
            }
        }
    }

    fn apply(&mut self, change: &Value) {
        let at = |name: &str| change[name].as_i64().unwrap();
        if at("u") < self.id {
            return;
        }
        if self.followed {
            assert_eq!(at("pu"), self.id, "a change is missing");
        } else {
            // A snapshot taken before the first change was pushed is met by that change's predecessor.
            let meets = at("U") <= self.id && self.id <= at("u") || at("pu") == self.id;
            assert!(meets, "the first change does not meet the snapshot: {change}");
            self.followed = true;
        }
        self.put(&change["b"], &change["a"]);
        self.id = at("u");
        self.applied += 1;
    }

    fn assert_is(&self, depth: &Value) {
        assert_eq!(self.id, depth["lastUpdateId"].as_i64().unwrap());
        let mut want = Self::default();
        want.put(&depth["bids"], &depth["asks"]);
        assert_eq!(self.bids, want.bids);
        assert_eq!(self.asks, want.asks);
    }
}

fn follow(rig: &mut Rig, session: SessionId, beats_before: i64) -> usize {
    rig.until(rig.now.plus_ms(beats_before * 100));
    let mut book = Local::snapshot(&rig.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000"));
    rig.until(rig.now.plus_ms(20_000));
    // The moment of a push at every speed, so that nothing is outstanding.
    rig.until(rig.now.plus_ms(500 - rig.now.0.rem_euclid(500)));
    for change in rig.heard(session) {
        if change["e"] == "depthUpdate" {
            book.apply(&change);
        }
    }
    book.assert_is(&rig.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000"));
    book.applied
}

#[test]
fn a_local_book_stays_whole_through_reconnects() {
    for (stream, least) in [("btcusdt@depth@100ms", 150), ("btcusdt@depth", 70), ("btcusdt@depth@500ms", 38)] {
        let mut rig = Rig::new(1, "none");
        rig.past(3);
        rig.begin_minute();
        for beats_before in [0, 3, 7] {
            rig.until(rig.now.plus_ms(730));
            let session = rig.connect(&format!("/public/ws/{stream}"));
            let applied = follow(&mut rig, session, beats_before);
            assert!(applied >= least, "{stream}: {applied}");
            rig.give(super::super::Input::Gone(session));
            let next = rig.now.floor_to(60_000).plus_ms(60_000);
            rig.until(next);
            rig.begin_minute();
        }
    }
}

#[test]
fn best_levels_are_those_of_the_book() {
    let mut rig = Rig::new(1, "none");
    rig.past(3);
    let session = rig.connect("/public/ws/btcusdt@depth5@100ms/btcusdt@bookTicker");
    rig.begin_minute();
    rig.until(rig.now.plus_ms(10_000));
    let heard = rig.heard(session);
    let depth = rig.get("/fapi/v1/depth?symbol=BTCUSDT&limit=5");
    let last = heard.iter().rfind(|message| message["e"] == "depthUpdate").unwrap();
    assert_eq!((&last["b"], &last["a"], &last["u"]), (&depth["bids"], &depth["asks"], &depth["lastUpdateId"]));
    let quote = heard.iter().rfind(|message| message["e"] == "bookTicker").unwrap();
    assert_eq!((&quote["b"], &quote["B"]), (&depth["bids"][0][0], &depth["bids"][0][1]));
    assert!(heard.iter().filter(|message| message["e"] == "bookTicker").count() >= 9);
}
