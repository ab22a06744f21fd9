//! The gate: one signal is one signal, however often it is raised.

use super::{settings, skip::Skip};
use crate::market::Timestamp;
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

    /// Lets a signal of a pair pass at `price`, or says that it is the last one again. What passes becomes the last one.
    pub fn pass(&mut self, pair: usize, now: Timestamp, price: f64, rules: &settings::Gate) -> Result<(), Skip> {
        if let Some((at, before)) = self.last[pair] {
            let within = now.since_ms(at) <= i64::try_from(rules.cooldown_s).unwrap_or(i64::MAX).saturating_mul(1000);
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

    #[test]
    fn a_signal_again_needs_time_or_a_move() {
        let rules = settings::Gate::default();
        let strict = settings::Gate { min_move_pct: 0.05, ..rules.clone() };
        for (rules, after_ms, price, passes) in [
            (&rules, 60_000, 100.0, false),
            (&rules, 60_000, 100.1, false),
            (&rules, 60_000, 100.2, true),
            (&rules, 60_000, 99.8, true),
            (&rules, 60_001, 100.0, true),
            (&strict, 60_001, 100.04, false),
            (&strict, 60_001, 100.06, true),
        ] {
            let mut gate = Gate::new(2);
            assert_eq!(gate.pass(1, Timestamp(0), 100.0, rules), Ok(()), "the first passes");
            assert_eq!(gate.pass(1, Timestamp(after_ms), price, rules).is_ok(), passes, "{after_ms} {price}");
            assert_eq!(gate.pass(0, Timestamp(0), 100.0, rules), Ok(()), "pairs are apart");
        }
    }
}
