//! Quarantine: a symbol that keeps failing gets no new entries for some days. What it holds keeps its stops, and may be closed.
//!
//! It fails by entries that the exchange refuses for the symbol's sake, in a row that a fill ends; or by hours without its data while others
//! have theirs: when all are silent, it is the line that fails, and no symbol.

use super::{Action, Note, settings};
use crate::market::{Class, DAY_MS, FeedState, Refit, SymbolId, Timestamp};
use serde::{Deserialize, Serialize};

/// So long without data, in market time, weighs as much as one refused entry.
const SILENCE_MS: i64 = 3_600_000;

/// What a symbol has failed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Its entries were refused.
    Refused,
    /// No data of it came.
    Silent,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A quarantine has begun, for this reason, and ends then.
    Begun(SymbolId, Failure, Timestamp),
    /// It is over.
    Over(SymbolId),
}

impl Change {
    /// How it is told: a beginning to whoever is responsible too.
    #[must_use]
    pub const fn told(self) -> Action {
        match self {
            Self::Begun(symbol, failure, until) => Action::Alert(Note::Quarantined { symbol, failure, until }),
            Self::Over(symbol) => Action::Log(Note::QuarantineOver(symbol)),
        }
    }
}

/// The symbols that have failed: at most one case a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quarantine {
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    symbol: SymbolId,
    /// Entries refused in a row.
    refused: u32,
    /// Since when it has been silent while others were not.
    silent: Option<Timestamp>,
    /// When its quarantine ends; `None` where it is not in one.
    until: Option<Timestamp>,
}

impl Case {
    const fn new(symbol: SymbolId) -> Self {
        Self { symbol, refused: 0, silent: None, until: None }
    }

    const fn is_over(&self) -> bool {
        self.refused == 0 && self.silent.is_none() && self.until.is_none()
    }

    /// Begins a quarantine where it has failed enough and is in none.
    fn judge(&mut self, now: Timestamp, rules: &settings::Risk) -> Option<Change> {
        let most = i64::from(rules.quarantine_after);
        let failure = match self.silent {
            _ if rules.quarantine_days == 0 || self.until.is_some() => return None,
            Some(since) if now.since_ms(since) >= most * SILENCE_MS => Failure::Silent,
            _ if i64::from(self.refused) >= most => Failure::Refused,
            _ => return None,
        };
        let until = now.plus_ms(i64::from(rules.quarantine_days) * DAY_MS);
        (self.refused, self.until) = (0, Some(until));
        Some(Change::Begun(self.symbol, failure, until))
    }

    /// What time has brought.
    fn pass(&mut self, now: Timestamp, rules: &settings::Risk) -> Option<Change> {
        if self.until.is_some_and(|until| until <= now || rules.quarantine_days == 0) {
            // what is silent still, is given its hours anew
            (self.silent, self.until) = (self.silent.map(|_| now), None);
            return Some(Change::Over(self.symbol));
        }
        self.judge(now, rules)
    }
}

/// Whether a refused entry is the symbol's failure and not the account's. What is not known counts as one: an entry that fails again and again
/// is worth a pause whatever the reason.
#[must_use]
pub const fn is_the_symbols(class: Class) -> bool {
    match class {
        Class::Filter | Class::Other => true,
        Class::Margin | Class::ReduceOnly | Class::WouldTrigger | Class::Duplicate => false,
    }
}

impl Quarantine {
    /// Whether a symbol gets no entries.
    #[must_use]
    pub fn holds(&self, symbol: SymbolId, now: Timestamp) -> bool {
        self.held().any(|(held, until)| held == symbol && now < until)
    }

    /// Whose quarantine has not ended, and when it will.
    pub fn held(&self) -> impl Iterator<Item = (SymbolId, Timestamp)> {
        self.cases.iter().filter_map(|case| Some((case.symbol, case.until?)))
    }

    /// An entry was refused.
    pub fn refused(&mut self, now: Timestamp, symbol: SymbolId, rules: &settings::Risk) -> Option<Change> {
        let case = self.case(symbol);
        case.refused = case.refused.saturating_add(1);
        case.judge(now, rules)
    }

    /// An entry was filled: whatever failed before, is over.
    pub fn filled(&mut self, symbol: SymbolId) {
        if let Some(case) = self.cases.iter_mut().find(|case| case.symbol == symbol) {
            case.refused = 0;
            self.tidy();
        }
    }

    /// A feed has changed. The silence of one counts from the moment at which it was silent and another was not.
    pub fn hear(&mut self, now: Timestamp, feeds: &[FeedState]) {
        let any = feeds.contains(&FeedState::Live);
        for (index, feed) in feeds.iter().enumerate() {
            let case = self.case(SymbolId(index as u16));
            case.silent = (any && *feed != FeedState::Live).then(|| case.silent.unwrap_or(now));
        }
        self.tidy();
    }

    /// Whether no symbol has failed, so that time changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Timestamp, rules: &settings::Risk) -> Vec<Change> {
        let changes = self.cases.iter_mut().filter_map(|case| case.pass(now, rules)).collect();
        self.tidy();
        changes
    }

    /// A run begins: while there was none, nobody was asked.
    pub fn begin_session(&mut self, now: Timestamp) {
        self.cases.iter_mut().for_each(|case| case.silent = case.silent.map(|_| now));
    }

    /// With the numbers of other lists; a symbol that is gone is forgotten.
    #[must_use]
    pub fn refit(self, lists: &Refit<'_>) -> Self {
        let moved = |case: Case| Some(Case { symbol: lists.symbol(case.symbol).ok()?, ..case });
        Self { cases: self.cases.into_iter().filter_map(moved).collect() }
    }

    fn case(&mut self, symbol: SymbolId) -> &mut Case {
        let place = self.cases.iter().position(|case| case.symbol == symbol);
        let place = place.unwrap_or_else(|| {
            self.cases.push(Case::new(symbol));
            self.cases.len() - 1
        });
        &mut self.cases[place]
    }

    fn tidy(&mut self) {
        self.cases.retain(|case| !case.is_over());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTC: SymbolId = SymbolId(0);
    const ETH: SymbolId = SymbolId(1);
    const HOUR: i64 = 3_600_000;

    /// What happens at an hour of market time.
    #[derive(Debug, Clone, Copy)]
    enum Then {
        Refused,
        Filled,
        /// ETH's and BTC's feeds change.
        Feeds(FeedState, FeedState),
        /// Only time passes.
        Time,
        NewRun,
    }
    use FeedState::{Gap, Live, Stale};
    use Then::{Feeds, Filled, NewRun, Refused, Time};

    fn step(quarantine: &mut Quarantine, now: Timestamp, then: Then, rules: &settings::Risk) -> Vec<Change> {
        let mut changes = match then {
            Refused => quarantine.refused(now, ETH, rules).into_iter().collect(),
            Filled | Feeds(..) | Time | NewRun => Vec::new(),
        };
        match then {
            Filled => quarantine.filled(ETH),
            Feeds(eth, btc) => quarantine.hear(now, &[btc, eth]),
            NewRun => quarantine.begin_session(now),
            Refused | Time => {}
        }
        changes.extend(quarantine.pass(now, rules));
        changes
    }

    #[test]
    fn it_begins_after_failures_in_a_row_and_ends_by_itself() {
        let begun = |failure, hour: i64| Change::Begun(ETH, failure, Timestamp(hour * HOUR));
        let (week, over) = (7 * 24, Change::Over(ETH));
        let (refused, silent) = (Failure::Refused, Failure::Silent);
        for (what, course, want) in [
            ("three refusals", vec![(0, Refused), (1, Refused), (50, Refused)], vec![(50, begun(refused, 50 + week))]),
            ("a fill between", vec![(0, Refused), (1, Refused), (2, Filled), (3, Refused), (4, Refused)], vec![]),
            (
                "it ends after a week, and begins anew only after three more",
                vec![
                    (0, Refused),
                    (0, Refused),
                    (0, Refused),
                    (1, Refused),
                    (week, Time),
                    (week, Refused),
                    (week + 1, Refused),
                ],
                vec![(0, begun(refused, week)), (week, over), (week + 1, begun(refused, 2 * week + 1))],
            ),
            (
                "three hours without data",
                vec![(0, Feeds(Stale, Live)), (2, Time), (3, Time)],
                vec![(3, begun(silent, 3 + week))],
            ),
            ("a hole is no data", vec![(0, Feeds(Gap, Live)), (3, Time)], vec![(3, begun(silent, 3 + week))]),
            (
                "data between",
                vec![(0, Feeds(Stale, Live)), (2, Feeds(Live, Live)), (2, Feeds(Gap, Live)), (4, Time)],
                vec![],
            ),
            (
                "all silent: it is the line",
                vec![(0, Feeds(Stale, Stale)), (9, Time), (9, Feeds(Stale, Live)), (11, Time)],
                vec![],
            ),
            (
                "the other silent for a while too",
                vec![(0, Feeds(Stale, Live)), (2, Feeds(Stale, Stale)), (3, Feeds(Stale, Live)), (5, Time), (6, Time)],
                vec![(6, begun(silent, 6 + week))],
            ),
            ("a run between", vec![(0, Feeds(Stale, Live)), (9, NewRun), (11, Time)], vec![]),
            (
                "silent throughout: three hours more",
                vec![(0, Feeds(Stale, Live)), (3, Time), (3 + week, Time), (5 + week, Time), (6 + week, Time)],
                vec![(3, begun(silent, 3 + week)), (3 + week, over), (6 + week, begun(silent, 6 + 2 * week))],
            ),
        ] {
            let (mut quarantine, rules) = (Quarantine::default(), settings::Risk::default());
            let mut got = Vec::new();
            for (hour, then) in course {
                let changes = step(&mut quarantine, Timestamp(hour * HOUR), then, &rules);
                got.extend(changes.into_iter().map(|change| (hour, change)));
            }
            assert_eq!(got, want, "{what}");
        }
    }

    #[test]
    fn it_holds_one_symbol_until_its_moment() {
        let (mut quarantine, rules) =
            (Quarantine::default(), settings::Risk { quarantine_after: 1, ..settings::Risk::default() });
        quarantine.refused(Timestamp(0), ETH, &rules);
        let held = |symbol, at| quarantine.holds(symbol, Timestamp(at));
        assert_eq!(
            [held(ETH, 0), held(ETH, 7 * DAY_MS - 1), held(ETH, 7 * DAY_MS), held(BTC, 0)],
            [true, true, false, false]
        );
    }

    #[test]
    fn never_is_never_and_ends_what_has_begun() {
        let mut quarantine = Quarantine::default();
        let rules =
            |quarantine_days| settings::Risk { quarantine_after: 1, quarantine_days, ..settings::Risk::default() };
        assert_eq!(quarantine.refused(Timestamp(0), ETH, &rules(0)), None);
        quarantine.refused(Timestamp(0), ETH, &rules(1));
        assert_eq!(quarantine.pass(Timestamp(1), &rules(0)), [Change::Over(ETH)]);
    }

    #[test]
    fn only_what_is_the_symbols_counts() {
        for (class, counts) in [
            (Class::Margin, false),
            (Class::Filter, true),
            (Class::ReduceOnly, false),
            (Class::WouldTrigger, false),
            (Class::Duplicate, false),
            (Class::Other, true),
        ] {
            assert_eq!(is_the_symbols(class), counts, "{class:?}");
        }
    }
}
