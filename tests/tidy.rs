//! The house's style, read from the sources. What the pure part does without is in `architecture.rs`.
//!
//! A list here says where an exception stands; it may only shrink, and an entry without need is a failure too.

use crate::{
    rule::{Finding, Rule, find_any, find_named, finding, hold},
    source::{Source, sources, texts_under},
};
use std::{collections::BTreeMap, fs, path::Path};

/// Longest function, in lines from `fn` to its brace.
const FUNCTION_LINES: usize = 70;
/// Longest file, with its tests, that needs no reason; and longest at all.
const FILE_LINES: (usize, usize) = (500, 800);
/// `expect(` in a thousand lines of code, at most.
const EXPECTS_PER_THOUSAND: usize = 2;
/// Each links the whole program.
const TEST_BINARIES: usize = 6;

/// Functions over [`FUNCTION_LINES`]: `engine/mod.rs::handle`.
const LONG_FUNCTIONS: &[&str] = &[];
/// Files over the first of [`FILE_LINES`].
const LONG_FILES: &[&str] = &[];
/// Where prices and what is computed from them stand: files or folders.
const F64_MAY_STAND: &[&str] = &[
    "backtest/",
    "candles_file/",
    "config/",
    "engine/breakers.rs",
    "engine/desk.rs",
    "engine/entering.rs",
    "engine/exits.rs",
    "engine/gate.rs",
    "engine/note.rs",
    "engine/outlook.rs",
    "engine/positions.rs",
    "engine/regime.rs",
    "engine/returns.rs",
    "engine/risk.rs",
    "engine/settings.rs",
    "engine/sizing.rs",
    "engine/together.rs",
    "engine/weighing.rs",
    "exchange/",
    "gateway/prices.rs",
    "gateway/session.rs",
    "indicators/",
    "market/between.rs",
    "market/candle.rs",
    "market/instrument.rs",
    "market/random.rs",
    "market/side.rs",
    "run/",
    "simulation/",
    "store/journal/bar.rs",
    "strategies/",
];
/// Where money, quantities and order prices stand: files or folders.
const DECIMAL_MAY_STAND: &[&str] = &[
    "backtest/",
    "candles_file/rates.rs",
    "config/",
    "engine/account.rs",
    "engine/breakers.rs",
    "engine/differences.rs",
    "engine/kelly.rs",
    "engine/mod.rs",
    "engine/note.rs",
    "engine/orders.rs",
    "engine/outlook.rs",
    "engine/positions.rs",
    "engine/reconcile.rs",
    "engine/risk.rs",
    "engine/sanity.rs",
    "engine/settings.rs",
    "engine/sizing.rs",
    "engine/summary.rs",
    "engine/updates.rs",
    "engine/weighing.rs",
    "exchange/",
    "gateway/account/",
    "market/instrument.rs",
    "market/instruments.rs",
    "market/maintenance.rs",
    "market/money.rs",
    "market/order.rs",
    "market/refit.rs",
    "run/doctor/account.rs",
    "run/earnings.rs",
    "run/end.rs",
    "run/exchange_server/accounts.rs",
    "run/explain/",
    "run/flatten/",
    "run/health/vitals.rs",
    "run/signs.rs",
    "run/status/",
    "run/text.rs",
    "run/trades.rs",
    "simulation/binance/account/",
    "simulation/binance/calls.rs",
    "simulation/binance/grid.rs",
    "simulation/binance/listing.rs",
    "simulation/binance/strikes.rs",
    "simulation/binance/venue.rs",
    "simulation/matching/",
    "simulation/prices/coin.rs",
    "store/",
];
/// Where a wait stands outside `stop`, since it has a way out of its own: files.
const WAITS_MAY_STAND: &[&str] =
    &["run/supervisor/mod.rs", "run/tasks.rs", "run/wire/dial.rs", "run/wire/names.rs", "store/plug.rs"];
/// Where `unsafe` stands, since a number of the operating system can be had no other way: files.
const UNSAFE_MAY_STAND: &[&str] = &["store/database/error.rs"];

const RULES: &[Rule] = &[
    Rule {
        name: "no function over 70 lines",
        find: long_functions,
        allowed: LONG_FUNCTIONS,
        planted: &[("a.rs", "impl A { fn f(a: [u8; 2]) -> B<C> where D: E { if a {<70 lines>} } }")],
        near_misses: &[
            ("a.rs", "fn f() {\n} <70 lines> fn g() {\n} trait A { fn h();<70 lines>}"),
            ("a.rs", "#[cfg(test)] mod tests { fn f() {<70 lines>} }"),
        ],
    },
    Rule {
        name: "no file over 500 lines",
        find: |source| over(source, FILE_LINES.0),
        allowed: LONG_FILES,
        planted: &[("a.rs", "<70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines>")],
        near_misses: &[("a.rs", "<70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines>")],
    },
    Rule {
        name: "no file over 800 lines, whatever the reason",
        find: |source| over(source, FILE_LINES.1),
        allowed: &[],
        planted: &[(
            "a.rs",
            "<70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines>",
        )],
        near_misses: &[("a.rs", "<70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines><70 lines>")],
    },
    Rule {
        name: "no `unwrap` outside tests",
        find: |source| find_any(source, &[".unwrap(", "::unwrap", ".unwrap_err("]),
        allowed: &[],
        planted: &[("a.rs", "fn f() { a\n    .unwrap() }"), ("a.rs", "fn f() { a.map(Option::unwrap) }")],
        near_misses: &[
            ("a.rs", "fn f() { a.unwrap_or_default(); \"a.unwrap()\" } // a.unwrap()"),
            ("a.rs", "#[cfg(test)] mod tests { fn f() { a.unwrap() } }"),
        ],
    },
    Rule {
        name: "`f64` only where prices are",
        find: |source| word(source, "f64"),
        allowed: F64_MAY_STAND,
        planted: &[("a.rs", "fn balance() -> f64 {}")],
        near_misses: &[("a.rs", "/// Never an f64.\nfn balance() -> Decimal { from_f64(a) }")],
    },
    Rule {
        name: "`Decimal` only where money is",
        find: |source| word(source, "Decimal"),
        allowed: DECIMAL_MAY_STAND,
        planted: &[("a.rs", "use rust_decimal::Decimal;")],
        near_misses: &[("a.rs", "/// Never a Decimal.\nfn close() -> f64 { DecimalPlaces }")],
    },
    Rule {
        name: "no task is detached, and no handle thrown away",
        find: detached,
        allowed: &[],
        planted: &[
            ("a.rs", "fn f() { executor.spawn(a).detach(); }"),
            ("a.rs", "fn f() { Task::detach(a); }"),
            ("a.rs", "fn f() { let _ = executor.spawn(async { a; b }); }"),
            ("a.rs", "fn f() { let _ = thread::Builder::new().spawn(a)?; }"),
        ],
        near_misses: &[
            ("a.rs", "fn f() { let task = executor.spawn(a); let _ = b; let c = spawn(d); detach; }"),
            ("a.rs", "fn f() { let _ = spawned(a); }"),
        ],
    },
    Rule {
        name: "one thread: no pool, no executor of all threads",
        find: |source| find_named(source, &["smol::unblock", "smol::spawn", "smol::Executor", "smol::*"]),
        allowed: &[],
        planted: &[("a.rs", "fn f() { smol::unblock(|| a) }"), ("a.rs", "use smol::{LocalExecutor, spawn};")],
        near_misses: &[("a.rs", "use smol::LocalExecutor; fn f() { executor.spawn(a); self.unblock() }")],
    },
    Rule {
        name: "no wait stands alone: `stop` has the helper",
        find: lonely_waits,
        allowed: WAITS_MAY_STAND,
        planted: &[
            ("run/mod.rs", "fn f() { Timer::after(a) }"),
            ("run/mod.rs", "fn f() { async_io::Timer::at(a) }"),
            ("run/mod.rs", "fn f() { std::thread::sleep(a) }"),
            ("run/mod.rs", "use std::{fs, thread::{self, sleep}};"),
        ],
        near_misses: &[
            ("stop.rs", "fn f() { Timer::at(a) }"),
            ("engine/mod.rs", "fn f() { match a { Timer::TimeExit => b } }"),
            ("run/mod.rs", "fn f() { stop.or_after(a); self.sleep; }"),
        ],
    },
    Rule {
        name: "no `unsafe`",
        find: |source| word(source, "unsafe"),
        allowed: UNSAFE_MAY_STAND,
        planted: &[("a.rs", "fn f() { unsafe { a() } }")],
        near_misses: &[("a.rs", "#![deny(unsafe_code)] // unsafe")],
    },
    Rule {
        name: "nothing is left undone",
        find: undone,
        allowed: &[],
        planted: &[
            ("a.rs", "fn f() { todo!() }"),
            ("a.rs", "fn f() { unimplemented!(\"a\") }"),
            ("a.rs", "#[cfg(test)] mod tests { fn f() { dbg!(a); } }"),
        ],
        near_misses: &[("a.rs", "fn f() { todo != a; todo(); \"todo!()\" }")],
    },
];

#[test]
fn the_sources_are_tidy() {
    hold(RULES);
}

#[test]
fn each_rule_finds_its_planted_violations_only() {
    RULES.iter().for_each(Rule::prove);
}

#[test]
fn a_list_only_names_what_needs_it() {
    let list = &["a.rs", "b.rs", "c/"];
    let rule = Rule { allowed: list, ..*RULES.iter().find(|rule| rule.name == "no `unsafe`").unwrap() };
    let sources = [Source::new("a.rs", "unsafe"), Source::new("c/d.rs", "unsafe"), Source::new("b.rs", "safe")];
    assert_eq!(rule.broken(&sources), ["no `unsafe`: the list names b.rs without need"]);
    let broken = rule.broken(&[Source::new("e.rs", "\nunsafe"), Source::new("b.rs", "unsafe")]);
    assert_eq!(broken[0], "src/e.rs:2: no `unsafe`: unsafe");
}

#[test]
fn expect_is_rare() {
    let sources = sources();
    let lines: usize = sources.iter().map(|source| source.lines() - source.test_lines()).sum();
    let expects: usize = sources.iter().map(expects).sum();
    assert!(expects * 1000 <= EXPECTS_PER_THOUSAND * lines, "{expects} `expect(` in {lines} lines");
    assert_eq!(
        expects_in("fn f() { a.expect(\"\"); b\n.expect(c); expected(d) } #[cfg(test)] mod t { a.expect() }"),
        2
    );
}

#[test]
fn few_test_binaries() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nautotests = false\n"), "each file under tests/ would be a binary of its own");
    let count = manifest.matches("\n[[test]]\n").count();
    assert!((1..=TEST_BINARIES).contains(&count), "{count} test binaries, {TEST_BINARIES} are allowed");
}

#[test]
fn the_text_is_about_the_bot() {
    for word in workshop_words() {
        assert!(talks_of(&format!("as {word} said"), &word), "{word}");
    }
    for text in ["stops promptly", "User-Agent: agent", "fulfilment", "network/worker/"] {
        assert!(workshop_words().iter().all(|word| !talks_of(text, word)), "{text}");
    }
    let mut texts = BTreeMap::new();
    for path in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| ["md", "toml", "rs"].iter().any(|read| extension == *read)) {
            texts.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
        }
    }
    for folder in ["src", "tests", "benches", ".ci", "packaging"].map(|name| root().join(name)) {
        let below = if folder.is_dir() { texts_under(&folder, "") } else { [].into() };
        texts.extend(below.into_iter().map(|(path, text)| (folder.join(path).display().to_string(), text)));
    }
    for (path, text) in texts {
        for (number, line) in text.lines().enumerate() {
            let word = workshop_words().into_iter().find(|word| talks_of(line, word));
            assert!(word.is_none(), "{path}:{}: about the making, not the bot: {line}", number + 1);
        }
    }
}

/// Run with `--nocapture` to see the figures that the house aims at.
#[test]
fn figures() {
    let sources = sources();
    let functions = sorted(sources.iter().flat_map(Source::functions).map(|function| function.lines));
    let files = sorted(sources.iter().map(Source::lines));
    let pure: Vec<&Source> = sources.iter().filter(|source| crate::architecture::is_pure(source.top())).collect();
    let (lines, tests): (usize, usize) = pure.iter().fold((0, 0), |(a, b), s| (a + s.lines(), b + s.test_lines()));
    println!(
        "functions: {}, median {} lines (aim 8), 90th percentile {} (aim 35)",
        functions.len(),
        at(&functions, 50),
        at(&functions, 90)
    );
    println!("files: {}, median {} lines (aim 100 to 250), longest {}", files.len(), at(&files, 50), at(&files, 100));
    println!("pure part: {lines} lines, {} % of them tests (aim 50)", 100 * tests / lines);
    assert!(!functions.is_empty() && lines > 0);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let long = source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES);
    long.map(|function| {
        let what = format!("`{}` has {}", function.name, function.lines);
        Finding { key: format!("{}::{}", source.path, function.name), ..finding(source, function.line, what) }
    })
    .collect()
}

fn over(source: &Source, most: usize) -> Vec<Finding> {
    let long = source.lines() > most;
    long.then(|| finding(source, most, format!("it has {}", source.lines()))).into_iter().collect()
}

/// The first place of a word in the code: one finding a file is enough.
fn word(source: &Source, word: &'static str) -> Vec<Finding> {
    find_any(source, &[word]).into_iter().take(1).collect()
}

fn detached(source: &Source) -> Vec<Finding> {
    let mut found = find_any(source, &[".detach(", "::detach"]);
    let code = source.code();
    for at in 0..code.len().saturating_sub(3) {
        if code[at].is("let") && code[at + 1].is("_") && code[at + 2].is("=") {
            let statement = || code[at..].windows(2).take_while(|pair| !pair[0].is(";"));
            if statement().any(|pair| pair[0].is("spawn") && pair[1].is("(")) {
                found.push(finding(source, code[at].line, "let _ = … spawn"));
            }
        }
    }
    found
}

fn lonely_waits(source: &Source) -> Vec<Finding> {
    if source.path == "stop.rs" {
        return Vec::new();
    }
    let mut found = find_named(source, &["std::thread::sleep", "std::thread::park_timeout"]);
    let waits =
        ["Timer::after", "Timer::at", "Timer::interval", "Timer::interval_at", "thread::sleep", "thread::park_timeout"];
    found.extend(find_any(source, &waits));
    found
}

/// Also in tests.
fn undone(source: &Source) -> Vec<Finding> {
    let macros = source.tokens.windows(3).filter(|token| token[1].is("!") && !token[2].is("="));
    let undone = macros.filter(|token| ["todo", "unimplemented", "dbg"].contains(&token[0].text.as_str()));
    undone.map(|token| finding(source, token[0].line, token[0].text.clone())).collect()
}

fn expects(source: &Source) -> usize {
    source.find(".expect(").len()
}

fn expects_in(text: &str) -> usize {
    expects(&Source::new("a.rs", text))
}

/// Written in two halves, since this file is read too.
fn workshop_words() -> [String; 5] {
    [("Cla", "ude"), ("L", "LM"), ("AI a", "gent"), ("/wo", "rk/"), ("pro", "mpt")].map(|(a, b)| format!("{a}{b}"))
}

/// Whether the word stands in the text, as a whole word and in any case.
fn talks_of(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let whole = |(at, _): (usize, &str)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        word.starts_with('/') || !letter(before) && !letter(after)
    };
    text.match_indices(&word).any(whole)
}

fn sorted(figures: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut figures: Vec<usize> = figures.collect();
    figures.sort_unstable();
    figures
}

/// The figure below which `percent` of all are.
fn at(sorted: &[usize], percent: usize) -> usize {
    sorted[(sorted.len() - 1) * percent / 100]
}
