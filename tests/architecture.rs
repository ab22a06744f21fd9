//! Which module may use which, and what the pure part does without. The arrows are those of ARCHITECTURE.md.

use crate::{
    rule::{Finding, Rule, find_any, finding, hold},
    source::{Source, sources},
};
use std::{fs, path::Path};

/// Modules that take an event and the time and return actions, each with the modules that it may use.
const PURE: &[(&str, &[&str])] = &[
    ("market", &[]),
    ("indicators", &["market"]),
    ("strategies", &["market", "indicators"]),
    ("engine", &["market", "indicators", "strategies"]),
    ("exchange", &["market"]),
    ("gateway", &["market", "exchange"]),
    ("simulation", &["market"]),
    ("trader", &["market", "strategies", "engine", "gateway", "simulation"]),
];

/// Modules that move bytes and wait. Each may use the pure ones and those named here; nothing uses `run`.
const SHELL: &[(&str, &[&str])] = &[
    ("stop", &[]),
    ("cli", &[]),
    ("config", &["cli"]),
    ("candles_file", &[]),
    ("moment", &[]),
    ("store", &["config", "stop"]),
    ("backtest", &["candles_file", "config", "moment", "stop", "store"]),
    ("notify", &["config", "stop"]),
    ("web", &["config", "stop", "store"]),
    ("run", &["backtest", "candles_file", "cli", "config", "moment", "notify", "stop", "store", "web"]),
];

/// Modules above that have no files yet. May only shrink.
const LATER: &[&str] = &["notify", "web"];

/// Libraries that compute and do nothing else.
const PURE_LIBRARIES: &[&str] = &["postcard", "ring", "rust_decimal", "serde", "serde_json", "thiserror"];

/// Parts of the standard library that reach outside, wait, share, or depend on chance.
const IMPURE_STD: &[&str] = &[
    "backtrace",
    "collections::HashMap",
    "collections::HashSet",
    "collections::hash_map",
    "collections::hash_set",
    "env",
    "fs",
    "future",
    "hash::BuildHasher",
    "hash::DefaultHasher",
    "hash::RandomState",
    "io",
    "net",
    "os",
    "process",
    "sync::Barrier",
    "sync::Condvar",
    "sync::LazyLock",
    "sync::Mutex",
    "sync::Once",
    "sync::OnceLock",
    "sync::RwLock",
    "sync::atomic",
    "sync::mpsc",
    "task",
    "thread",
    "time::Instant",
    "time::SystemTime",
    "time::UNIX_EPOCH",
];

/// The same by the names that an import leaves, and what needs no import.
const IMPURE_CODE: &[&str] = &[
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "thread_local",
    "static mut",
    "async",
    ".await",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "env!",
    "option_env!",
];

/// Functions on `f64` whose last digits differ between platforms.
const INEXACT: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp", "exp2", "exp_m1",
    "hypot", "ln", "ln_1p", "log10", "log2", "mul_add", "powf", "powi", "sin", "sin_cos", "sinh", "tan", "tanh",
];

const RULES: &[Rule] = &[
    Rule {
        name: "a module uses only what the arrows allow",
        find: forbidden_arrows,
        allowed: &[],
        planted: &[
            ("market/candle.rs", "use crate::engine::Event;"),
            ("engine/mod.rs", "use crate::{market::Side, simulation::{self, Matching}};"),
            ("engine/orders.rs", "use super::super::gateway::Session;"),
            ("simulation/matching.rs", "fn f() -> crate::engine::Action { todo() }"),
            ("indicators/rsi.rs", "use crate::*;"),
            ("strategies/mod.rs", "use crate::Engine;"),
            ("config/mod.rs", "use crate::run::launch;"),
            ("trader.rs", "use smolbear::run;"),
            ("elsewhere.rs", "use crate::market::Side;"),
        ],
        near_misses: &[
            ("engine/mod.rs", "use crate::{market::Side, strategies::{self, Signal}}; use super::engine::Action;"),
            (
                "engine/mod.rs",
                "// use crate::run;\nconst A: &str = \"crate::run\"; #[cfg(test)] mod tests { use crate::run; }",
            ),
            ("engine/orders.rs", "use super::gateway::Session; mod inner { use super::super::run; }"),
            ("run/mod.rs", "use crate::{run::health, stop::Stop, engine};"),
            ("main.rs", "fn main() { smolbear::run::main() }"),
        ],
    },
    Rule {
        name: "the pure part uses no impure library",
        find: impure_libraries,
        allowed: &[],
        planted: &[
            ("engine/mod.rs", "use log::info;"),
            ("market/candle.rs", "fn f() { async_io::block_on(x) }"),
            ("simulation/prices.rs", "use ::jiff::Timestamp;"),
        ],
        near_misses: &[
            ("engine/mod.rs", "use serde::Serialize; use rust_decimal::Decimal; fn log() { self.log::<u8>() }"),
            ("run/mod.rs", "use log::info;"),
            ("engine/mod.rs", "#[cfg(test)] mod tests { use tempfile::tempdir; }"),
        ],
    },
    Rule {
        name: "the pure part reaches nothing outside",
        find: impure_std,
        allowed: &[],
        planted: &[
            ("engine/mod.rs", "use std::{fmt, fs::{self, File}};"),
            ("engine/mod.rs", "use std::time::{Duration, Instant};"),
            ("engine/mod.rs", "use std::time::*;"),
            ("gateway/mod.rs", "fn f() { std::thread::yield_now() }"),
            ("market/candle.rs", "use core::sync::atomic::AtomicU8;"),
            ("trader.rs", "use std::io::Write;"),
            ("trader.rs", "use std as s;"),
        ],
        near_misses: &[
            ("engine/mod.rs", "use std::{collections::BTreeMap, fmt, time::Duration, hash::Hash, sync::Arc};"),
            ("run/mod.rs", "use std::{fs, thread, time::Instant};"),
            ("engine/mod.rs", "#[cfg(test)] mod tests { use std::fs; }"),
        ],
    },
    Rule {
        name: "the pure part has no clock, order by chance, global, task or output",
        find: impure_code,
        allowed: &[],
        planted: &[
            ("engine/mod.rs", "fn f() { let at = time::Instant::now(); }"),
            ("engine/mod.rs", "fn f() { SystemTime::now() }"),
            ("strategies/mod.rs", "type A = collections::HashMap<u8, u8>;"),
            ("strategies/mod.rs", "static mut A: u8 = 0;"),
            ("strategies/mod.rs", "static A: AtomicU64 = AtomicU64::new(0);"),
            ("gateway/mod.rs", "async fn f() {}"),
            ("gateway/mod.rs", "fn f() { x.await }"),
            ("indicators/rsi.rs", "fn f() { println!(\"\") }"),
        ],
        near_misses: &[
            (
                "engine/mod.rs",
                "/// Not `Instant::now()`.\nfn f(now: Timestamp) -> BTreeMap<u8, u8> { let instant = \"HashMap\"; }",
            ),
            ("engine/mod.rs", "static A: u8 = 0; fn println() {} type B = InstantLike;"),
            ("run/mod.rs", "async fn f() { x.await; Instant::now(); }"),
        ],
    },
    Rule {
        name: "the pure part computes the same digits on every platform",
        find: inexact_functions,
        allowed: &[],
        planted: &[
            ("indicators/rsi.rs", "fn f(a: f64) -> f64 { a.ln() }"),
            ("indicators/rsi.rs", "fn f(a: f64) -> f64 { f64::powi(a, 2) }"),
            ("indicators/rsi.rs", "fn f(a: f64) -> f64 { a.mul_add(2.0, 1.0) }"),
            ("simulation/prices.rs", "fn f(a: f64) { once(a).map(f64::exp) }"),
        ],
        near_misses: &[
            ("indicators/rsi.rs", "fn exp(a: f64) -> f64 { a.sqrt() + f64::abs(a) + self.exp + 2_u64.pow(3) }"),
            ("indicators/rsi.rs", "fn f() { let exp = exp(1.0); x.expect(y) } // x.ln()"),
            ("run/mod.rs", "fn f(a: f64) -> f64 { a.ln() }"),
        ],
    },
];

#[test]
fn the_arrows_and_the_purity_hold() {
    hold(RULES);
}

#[test]
fn each_rule_finds_its_planted_violations_only() {
    RULES.iter().for_each(Rule::prove);
}

#[test]
fn every_module_is_in_the_table_and_has_its_files() {
    let sources = sources();
    let tops: Vec<&str> = sources.iter().map(Source::top).filter(|top| !top.is_empty()).collect();
    for (name, _) in PURE.iter().chain(SHELL) {
        let (there, later) = (tops.contains(name), LATER.contains(name));
        assert!(there || later, "`{name}` is in the table, but has no file under src");
        assert!(!there || !later, "`{name}` is there: take it out of LATER");
    }
    for top in tops {
        assert!(is_module(top), "`{top}` is in no table: may it be used, and what may it use?");
    }
}

#[test]
fn every_pure_library_is_a_dependency() {
    for library in PURE_LIBRARIES {
        assert!(dependencies().iter().any(|name| name == library), "`{library}` is no dependency");
    }
}

pub fn is_pure(name: &str) -> bool {
    PURE.iter().any(|(pure, _)| *pure == name)
}

fn is_module(name: &str) -> bool {
    PURE.iter().chain(SHELL).any(|(module, _)| *module == name)
}

/// Whether the module `user` may use the module `used`.
fn may_use(user: &str, used: &str) -> bool {
    let listed = PURE.iter().chain(SHELL).any(|(name, uses)| *name == user && uses.contains(&used));
    user == used || listed || SHELL.iter().any(|(name, _)| *name == user) && is_pure(used)
}

fn forbidden_arrows(source: &Source) -> Vec<Finding> {
    if source.top().is_empty() {
        return Vec::new();
    }
    let paths = source.paths(&["crate", "super", "self", "smolbear"]);
    let arrows = paths.iter().map(|path| (path.line, path.segments.get(1).map_or("*", String::as_str)));
    let forbidden = arrows.filter(|(_, used)| !may_use(source.top(), used) || !is_module(source.top()));
    forbidden.map(|(line, used)| finding(source, line, format!("`{}` uses `{used}`", source.top()))).collect()
}

fn impure_libraries(source: &Source) -> Vec<Finding> {
    let dependencies = dependencies();
    let impure: Vec<&str> =
        dependencies.iter().map(String::as_str).filter(|name| !PURE_LIBRARIES.contains(name)).collect();
    in_pure(source, |source| {
        let paths = source.paths(&impure);
        paths.iter().map(|path| finding(source, path.line, path.segments.join("::"))).collect()
    })
}

fn impure_std(source: &Source) -> Vec<Finding> {
    in_pure(source, |source| {
        let paths = source.paths(&["std", "core", "alloc"]);
        let impure = paths.iter().filter(|path| reaches_outside(&path.segments[1..].join("::")));
        let mut found: Vec<Finding> = impure.map(|path| finding(source, path.line, path.segments.join("::"))).collect();
        found.extend(find_any(source, &["std as", "core as", "alloc as"]));
        found
    })
}

/// Whether a path below `std` names, or by its `*` may name, something of [`IMPURE_STD`].
fn reaches_outside(path: &str) -> bool {
    let below = |path: &str, parent: &str| path == parent || path.starts_with(&format!("{parent}::"));
    IMPURE_STD
        .iter()
        .any(|impure| below(path, impure) || path.strip_suffix('*').is_some_and(|all| impure.starts_with(all)))
}

fn impure_code(source: &Source) -> Vec<Finding> {
    in_pure(source, |source| {
        let mut found = find_any(source, IMPURE_CODE);
        let atomics = source.code().into_iter().filter(|token| token.text.starts_with("Atomic"));
        found.extend(atomics.map(|token| finding(source, token.line, token.text.clone())));
        found
    })
}

fn inexact_functions(source: &Source) -> Vec<Finding> {
    let spellings = |name: &&str| [format!(".{name}("), format!("f64::{name}"), format!("f32::{name}")];
    let patterns: Vec<String> = INEXACT.iter().flat_map(spellings).collect();
    in_pure(source, |source| find_any(source, &patterns.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn in_pure(source: &Source, find: impl Fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    if is_pure(source.top()) { find(source) } else { Vec::new() }
}

/// The libraries that Cargo.toml names, as paths write them.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let tables =
        manifest.split("\n[").filter(|table| table.lines().next().is_some_and(|head| head.ends_with("dependencies]")));
    let names = tables.flat_map(|table| table.lines().skip(1)).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}
