//! Which keys of `[[strategy]]` have a meaning for which form of a rule: adaptive, simple, or signals from a file.

use crate::strategies::{Kind, Settings};

/// A key, the entries that it has a meaning for, and these in words.
type Meaning = (&'static str, fn(&Settings) -> bool, &'static str);

const MEANINGS: [Meaning; 13] = [
    ("adaptive", is_built_in, "oversold_bounce and short_the_rip"),
    ("context", is_built_in, "oversold_bounce and short_the_rip"),
    ("rsi_by_symbol", is_built_in, "oversold_bounce and short_the_rip"),
    ("rsi_base", |s| s.adaptive, "an adaptive rule; the fixed threshold of adaptive = false is rsi_max or rsi_min"),
    ("rsi_range", |s| s.adaptive, "an adaptive rule; the threshold of adaptive = false is fixed"),
    ("rsi_max", |s| !s.adaptive && s.kind == Kind::OversoldBounce, "oversold_bounce with adaptive = false"),
    ("rsi_min", |s| !s.adaptive && s.kind == Kind::ShortTheRip, "short_the_rip with adaptive = false"),
    (
        "target_atr",
        |s| s.adaptive || !is_built_in(s),
        "an adaptive rule and for signals; adaptive = false has target_pct",
    ),
    ("target_min_pct", |s| s.adaptive, "an adaptive rule; adaptive = false has target_pct"),
    (
        "target_pct",
        |s| !s.adaptive,
        "adaptive = false and for signals; an adaptive rule has target_atr and target_min_pct",
    ),
    ("stop_max_pct", |s| s.adaptive, "an adaptive rule; adaptive = false has stop_pct"),
    ("stop_pct", |s| !s.adaptive, "adaptive = false and for signals; an adaptive rule has stop_atr and stop_max_pct"),
    ("file", |s| !is_built_in(s), "signals"),
];

/// Keys of which an entry has one.
const EITHER: [[&str; 2]; 2] = [["target_pct", "target_atr"], ["stop_pct", "stop_atr"]];

fn is_built_in(settings: &Settings) -> bool {
    settings.kind != Kind::Signals
}

/// Why a key has no meaning for an entry, to follow its name; `None` where it has one.
pub fn stray(key: &str, settings: &Settings) -> Option<String> {
    let (_, _, whose) = MEANINGS.iter().find(|(name, has, _)| *name == key && !has(settings))?;
    Some(format!("has no meaning here: it is for {whose}"))
}

/// Which of the keys that an entry has exclude each other.
pub fn clash(has: impl Fn(&str) -> bool) -> Option<[&'static str; 2]> {
    EITHER.into_iter().find(|[percent, atr]| has(percent) && has(atr))
}

/// Whether `bot init` shows a key in this entry: it counts there.
pub fn counts(key: &str, settings: &Settings) -> bool {
    let other = match key {
        "target_atr" => settings.target_pct.is_some(),
        "stop_atr" => settings.stop_pct.is_some(),
        "target_pct" => settings.target_pct.is_none(),
        "stop_pct" => settings.stop_pct.is_none(),
        _ => false,
    };
    !other && stray(key, settings).is_none()
}

/// A distance in ATRs that was chosen goes before the default in percent.
pub fn settle(settings: &mut Settings, has: impl Fn(&str) -> bool) {
    if has("target_atr") {
        settings.target_pct = None;
    }
    if has("stop_atr") {
        settings.stop_pct = None;
    }
}
