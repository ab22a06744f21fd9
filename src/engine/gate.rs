//! The gate: one signal is one signal, however often it is raised.

use super::{settings, skip::Skip};
use crate::market::{Refit, Timestamp, seconds_ms};
use serde::{Deserialize, Serialize};

/// The last signal of each strategy and symbol.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Gate {
    last: Vec<Option<(Timestamp, f64)>>,
}

impl Gate {
    /// A gate for so many pairs of strategy and symbol.
    #[must_use]
    pub fn new(pairs: usize) -> Self {
        Self { last: vec![None; pairs] }
    }

    /// How many pairs it is for.
    #[must_use]
    pub const fn pairs(&self) -> usize {
        self.last.len()
    }

    /// For other lists of strategies and symbols; a pair that is new has had no signal.
    #[must_use]
    pub fn refit(&self, lists: &Refit<'_>) -> Self {
        let symbols = lists.was.symbols.len();
        assert_eq!(self.pairs(), lists.was.strategies.len() * symbols, "the old lists are not those of the gate");
        let place = |strategy: Option<usize>, symbol: Option<usize>| Some(strategy? * symbols + symbol?);
        let pairs = lists.strategies().flat_map(|strategy| lists.symbols().map(move |symbol| place(strategy, symbol)));
        Self { last: pairs.map(|place| self.last[place?]).collect() }
    }

    /// Lets a signal of a pair pass at `price`, or says that it is the last one again. What passes becomes the last one.
    pub fn pass(&mut self, pair: usize, now: Timestamp, price: f64, rules: &settings::Gate) -> Result<(), Skip> {
        if let Some((at, before)) = self.last[pair] {
            let within = now.since_ms(at) <= seconds_ms(rules.cooldown_s);
            let needed = if within { rules.cooldown_move_pct } else { rules.min_move_pct };
            let moved_pct = 100.0 * (price - before).abs() / before;
            if (within || rules.min_move_pct > 0.0) && moved_pct <= needed {
                return Err(Skip::Cooldown);
            }
        }
        self.last[pair] = Some((now, price));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Names;

    #[test]
    fn a_signal_again_needs_time_or_a_move() {
        let rules = settings::Gate::default();
        let strict = settings::Gate { min_move_pct: 0.05, ..rules.clone() };
        for (rules, after_ms, price, passes) in [
            (&rules, 60_000, 100.0, false),
            (&rules, 60_000, 100.1, false),
            (&rules, 60_000, 100.11, true),
            (&rules, 60_000, 99.9, false),
            (&rules, 60_000, 99.89, true),
            (&rules, 0, 100.0, false),
            (&rules, 0, 100.2, true),
            (&rules, 60_001, 100.0, true),
            (&strict, 60_000, 100.06, false), // within the cooldown its own move counts
            (&strict, 60_001, 100.05, false),
            (&strict, 60_001, 100.06, true),
        ] {
            let mut gate = Gate::new(2);
            assert_eq!(gate.pass(1, Timestamp(0), 100.0, rules), Ok(()), "the first passes");
            assert_eq!(gate.pass(1, Timestamp(after_ms), price, rules).is_ok(), passes, "{after_ms} {price}");
            assert_eq!(gate.pass(0, Timestamp(0), 100.0, rules), Ok(()), "pairs are apart");
        }
    }

    #[test]
    fn a_pair_keeps_its_last_signal_in_other_lists() {
        let names = |symbols: &[&str], strategies: &[&str]| Names {
            symbols: symbols.iter().map(|name| name.parse().unwrap()).collect(),
            strategies: strategies.iter().map(|name| (*name).to_owned()).collect(),
        };
        let gate = Gate { last: (0..6).map(|pair| Some((Timestamp(pair), 1.0))).collect() };
        let was = names(&["BTCUSDT", "ETHUSDT", "SOLUSDT"], &["a", "b"]);
        let now = names(&["SOLUSDT", "XRPUSDT", "BTCUSDT"], &["c", "b", "a"]);
        let moved = gate.refit(&Refit { was: &was, now: &now });
        let last: Vec<_> = moved.last.iter().map(|last| last.map(|(at, _)| at.0)).collect();
        assert_eq!(last, [None, None, None, Some(5), None, Some(3), Some(2), None, Some(0)]);
    }
}
