//! Both sides of what is not the same, as a person can compare them.

use crate::{
    engine::Action,
    market::Symbol,
    store::journal::{Difference, Outcome},
};
use std::io::{self, Write};

/// What is different, with both sides.
pub fn tell(out: &mut dyn Write, segment: &str, found: &Difference, names: &[&Symbol]) -> io::Result<()> {
    let Difference { number, entry, recorded, now } = found;
    let at = readable(&format!("{:?}", entry.at), names);
    writeln!(out, "DIFFERENT after event {number} of {segment}, at {at}")?;
    writeln!(out, "event     {}", readable(&format!("{:?}", entry.event), names))?;
    let then = lines(recorded, names);
    let now = now.as_ref().map_or_else(|panic| vec![format!("the bot panics: {panic}")], |now| lines(now, names));
    for (side, lines, other) in [("recorded", &then, &now), ("now", &now, &then)] {
        for (index, line) in lines.iter().enumerate() {
            let (side, mark) = (if index == 0 { side } else { "" }, if other.contains(line) { ' ' } else { '≠' });
            writeln!(out, "{side:<8}{mark} {line}")?;
        }
    }
    if found.now.as_ref().is_ok_and(|now| now.actions == recorded.actions) {
        writeln!(out, "The orders to the venue differ: they are in the hash alone.")?;
    }
    out.flush()
}

/// What the bot did with an event, a line for each action.
fn lines(outcome: &Outcome, names: &[&Symbol]) -> Vec<String> {
    let Outcome { tally, actions } = outcome;
    let mut lines: Vec<_> = actions.iter().flat_map(|action| spread(action, names)).collect();
    lines.push(format!("hash {:016x} after {} actions, {} fills", tally.hash(), tally.actions, tally.fills));
    lines
}

/// An action; of a commit each record on a line of its own.
fn spread(action: &Action, names: &[&Symbol]) -> Vec<String> {
    match action {
        Action::Commit { batch, records } => {
            records.iter().map(|record| readable(&format!("Commit {batch}: {record:?}"), names)).collect()
        }
        Action::Order(_) | Action::Need(_) | Action::Log(_) | Action::Alert(_) | Action::Halt(_) => {
            vec![readable(&format!("{action:?}"), names)]
        }
    }
}

/// A value as the program writes it down, with names and times as a person knows them, and every digit as it is.
fn readable(text: &str, names: &[&Symbol]) -> String {
    let symbol = |number: i64| names.get(usize::try_from(number).ok()?).map(ToString::to_string);
    let time = |ms| jiff::Timestamp::from_millisecond(ms).ok().map(|at| at.to_string());
    spelled(&spelled(text, "SymbolId(", symbol), "Timestamp(", time)
}

/// The text with each `word` and the number and bracket behind it spelled differently.
fn spelled(text: &str, word: &str, spell: impl Fn(i64) -> Option<String>) -> String {
    let mut parts = text.split(word);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let number = part.split_once(')').and_then(|(number, rest)| Some((spell(number.parse().ok()?)?, rest)));
        number.map_or_else(|| format!("{text}{word}{part}"), |(name, rest)| format!("{text}{name}{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_with_names_and_times() {
        let btc: Symbol = "BTCUSDT".parse().unwrap();
        let text = "Fill { symbol: SymbolId(0), at: Timestamp(1738281600000), other: SymbolId(7) }";
        let want = "Fill { symbol: BTC/USDT:USDT, at: 2025-01-31T00:00:00Z, other: SymbolId(7) }";
        assert_eq!(readable(text, &[&btc]), want);
    }
}
