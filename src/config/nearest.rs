//! What to say about a name that doesn't exist.

use super::keys::{TABLES, paths, unit};

/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be offered for the other.
const ALIKE: f64 = 0.85;

/// Endings by which people tell units, besides ours.
const FOREIGN_UNITS: [&str; 13] = [
    "_ms",
    "_sec",
    "_secs",
    "_seconds",
    "_min",
    "_minutes",
    "_h",
    "_hours",
    "_percent",
    "_mib",
    "_megabytes",
    "_usdt",
    "_usd",
];

/// The most alike of some names.
fn most_alike(name: &str, among: impl Iterator<Item = String>) -> Option<String> {
    let scored = among.map(|other| (strsim::jaro_winkler(name, &other), other)).filter(|(score, _)| *score >= ALIKE);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// The table and the last part of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// A path without the unit in its name.
fn bare(path: &str) -> &str {
    let ours = unit(path).map(|(ending, _)| ending);
    let ending = ours.or_else(|| FOREIGN_UNITS.into_iter().find(|ending| path.ends_with(ending)));
    ending.and_then(|ending| path.strip_suffix(ending)).unwrap_or(path)
}

/// A hint for a key that doesn't exist: the same name with its unit, the same name in another table, a name that is alike, or all
/// names that exist there.
pub fn key_hint(path: &str) -> String {
    let (table, _) = split(path);
    if let Some(near) = paths().find(|other| bare(other) == bare(path)) {
        return match unit(&near) {
            Some((_, unit)) => format!("the unit belongs to the name: `{near}` ({unit})"),
            None => format!("the nearest is `{near}`"),
        };
    }
    let elsewhere = || paths().find(|other| bare(split(other).1) == bare(split(path).1));
    match elsewhere().or_else(|| most_alike(path, paths())) {
        Some(near) => format!("the nearest is `{near}`"),
        None => format!("{} has {}", header(table), names_of(table)),
    }
}

/// A hint for a table that doesn't exist.
pub fn table_hint(name: &str) -> String {
    let names = || TABLES.iter().map(|(name, _)| (*name).to_owned());
    match most_alike(name, names()) {
        Some(near) => format!("the nearest is {}", header(&near)),
        None => format!("there are {}", names().map(|name| header(&name)).collect::<Vec<_>>().join(" ")),
    }
}

/// A table's name in the brackets that it needs.
pub fn header(table: &str) -> String {
    match table {
        "strategy" | "market.instrument" => format!("[[{table}]]"),
        _ => format!("[{table}]"),
    }
}

fn names_of(table: &str) -> String {
    let names = paths().filter(|path| split(path).0 == table).map(|path| split(&path).1.to_owned());
    names.collect::<Vec<_>>().join(", ")
}
