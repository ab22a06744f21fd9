//! An observer of an account: he reads the exchange's record row by row, and says which promise was broken, where.
//!
//! He allows for the machine, and for the time in which the process was dead or stopped, or the exchange did not answer; he is told of the
//! former by notes in the record (`started`, `running`, `killed`, `stopped`, `continued`), and reads the latter. What the machine took, the kernel has counted.

use super::record::{Record, Row, number, text, time};
use std::collections::{BTreeMap, BTreeSet};

/// A position is covered within this time, in ms of the market (S2).
const COVERED_MS: i64 = 5_000;
/// The same of a whole day.
const BARE_A_DAY_MS: i64 = 60_000;
/// What two cores make of a moment, in ms of the market, besides waiting for them: 300 of their own.
const MACHINE_MS: i64 = 3_000;
/// What the stream does not tell is seen by the next audit.
const AUDIT_MS: i64 = 5_000;
/// After a time without answers those in doubt are looked up first, twice, and the next one waits a while.
const LOOKED_UP_MS: i64 = 10_000;
/// What was done by hand is seen by then, also where the stream is silent: then by the readings of each minute.
const UNSAID_MS: i64 = 65_000;
/// A protective order in doubt has successors meanwhile: only together with those may they close more than ours.
const SUCCESSORS_MS: i64 = 15_000;
/// Of the limit of 2,400, what requests may use that do not protect (S12).
const MOST_WEIGHT: i64 = 1_920;
/// The largest value of a position by the configuration: a fifth of the equity at leverage 1, and what prices do to it meanwhile (S4).
const MOST_VALUE: f64 = 100_000.0 / 5.0 * 1.02;
const LEVERAGE: &str = "leverage 1";
/// How long a pause of the exchange lasts after its 418.
const BAN_MS: i64 = 120_000;
const MINUTE_MS: i64 = 60_000;
/// Less of a quantity is nothing.
const DUST: f64 = 1e-9;
/// What has to be read before entries, after a doubt (S7): of the account, and of the symbol.
const READINGS: [&str; 5] = ["balance", "positionRisk", "openOrders", "openAlgoOrders", "userTrades"];
/// The fault after which nothing tells what became of an order, not even the stream.
const IN_DOUBT: &str = "lost-request";

/// What he has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Broken promises: when, and what.
    pub wrong: Vec<(i64, String)>,
    pub entries: usize,
    /// When entries were placed.
    pub entered: Vec<i64>,
    /// The longest time without a stop, and the sum, while the exchange answered and the process lived.
    pub longest_bare_ms: i64,
    pub sum_bare_ms: i64,
    /// Those that were longer than is allowed where nothing fails: from when, what, how long, and how many requests failed meanwhile.
    pub bare: Vec<(i64, String, i64, i64)>,
    /// What of ours was closed by orders of ours: market, quantity, price.
    pub closed: Vec<(String, f64, f64)>,
    /// What of ours was closed by others, by market.
    pub outside: BTreeMap<String, f64>,
    /// What is held and not ours, by market; above 0 for long.
    pub foreign: BTreeMap<String, f64>,
    /// Orders by hand that are open: market and number.
    pub by_hand: BTreeMap<u64, String>,
    pub most_used: i64,
    /// The longest time from a start to the guarding of what is open: until the rules of the markets are there, nothing is decided.
    pub longest_start_ms: i64,
}

/// Since when a position is without a stop, and what was tried meanwhile.
#[derive(Debug, Clone, Copy)]
struct Bare {
    since: i64,
    failed: i64,
}

/// What must be read before the next entry, and why.
#[derive(Debug)]
struct Doubt {
    at: i64,
    why: String,
    /// What was read since, with the market where it names one.
    read: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Observer {
    seen: Seen,
    held: BTreeMap<String, f64>,
    ours: BTreeMap<String, f64>,
    stops: BTreeMap<String, BTreeMap<u64, f64>>,
    bare: BTreeMap<String, Bare>,
    /// Who has sent each order, by number.
    by: BTreeMap<u64, String>,
    /// Of our orders, and the entry of each signal.
    names: BTreeSet<String>,
    signals: BTreeMap<String, String>,
    /// Numbers and names of orders by hand.
    hands: BTreeSet<String>,
    /// Of the last entry that was not yet seen uncovered, whether its answer failed.
    entries: BTreeMap<String, i64>,
    /// When somebody else last traded there, and when a protective order of ours was last disturbed.
    meddled: BTreeMap<String, i64>,
    disturbed: BTreeMap<String, i64>,
    /// Since when something is there that is not ours.
    strange: BTreeMap<String, i64>,
    /// What the machine took, and when.
    lost: Vec<(i64, i64)>,
    leverage: BTreeMap<String, (String, i64)>,
    doubts: Vec<Doubt>,
    started: Option<i64>,
    /// Pauses that the exchange wants: from, until.
    pauses: Vec<(i64, i64)>,
    /// Since when it takes no requests: the first answer of a ban may be spoiled, and the ban begins with it.
    shut: Option<i64>,
    /// When the process was there, and was answered: spans in which it was not.
    deaf: Vec<(i64, i64)>,
}

/// Reads all of it. `lost`: when the machine took how much for itself, in ms of the market.
pub fn observe(record: &Record, lost: Vec<(i64, i64)>) -> Seen {
    let mut observer = Observer { deaf: deaf(record), lost, ..Observer::default() };
    let mut last = 0;
    for row in record.rows() {
        last = row.at();
        match row {
            Row::Request(row) => observer.on_request(row),
            Row::Entry(row) if row["account"] != 0 && row["what"] != "note" => {
                observer.wrong(last, format!("S9: the second account's key has done something: {row}"));
            }
            Row::Entry(row) => observer.on_entry(row),
        }
    }
    for symbol in observer.bare.clone().into_keys() {
        observer.end_bare(last, &symbol);
    }
    if observer.seen.sum_bare_ms > BARE_A_DAY_MS {
        let what = format!("S2: positions were without a stop for {} ms in all", observer.seen.sum_bare_ms);
        observer.wrong(last, what);
    }
    let foreign = observer.held.iter().map(|(symbol, held)| (symbol.clone(), held - observer.ours(symbol)));
    observer.seen.foreign = foreign.filter(|(_, qty)| qty.abs() > DUST).collect();
    observer.seen
}

/// Spans in which the process did not live, or its requests were not answered.
fn deaf(record: &Record) -> Vec<(i64, i64)> {
    let mut spans = Vec::new();
    let (mut dead, mut gone, mut shut, mut revoked, mut hedge) = (None, None, None, None, None);
    for row in record.rows() {
        let at = row.at();
        match row {
            Row::Entry(row) => match text(&row["text"]) {
                "killed" | "ended" => dead = dead.or(Some(at)),
                "running" => spans.extend(dead.take().map(|from| (from, at))),
                "stopped" => gone = gone.or(Some(at)),
                // then no order of ours is taken, and a person has to change it
                "hedge true" => hedge = Some(at),
                "hedge false" => spans.extend(hedge.take().map(|from| (from, at))),
                // and the other one gives the key back
                "act revoke" => match revoked.take() {
                    None => revoked = Some(at),
                    Some(from) => spans.push((from, at)),
                },
                _ => {}
            },
            Row::Request(row) => {
                if row["shut"] == true {
                    shut.get_or_insert(at);
                } else if let Some(from) = shut.take() {
                    spans.push((from, at + LOOKED_UP_MS));
                }
                let answered = time(&row["answered"]);
                // the process goes on once it has read what it holds
                if row["path"] == "positionRisk"
                    && row["status"] == 200
                    && let Some(from) = gone.take()
                {
                    spans.push((from, answered));
                }
                if answered > at && changes(row) {
                    spans.push((at, answered));
                }
            }
        }
    }
    spans.extend(dead.into_iter().chain(gone).chain(shut).map(|from| (from, i64::MAX)));
    spans.sort_unstable();
    spans
}

/// Whether it places or cancels an order.
fn changes(request: &serde_json::Value) -> bool {
    matches!(text(&request["path"]), "order" | "algoOrder") && request["method"] != "GET"
}

fn protects(request: &serde_json::Value) -> bool {
    changes(request) && leg(text(&request["name"])) != Some('e')
}

/// Which leg an order of ours is, by its name: entry, stop, target or exit.
fn leg(name: &str) -> Option<char> {
    name.chars().nth(24).filter(|leg| "estx".contains(*leg))
}

impl Observer {
    fn wrong(&mut self, at: i64, what: String) {
        self.seen.wrong.push((at, what));
    }

    /// What the machine took between these times.
    fn lost(&self, from: i64, until: i64) -> i64 {
        let within = self.lost.iter().filter(|(at, _)| (from..=until + 500).contains(at));
        within.map(|(_, lost)| lost).sum()
    }

    /// How late something may be at that time.
    fn grace(&self, at: i64) -> i64 {
        MACHINE_MS + self.lost(at - 20_000, at)
    }

    fn ours(&self, symbol: &str) -> f64 {
        self.ours.get(symbol).copied().unwrap_or_default()
    }

    fn on_request(&mut self, row: &serde_json::Value) {
        let (at, path, name) = (time(&row["at"]), text(&row["path"]), text(&row["name"]));
        let used = time(&row["used"]);
        if !protects(row) {
            self.seen.most_used = self.seen.most_used.max(used);
            if used > MOST_WEIGHT && row["shut"] == false {
                self.wrong(at, format!("S12: {used} of the limit are used: {row}"));
            }
            let grace = self.grace(at);
            if self.pauses.iter().any(|(from, until)| (from + grace..*until).contains(&at)) {
                self.wrong(at, format!("S12: asked within a pause that the exchange wants: {row}"));
            }
        }
        let (status, clear) = (row["status"].as_u64().unwrap(), row["spoiled"] == false);
        let answered = time(&row["answered"]);
        self.shut = (row["shut"] == true).then(|| self.shut.unwrap_or(at));
        match status {
            429 if clear => self.pauses.push((answered, (at / MINUTE_MS + 1) * MINUTE_MS)),
            418 if clear && self.pauses.iter().all(|(_, until)| *until < at + MACHINE_MS) => {
                self.pauses.push((answered, self.shut.unwrap_or(at) + BAN_MS));
            }
            _ => {}
        }
        if row["keyed"] == true && row["method"] == "DELETE" {
            let whole = ["allOpenOrders", "algoOpenOrders", "batchOrders"].contains(&path);
            if whole || self.hands.contains(name) {
                self.wrong(at, format!("S15: an order by hand would be cancelled: {row}"));
            }
        }
        if status == 200 && READINGS.contains(&path) {
            for doubt in self.doubts.iter_mut().filter(|doubt| at >= doubt.at) {
                doubt.read.insert((path.to_owned(), text(&row["symbol"]).to_owned()));
            }
        }
        let is_order = row["method"] == "POST" && (path == "order" || path == "algoOrder");
        if is_order && row["fault"] == IN_DOUBT {
            let why = format!("{} of {name}", text(&row["fault"]));
            self.doubts.push(Doubt { at: answered, why, read: BTreeSet::new() });
        }
        // what is shut or locked out is not counted, since its time is not
        let counts = row["shut"] == false && status != 401;
        let failed = counts && (status != 200 || row["spoiled"] == true);
        if is_order && leg(name) == Some('e') {
            self.entries.insert(text(&row["symbol"]).to_owned(), i64::from(failed));
        } else if is_order && failed {
            self.bare.values_mut().for_each(|bare| bare.failed += 1);
            self.disturbed.insert(text(&row["symbol"]).to_owned(), at);
        }
    }

    fn on_entry(&mut self, row: &serde_json::Value) {
        let (at, symbol) = (time(&row["at"]), text(&row["symbol"]).to_owned());
        match text(&row["what"]) {
            "order" => self.on_order(at, &symbol, row),
            "fill" => self.on_fill(at, &symbol, row),
            "position" => self.on_position(at, &symbol, number(&row["qty"])),
            "note" => self.on_note(at, symbol, text(&row["text"])),
            _ => {}
        }
    }

    fn on_note(&mut self, at: i64, symbol: String, note: &str) {
        match note {
            "running" => {
                let started = self.started.map_or(0, |started| at - started);
                self.seen.longest_start_ms = self.seen.longest_start_ms.max(started);
            }
            "started" | "continued" => {
                self.started = Some(at).filter(|_| note == "started").or(self.started);
                self.doubts.push(Doubt { at, why: note.to_owned(), read: BTreeSet::new() });
                self.pauses.clear(); // it may ask again to learn of them
            }
            "act vanish" => {
                self.bare.values_mut().for_each(|bare| bare.failed += 1);
            }
            note if note.starts_with("leverage ") => {
                self.leverage.insert(symbol, (note.to_owned(), at));
            }
            _ => {}
        }
    }

    fn on_order(&mut self, at: i64, symbol: &str, row: &serde_json::Value) {
        let (id, name, by) = (row["id"].as_u64().unwrap(), text(&row["client_id"]), text(&row["by"]));
        let (is_new, is_algo) = (row["status"] == "NEW", row["algo"] == true);
        if is_new && !is_algo {
            self.by.insert(id, by.to_owned());
        }
        if by == "hand" && !is_algo {
            self.hands.extend([name.to_owned(), id.to_string()]);
            match text(&row["status"]) {
                "NEW" | "PARTIALLY_FILLED" => self.seen.by_hand.insert(id, symbol.to_owned()),
                _ => self.seen.by_hand.remove(&id),
            };
            self.look_at_strange(at, symbol);
        }
        if is_new && by == "key" {
            // a stop that fires has its name once more, as the exchange's
            if !self.names.insert(name.to_owned()) {
                self.wrong(at, format!("S1: {name} was placed twice"));
            }
            if !is_algo && row["reduce_only"] == false {
                self.on_our_entry(at, symbol, row);
            }
        }
        if is_algo && row["kind"] == "STOP_MARKET" && row["reduce_only"] == true {
            let sign = if row["side"] == "BUY" { 1.0 } else { -1.0 };
            let stops = self.stops.entry(symbol.to_owned()).or_default();
            if is_new {
                stops.insert(id, sign * number(&row["qty"]));
            } else {
                stops.remove(&id);
            }
            self.look_at_cover(at, symbol);
        }
    }

    /// An order of ours that opens something.
    fn on_our_entry(&mut self, at: i64, symbol: &str, row: &serde_json::Value) {
        let name = text(&row["client_id"]);
        self.seen.entries += 1;
        self.seen.entered.push(at);
        let signal: String = name.chars().take(24).collect();
        if let Some(before) = self.signals.insert(signal, name.to_owned()) {
            self.wrong(at, format!("S1: {before} and {name} are entries of one signal"));
        }
        if leg(name) != Some('e') {
            self.wrong(at, format!("S3: an exit that may open: {row}"));
        }
        if self.ours(symbol).abs() > DUST {
            self.wrong(at, format!("S4: an entry beside {} of {symbol}: {row}", self.ours(symbol)));
        }
        if let Some((leverage, since)) = self.leverage.get(symbol)
            && leverage != LEVERAGE
            && at > since + UNSAID_MS + self.grace(at)
        {
            self.wrong(at, format!("S4: an entry at {leverage}: {row}"));
        }
        let by_hand = self.seen.by_hand.values().any(|of| of == symbol);
        if let Some(since) = self.strange.get(symbol).filter(|since| at > *since + UNSAID_MS + self.grace(at)) {
            self.wrong(at, format!("S15: an entry beside what is not ours since {since} (an order: {by_hand}): {row}"));
        }
        let mut wrong = Vec::new();
        for doubt in &self.doubts {
            let is_read = |path: &&str| {
                let of_symbol = matches!(*path, "openOrders" | "openAlgoOrders" | "userTrades");
                let place = if of_symbol { symbol } else { "" };
                doubt.read.iter().any(|(read, of)| read == path && of == place)
            };
            // what was sent before it was in doubt is on its way
            let grace = if doubt.why == "started" { 0 } else { self.grace(at) };
            let missing: Vec<&str> = READINGS.into_iter().filter(|path| !is_read(path)).collect();
            if at > doubt.at + grace && !missing.is_empty() {
                wrong.push(format!("S7: {name} of {symbol} after {} without {missing:?}", doubt.why));
            }
        }
        wrong.into_iter().for_each(|what| self.wrong(at, what));
        let read = |doubt: &Doubt, of: &str| doubt.read.iter().any(|(read, _)| read == of);
        self.doubts.retain(|doubt| !(READINGS.iter().all(|path| read(doubt, path)) && at > doubt.at + 60_000));
    }

    fn on_fill(&mut self, at: i64, symbol: &str, row: &serde_json::Value) {
        let by = self.by.get(&row["order"].as_u64().unwrap()).map_or("", String::as_str);
        let sign = if row["side"] == "BUY" { 1.0 } else { -1.0 };
        let (qty, price, before) = (number(&row["qty"]), number(&row["price"]), self.ours(symbol));
        if by != "key" && by != "algo" {
            self.meddled.insert(symbol.to_owned(), at);
            return; // the position says what is left of ours
        }
        let mut after = before + sign * qty;
        if row["reduce_only"] == true {
            let closed = qty.min(before.abs());
            if before * sign < 0.0 {
                self.seen.closed.push((symbol.to_owned(), closed, price));
            }
            if before * sign > DUST || after * before < -DUST {
                // what it knows of us is from before somebody else traded, at times
                let lately =
                    |list: &BTreeMap<String, i64>, ms: i64| list.get(symbol).is_some_and(|last| at <= last + ms);
                let excused = lately(&self.meddled, COVERED_MS + self.grace(at))
                    || lately(&self.disturbed, SUCCESSORS_MS + self.grace(at));
                if !excused {
                    self.wrong(at, format!("S15: {qty} closes more than our {before}: {row}"));
                }
                after = 0.0;
            }
        } else if after.abs() * price > MOST_VALUE {
            self.wrong(at, format!("S4: {after} of {symbol} at {price} is more than it may have"));
        }
        self.ours.insert(symbol.to_owned(), if after.abs() < DUST { 0.0 } else { after });
    }

    fn on_position(&mut self, at: i64, symbol: &str, held: f64) {
        self.held.insert(symbol.to_owned(), held);
        let ours = self.ours(symbol);
        let kept = if ours * held > 0.0 { ours.signum() * ours.abs().min(held.abs()) } else { 0.0 };
        if (ours - kept).abs() > DUST {
            *self.seen.outside.entry(symbol.to_owned()).or_default() += (ours - kept).abs();
            self.ours.insert(symbol.to_owned(), kept);
        }
        self.look_at_strange(at, symbol);
        self.look_at_cover(at, symbol);
    }

    fn look_at_strange(&mut self, at: i64, symbol: &str) {
        let held = self.held.get(symbol).copied().unwrap_or_default();
        let is_there = (held - self.ours(symbol)).abs() > DUST || self.seen.by_hand.values().any(|of| of == symbol);
        if is_there {
            self.strange.entry(symbol.to_owned()).or_insert(at);
        } else {
            self.strange.remove(symbol);
        }
    }

    fn look_at_cover(&mut self, at: i64, symbol: &str) {
        let ours = self.ours(symbol);
        let covers = |stop: &f64| -stop * ours.signum() >= ours.abs() - DUST;
        if ours == 0.0 || self.stops.get(symbol).is_some_and(|stops| stops.values().any(covers)) {
            self.end_bare(at, symbol);
        } else {
            let failed = self.entries.remove(symbol).unwrap_or_default();
            self.bare.entry(symbol.to_owned()).or_insert(Bare { since: at, failed });
        }
    }

    fn end_bare(&mut self, at: i64, symbol: &str) {
        let Some(Bare { since, failed }) = self.bare.remove(symbol) else { return };
        let (mut heard, mut from) = (0, since);
        for (deaf, until) in &self.deaf {
            heard += (*deaf.min(&at) - from).max(0);
            from = from.max(*until);
        }
        heard = (heard + (at - from).max(0) - self.lost(since, at)).max(0);
        self.seen.longest_bare_ms = self.seen.longest_bare_ms.max(heard);
        self.seen.sum_bare_ms += heard;
        if heard > COVERED_MS {
            self.seen.bare.push((since, symbol.to_owned(), heard, failed));
        }
        let most = COVERED_MS + AUDIT_MS + MACHINE_MS + failed * (COVERED_MS + MACHINE_MS);
        if heard > most {
            self.wrong(at, format!("S2: {symbol} was without a stop for {heard} ms, {failed} failures among them"));
        }
    }
}
