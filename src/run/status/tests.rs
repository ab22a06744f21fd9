//! What a status says, over rows made by hand.

use super::{gather::*, plain, report::*};
use crate::{
    engine::{Reason, Trade},
    market::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp},
    moment::Moment,
    run::rig::{self, START, dec},
    store::{
        self, Cursor, HaltKind, Memory, Said, SaidKind, Sample, TradeRow,
        folder::Holder,
        last_run::{Facts, Run, RunEnd},
    },
};
use jiff::tz::TimeZone;
use serde_json::Value;

/// 2025-10-21 00:50:36 UTC.
const NOW: i64 = 1_761_007_836_000;
/// Noon of the account's third day.
const MARKET: Timestamp = Timestamp(START.0 + 2 * DAY_MS + 12 * HOUR_MS);

fn run() -> Run {
    Run { pid: 4711, boot_id: "b".into(), started_ms: NOW - 3 * HOUR_MS, wrote: "0.1.0".into(), oom_kills: Some(9) }
}

fn end(exit_code: u8, cause: &str, message: Option<&str>) -> RunEnd {
    let message = message.map(str::to_owned);
    RunEnd { ended_ms: NOW - 2 * HOUR_MS, exit_code, cause: cause.into(), message, peak_kb: 0 }
}

fn sample(age_ms: i64) -> Sample {
    Sample {
        at_ms: NOW - age_ms,
        market: MARKET,
        balance: dec("999"),
        equity: dec("998"),
        open: 1,
        trades: 3,
        status: "healthy".into(),
        reasons: vec![],
        uptime_s: 7,
        memory_kb: 4224,
    }
}

/// Of a trade that closed at that market time.
fn trade(exit_time: Timestamp, gross: &str) -> TradeRow {
    let zero = dec("0");
    let trade = Trade { exit_time, gross: dec(gross), fees: zero, funding: zero, ..rig::trade(Reason::Stop) };
    TradeRow::new(&trade, &rig::btc(), "oversold_bounce")
}

fn said(kind: SaidKind, text: &str) -> Said {
    Said { at_ms: NOW - 90_000, kind, text: text.into() }
}

/// An account that holds 0.01 BTC, bought at 98,500, with the market at 98,400.
fn memory() -> Memory {
    let (trader, _) = rig::bought_then(98_400.0);
    let mut cursor = Cursor::new(1);
    cursor.latest = MARKET.plus_ms(-MINUTE_MS);
    Memory { names: rig::settings().names(), cursor, trader: trader.snapshot() }
}

/// The same, with the symbol in quarantine until the next noon.
fn quarantined() -> Memory {
    let mut memory = memory();
    let mut stored = serde_json::to_value(&memory.trader).unwrap();
    let case = serde_json::json!({ "symbol": 0, "refused": 0, "silent": null, "until": MARKET.0 + DAY_MS });
    stored["engine"]["quarantine"]["cases"] = Value::Array(vec![case]);
    memory.trader = serde_json::from_value(stored).unwrap();
    memory
}

/// A bot that runs and is well.
fn known() -> Known {
    let rows = Rows {
        account: Some(store::Account { market: "made-up prices (seed 1)".into(), capital: dec("1000"), opened_ms: 7 }),
        memory: Some(memory()),
        saved_ms: Some(NOW - 60_000),
        last_run: Some((run(), None)),
        peak_kb: Some(4224),
        sample: Some(sample(126_000)),
        trades: vec![
            trade(MARKET.plus_ms(-8 * DAY_MS), "-5"),
            trade(MARKET.plus_ms(-13 * HOUR_MS), "2.504"),
            trade(MARKET.plus_ms(-HOUR_MS), "1.2"),
        ],
        halts: vec![],
        signals: vec![
            said(SaidKind::Signal, "Signal of Oversold Bounce for BTC/USDT:USDT at 98400 not taken: position open"),
            said(SaidKind::Signal, "📈 [ENTRY] LONG BTC/USDT:USDT 0.01 @ 98500.0"),
        ],
        troubles: vec![said(SaidKind::Trouble, "BTC/USDT:USDT order x: nobody knows\n\u{1b}[2J")],
    };
    let facts =
        Facts { boot_id: "b".into(), wrote: "0.1.0".into(), oom_kills: None, kernel_log_says_oom: false, told: None };
    let sizes = Store { database_bytes: 53_248, journal_bytes: 1_400_000, old_bytes: 0 };
    let holder = Some(Holder { pid: Some(4711) });
    Known { data_dir: "/data".into(), now_ms: NOW, holder, facts, rows, sizes }
}

fn plain(known: &Known, width: usize) -> Vec<String> {
    plain::lines(&known.report(), &TimeZone::UTC, width)
}

/// The lines before the first blank one, without those of `Market`, `Balance` and `Open`.
fn top(known: &Known) -> Vec<String> {
    plain(known, 200).into_iter().take_while(|line| !line.starts_with("Market")).collect()
}

fn json(known: &Known) -> Value {
    serde_json::from_str(&serde_json::to_string(&known.report()).unwrap()).unwrap()
}

#[test]
fn a_bot_that_runs_is_seen_at_a_glance() {
    let want = "\
RUNNING for 3.0h (process 4711), since 2025-10-20 21:50:36
Health    healthy 2.1m ago
Market    made-up prices (seed 1), 2025-01-03 12:00 UTC
Balance   999.41 USDT (-0.06 %), equity 998.41
Open      1 position
  LONG BTC/USDT:USDT 0.01 @ 98500.0, since 2025-01-01 00:15 UTC
    stop 98380.0, target 99288.0, mark 98400.0 (-1.00 USDT)

P&L            USDT  trades      won
  2025-01-03  +1.20       1  100.0 %
  7 days      +3.70       2  100.0 %
  all         -1.30       3   66.7 %

Signals
  2025-10-21 00:49:06 📈 [ENTRY] LONG BTC/USDT:USDT 0.01 @ 98500.0
  2025-10-21 00:49:06 Signal of Oversold Bounce for BTC/USDT:USDT at 98400 not taken: position open
Errors
  2025-10-21 00:49:06 BTC/USDT:USDT order x: nobody knows \\u{1b}[2J

Store     /data
          database 52 kB, journal 1.3 MB, set aside 0 kB";
    assert_eq!(plain(&known(), usize::MAX).join("\n"), want);
}

#[test]
fn whether_it_runs_and_how_it_ended_comes_first() {
    let of = |holder: Option<Option<u32>>, last_run| {
        let mut known = known();
        (known.holder, known.rows.last_run) = (holder.map(|pid| Holder { pid }), last_run);
        (known.rows.sample, known.rows.saved_ms) = (None, Some(NOW - 30 * MINUTE_MS));
        top(&known)
    };
    let (unknown, running) = ("Health    not known", "Health    not known yet, a run tells it every five minutes");
    for (holder, last_run, want) in [
        (
            Some(Some(4711)),
            Some((run(), None)),
            &["RUNNING for 3.0h (process 4711), since 2025-10-20 21:50:36", running][..2],
        ),
        (Some(None), Some((run(), None)), &["RUNNING for 3.0h, since 2025-10-20 21:50:36", running]),
        (
            Some(Some(4712)),
            Some((run(), None)),
            &["RUNNING (process 4712), its run is just beginning or ending", running],
        ),
        (
            Some(Some(4711)),
            Some((run(), Some(end(0, "SIGTERM", None)))),
            &["RUNNING (process 4711), its run is just beginning or ending", running],
        ),
        (None, None, &["NOT RUNNING, no run has begun yet", unknown]),
        (
            None,
            Some((run(), Some(end(0, "SIGTERM", None)))),
            &["NOT RUNNING since 2025-10-20 22:50:36, 2.0h ago", "Last run  clean stop (SIGTERM)", unknown],
        ),
        (
            None,
            Some((run(), Some(end(70, "failure", Some("task trading loop\npanicked: no bread"))))),
            &[
                "NOT RUNNING since 2025-10-20 22:50:36, 2.0h ago",
                "Last run  crash: task trading loop panicked: no bread",
                unknown,
            ],
        ),
        (
            None,
            Some((run(), None)),
            &[
                "NOT RUNNING, last heard of 2025-10-21 00:20:36, 30.0m ago",
                "Last run  killed: no end was recorded (peak memory 4.1 MB)",
                unknown,
            ],
        ),
    ] {
        let lines: Vec<_> = of(holder, last_run).into_iter().filter(|line| !line.contains("OVERDUE")).collect();
        assert_eq!(lines, want, "{holder:?}");
    }
}

#[test]
fn a_word_on_health_has_its_age_and_is_missed() {
    let of = |run_age_ms, sample: Option<Sample>| {
        let mut known = known();
        known.rows.last_run = Some((Run { started_ms: NOW - run_age_ms, ..run() }, None));
        known.rows.sample = sample;
        (top(&known)[1..].to_vec(), json(&known)["health_overdue"].as_bool().unwrap())
    };
    let ill = Sample { status: "degraded".into(), reasons: vec!["data late".into(), "disk full".into()], ..sample(0) };
    let missed = "          OVERDUE: it is told every five minutes, so the bot hangs or can't write";
    let none = "Health    not known yet, a run tells it every five minutes";
    for (run_age_ms, sample, want, overdue) in [
        (HOUR_MS, Some(sample(360_000)), &["Health    healthy 6.0m ago"][..], false),
        (HOUR_MS, Some(sample(360_001)), &["Health    healthy 6.0m ago", missed], true),
        (HOUR_MS, Some(ill), &["Health    degraded 0.0s ago: data late; disk full"], false),
        (60_000, None, &[none], false),
        (360_001, None, &[none, missed], true),
        (60_000, Some(sample(60_001)), &[none], false), // the word of an earlier run
    ] {
        assert_eq!(of(run_age_ms, sample), (want.iter().map(|line| (*line).to_owned()).collect(), overdue));
    }
    let mut ended = known();
    (ended.holder, ended.rows.sample) = (None, Some(sample(HOUR_MS)));
    assert_eq!((top(&ended)[2].as_str(), ended.report().health_overdue), ("Health    healthy 1.0h ago", false));
}

#[test]
fn a_symbol_in_quarantine_is_named_with_its_end() {
    let mut known = known();
    known.rows.memory = Some(quarantined());
    let want = "BARRED    BTC/USDT:USDT gets no entries until 2025-01-04 12:00 UTC, since it failed too often";
    assert_eq!(top(&known)[1], want);
    assert_eq!(json(&known)["quarantined"][0]["symbol"], "BTC/USDT:USDT");
}

#[test]
fn a_halt_says_until_when_and_how_it_is_cleared() {
    let halt = |kind, reason: &str, until_ms| store::Halt { kind, reason: reason.into(), since_ms: NOW, until_ms };
    let mut known = known();
    known.rows.halts = vec![
        halt(HaltKind::Emergency, "emergency stop", None),
        halt(HaltKind::Restarts, "5 ends", Some(NOW + 60_000)),
        halt(HaltKind::Restarts, "long ago", Some(NOW)),
    ];
    let again = "          positions are opened again";
    let want = [
        "HALTED    emergency stop, since 2025-10-21 00:50:36".to_owned(),
        format!("{again} when the bot is started with --clear-emergency"),
        "HALTED    5 ends, since 2025-10-21 00:50:36".to_owned(),
        format!("{again} at 2025-10-21 00:51:36, or when the bot is started with --clear-emergency"),
    ];
    assert_eq!(top(&known)[1..5], want);
    let json = &json(&known)["halts"];
    assert_eq!(json.as_array().unwrap().len(), 2, "{json}");
    assert_eq!((&json[0]["kind"], &json[0]["until"]), (&"emergency".into(), &Value::Null));
    assert_eq!((&json[1]["kind"], &json[1]["until"]["ms"]), (&"restarts".into(), &(NOW + 60_000).into()));
}

/// The memory with what has tripped: a position's loss, three losses in a row and a drawdown.
fn tripped(mut memory: Memory) -> Memory {
    let mut trader = serde_json::to_value(&memory.trader).unwrap();
    let one = |breaker: Value, until: Option<Timestamp>, measured: f64| serde_json::json!({ "breaker": breaker, "at": MARKET, "until": until, "measured": measured });
    trader["engine"]["breakers"]["tripped"] = Value::Array(vec![
        one(serde_json::json!({ "PositionLoss": 0 }), None, 3.25),
        one("LossStreak".into(), Some(MARKET.plus_ms(12 * HOUR_MS)), 3.0),
        one("Drawdown".into(), None, 10.5),
    ]);
    memory.trader = serde_json::from_value(trader).unwrap();
    memory
}

#[test]
fn what_has_tripped_says_since_when_and_until_when() {
    let mut known = known();
    known.rows.memory = Some(tripped(memory()));
    let want = [
        "Limited   BTC/USDT:USDT: the position has lost 3.25 % of the equity and is closed (since 2025-01-03 12:00 UTC)",
        "Limited   3 losses in a row: no new entries until 2025-01-04 00:00 UTC (since 2025-01-03 12:00 UTC)",
        "Health    healthy 2.1m ago",
    ];
    assert_eq!(top(&known)[1..], want);
    let json = &json(&known)["breakers"];
    for (index, kind, effect, symbol, until) in [
        (0, "position_loss", "close_position", "BTC/USDT:USDT".into(), Value::Null),
        (1, "losses_in_a_row", "pause", Value::Null, "2025-01-04T00:00:00Z".into()),
        (2, "drawdown", "emergency_stop", Value::Null, Value::Null),
    ] {
        let got = &json[index];
        assert_eq!((&got["kind"], &got["effect"], &got["symbol"]), (&kind.into(), &effect.into(), &symbol));
        assert_eq!((got["since"]["utc"].as_str(), &got["until"]["utc"]), (Some("2025-01-03T12:00:00Z"), &until));
    }
    assert_eq!(json[2]["reason"], "Emergency stop: equity has fallen 10.50 % from its highest");
}

#[test]
fn an_account_that_has_done_nothing_has_its_capital() {
    let mut known = known();
    known.rows = Rows { account: known.rows.account, ..Rows::default() };
    known.holder = None;
    let want = "\
NOT RUNNING, no run has begun yet
Health    not known
Market    made-up prices (seed 1)
Balance   1000.00 USDT (+0.00 %), equity 1000.00
Open      nothing

P&L        USDT  trades  won
  today   +0.00       0    -
  7 days  +0.00       0    -
  all     +0.00       0    -

Signals   none
Errors    none

Store     /data
          database 52 kB, journal 1.3 MB, set aside 0 kB";
    assert_eq!(plain(&known, usize::MAX).join("\n"), want);
    let json = json(&known);
    for unknown in ["pid", "started", "uptime_s", "last_end", "health"] {
        assert_eq!(json[unknown], Value::Null, "{unknown}");
    }
    assert_eq!((&json["account"]["market_time"], &json["pnl"]["all"]["win_rate_pct"]), (&Value::Null, &Value::Null));
}

#[test]
fn days_end_where_the_market_is() {
    let midnight = MARKET.floor_to(DAY_MS);
    let mut known = known();
    known.rows.trades =
        [midnight.plus_ms(-1), midnight, MARKET.plus_ms(-7 * DAY_MS), MARKET.plus_ms(-7 * DAY_MS - 1), MARKET]
            .map(|at| trade(at, "1"))
            .to_vec();
    let counts = |pnl: &Pnl| [&pnl.today, &pnl.last_7_days, &pnl.all].map(|period| period.earnings.trades);
    assert_eq!(counts(&known.report().pnl), [2, 4, 5]);
    assert_eq!(known.report().pnl.today.from, Some(Moment(midnight.0)));
    // the last commit may be behind the last sample, and the other way round
    known.rows.sample = None;
    assert_eq!(known.rows.market_time(), Some(MARKET.plus_ms(-MINUTE_MS)));
    known.rows.memory = None;
    assert_eq!((known.rows.market_time(), counts(&known.report().pnl)), (None, [5, 5, 5]));
}

#[test]
fn a_phone_shows_all_of_it() {
    let mut known = known();
    let many = |kind| (0..20).map(|number| said(kind, &format!("{number} {}", "word ".repeat(20)))).collect();
    (known.rows.signals, known.rows.troubles) = (many(SaidKind::Signal), many(SaidKind::Trouble));
    let narrow = plain(&known, 46);
    let widest = narrow.iter().map(|line| line.chars().count()).max();
    assert!(widest <= Some(46), "{widest:?} {narrow:#?}");
    let three = plain(&known, usize::MAX);
    assert!(three.len() + 2 * 2 <= 40, "with three positions: {three:#?}");
    let newest: Vec<_> =
        three.iter().filter_map(|line| line.split(" word").next()?.split("00:49:06 ").nth(1)).collect();
    assert_eq!(newest, ["2", "1", "0", "2", "1", "0"], "rows come newest first, and are shown newest last");
}

/// A bot on an account of the testnet. `doubtful`: it is unproven, with an order in doubt and something of another's.
fn at_an_exchange(doubtful: bool) -> Known {
    let mut known = known();
    known.rows.account.as_mut().unwrap().market = "Binance USD-M, testnet with real money".into();
    let memory = known.rows.memory.as_mut().unwrap();
    let mut trader = serde_json::to_value(&memory.trader).unwrap();
    (trader["venue"], trader["engine"]["live"]) = (Value::Null, true.into());
    if doubtful {
        trader["engine"]["blocks"]["doubt"] = true.into();
        trader["engine"]["orders"]["open"][0]["stage"] = "Unknown".into();
        trader["engine"]["differences"]["told"] = serde_json::json!([0]);
    }
    memory.trader = serde_json::from_value(trader).unwrap();
    known
}

#[test]
fn an_account_at_an_exchange_says_where_it_is_and_what_of_it_is_in_doubt() {
    let told = |known: &Known| -> Vec<String> {
        let lines = plain(known, 200).into_iter().skip_while(|line| !line.starts_with("Live"));
        lines.take_while(|line| !line.starts_with("Open")).collect()
    };
    assert_eq!(told(&known()), Vec::<String>::new(), "on paper");
    assert_eq!(told(&at_an_exchange(false)), ["Live      on testnet, the account is proven"]);
    let doubtful = at_an_exchange(true);
    let order = doubtful.rows.memory.as_ref().unwrap().trader.engine().orders().next().unwrap().request.id;
    let want = [
        "Live      on testnet, the account is UNPROVEN: nothing is opened until the exchange was asked".to_owned(),
        format!("In doubt  BTC/USDT:USDT order {order}: nobody knows what became of it"),
        "Not ours  BTC/USDT:USDT: orders or positions there are not the bot's: nothing is opened".to_owned(),
    ];
    assert_eq!(told(&doubtful), want);
}

/// Every name in an object, `a.b`; of a list those of its first.
fn names(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| names(value, &format!("{path}.{name}"), found));
        }
        Value::Array(list) if path.contains("reasons") || list.is_empty() => found.push(path.to_owned()),
        Value::Array(list) => names(&list[0], &format!("{path}[]"), found),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn programs_find_each_value_under_a_name_that_stays() {
    let mut known = known();
    let halt = store::Halt { kind: HaltKind::Restarts, reason: "5".into(), since_ms: NOW, until_ms: Some(NOW + 1) };
    known.rows.halts = vec![halt];
    known.rows.memory = Some(tripped(quarantined()));
    let mut running = Vec::new();
    names(&json(&known), "", &mut running);
    known.holder = None;
    let mut found = Vec::new();
    names(&json(&known), "", &mut found);
    found.extend(running);
    names(&json(&at_an_exchange(true))["live"], ".live", &mut found);
    found.sort();
    found.dedup();
    let moment = |name: &str| format!("{name}.ms {name}.utc");
    let period = |name: &str| {
        let from = if name == "all" { ".pnl.all.from".to_owned() } else { moment(&format!(".pnl.{name}.from")) };
        format!("{from} .pnl.{name}.trades .pnl.{name}.usdt .pnl.{name}.win_rate_pct .pnl.{name}.wins")
    };
    let moments = [
        ".looked",
        ".started",
        ".last_end.last_heard",
        ".health.at",
        ".account.opened",
        ".account.market_time",
        ".account.saved",
        ".positions[].since",
        ".halts[].since",
        ".halts[].until",
        ".breakers[].since",
        ".quarantined[].until",
        ".signals[].at",
        ".errors[].at",
    ];
    let single = ".data_dir .running .pid .uptime_s .last_end .last_end.how .last_end.text .last_end.at .last_end.exit_code \
        .health.status .health.reasons .health.age_s .health.memory_kb .health_overdue .account.market .account.capital \
        .account.balance .account.equity .positions[].symbol .positions[].strategy .positions[].side .positions[].qty \
        .positions[].entry_price .positions[].stop .positions[].target .positions[].mark .positions[].unrealised \
        .halts[].kind .halts[].reason .halts[].cleared_by .breakers[].kind .breakers[].effect .breakers[].symbol \
        .breakers[].reason .breakers[].until .quarantined[].symbol .live .live.network .live.proven \
        .live.in_doubt[].order .live.in_doubt[].symbol .live.foreign[] .signals[].text .errors[].text \
        .store.database_bytes .store.journal_bytes .store.old_bytes";
    let all = [single.to_owned(), moments.map(moment).join(" "), ["today", "last_7_days", "all"].map(period).join(" ")];
    let mut want: Vec<_> = all.iter().flat_map(|names| names.split_whitespace()).collect();
    want.sort_unstable();
    assert_eq!(found, want);
}

#[test]
fn programs_get_exact_amounts_and_both_forms_of_a_moment() {
    let json = json(&known());
    for (pointer, want) in [
        ("/running", Value::from(true)),
        ("/pid", 4711.into()),
        ("/uptime_s", (3 * 3600).into()),
        ("/looked/utc", "2025-10-21T00:50:36Z".into()),
        ("/looked/ms", NOW.into()),
        ("/health/age_s", 126.into()),
        ("/account/balance", "999.409".into()),
        ("/account/equity", "998.409".into()),
        ("/account/market_time/utc", "2025-01-03T12:00:00Z".into()),
        ("/positions/0/side", "long".into()),
        ("/positions/0/strategy", "oversold_bounce".into()),
        ("/positions/0/entry_price", "98500".into()),
        ("/positions/0/mark", "98400".into()),
        ("/positions/0/unrealised", "-1".into()),
        ("/pnl/last_7_days/usdt", "3.704".into()),
        ("/pnl/last_7_days/win_rate_pct", 100.0.into()),
        ("/pnl/all/win_rate_pct", 66.7.into()),
        ("/errors/0/text", "BTC/USDT:USDT order x: nobody knows\n\u{1b}[2J".into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&want), "{pointer}");
    }
}
