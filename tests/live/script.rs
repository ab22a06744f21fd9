//! What happens on a day, drawn from a seed: when, and what.

use std::fmt;

/// The day in seconds of the process: faults and acts end, and the bot is stopped.
pub const CALM_S: f64 = 78.0;
pub const END_S: f64 = 108.0;
/// Drawn by rate until the calm begins: what happens to messages, answers, connections and requests about orders.
pub const RATES: &str = "slow=0.01,5xx=0.015,html=0.008,cut=0.01,stale=0.01,throttle=0.001,doubled=0.02,reordered=0.02,lost=0.01,late=0.05,\
    absurd=0.001,unknown=0.02,flood=0.0003,silent=0.05,disconnect=0.1,close=0.1,lost-request=0.03,lost-answer=0.04,late-request=0.03,\
    late-answer=0.03,503-done=0.03,503-failed=0.03,timeout=0.03,overload=0.03,clock=0.03,parts=0.2,half=0.05,refused-stop=0.04,stuck-stop=0.05";

/// Faults of the account, which strike once; each day has two of three.
const FAULTS: [&str; 9] = [
    "vanished-stop",
    "key-expired",
    "liquidated",
    "adl",
    "hand-order",
    "hand-position",
    "leverage",
    "filters",
    "throttle",
];
/// What else the exchange does, and what takes it back after some seconds, if anything does.
const ACTS: [(&str, &str, f64); 7] = [
    ("vanish", "", 0.0),
    ("stick", "unstick", 9.0),
    ("revoke", "revoke&back=true", 4.0),
    ("transfer&amount=250", "transfer&amount=125&out=true", 6.0),
    ("margin", "", 0.0),
    ("adl", "", 0.0),
    ("key", "", 0.0),
];
/// At most one of these a day, since each takes a good part of it: a fault, what takes it back, and after how long.
const LONG: [(&str, &str, f64); 4] =
    [("ban", "", 0.0), ("maintenance", "", 0.0), ("hedge", "hedge", 5.0), ("", "delist", 0.0)];
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A fault strikes next.
    Fault(&'static str),
    /// An act of the exchange.
    Act(String),
    /// What was done by hand is undone by hand.
    Tidy,
    /// SIGKILL; it is started again after so many seconds.
    Kill(f64),
    /// SIGSTOP for so many seconds.
    Still(f64),
    /// Another bot is started in the same folder.
    Second,
}

/// When, in seconds, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Script(pub Vec<(f64, Step)>);

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[(self.bits() % all.len() as u64) as usize].clone()
    }
}

impl Script {
    /// A day of that seed. Which of the rare things it has goes round with the seeds, so that a few of them have all.
    pub fn of(seed: u64) -> Self {
        let mut random = Random(seed);
        let on = |place: usize| !(seed + place as u64).is_multiple_of(3);
        let (first, last) = (8.0, CALM_S - 8.0);
        let mut steps: Vec<(f64, Step)> = vec![(random.between(20.0, last), Step::Second)];
        for (_, fault) in FAULTS.iter().enumerate().filter(|(place, _)| on(*place)) {
            let by_hand = fault.starts_with("hand");
            let at = random.between(first, if by_hand { 40.0 } else { last });
            steps.push((at, Step::Fault(fault)));
            if by_hand {
                // long enough for entries beside it to be no haste
                steps.push((at + random.between(18.0, 30.0), Step::Tidy));
            }
        }
        for (_, (act, back, after)) in ACTS.iter().enumerate().filter(|(place, _)| on(*place + 1)) {
            let (at, symbol) = (random.between(first, last), random.of(&SYMBOLS));
            steps.push((at, Step::Act(format!("{act}&symbol={symbol}"))));
            if !back.is_empty() {
                steps.push((at + after, Step::Act(format!("{back}&symbol={symbol}"))));
            }
        }
        let (fault, act, after) = LONG[(seed % LONG.len() as u64) as usize];
        // a ban lasts for two minutes of the market, and has to be over when the calm begins
        let at = random.between(25.0, CALM_S - 15.0);
        if !fault.is_empty() {
            steps.push((at, Step::Fault(fault)));
        }
        if !act.is_empty() {
            steps.push((at + after, Step::Act(format!("{act}&symbol=SOLUSDT"))));
        }
        for part in 0..2 {
            let from = first + 30.0 * f64::from(part);
            steps.push((random.between(from, from + 22.0), Step::Kill(random.between(0.0, 1.5))));
        }
        steps.push((random.between(first, 40.0), Step::Still(random.between(0.3, 2.0))));
        if seed.is_multiple_of(2) {
            steps.push((random.between(40.0, last), Step::Still(random.between(5.3, 6.5))));
        }
        // a stop that hangs is a fault that lasts
        steps.extend(SYMBOLS.map(|symbol| (CALM_S + 0.2, Step::Act(format!("unstick&symbol={symbol}")))));
        for at in 0..5 {
            steps.push((CALM_S + 0.5 + 2.0 * f64::from(at), Step::Tidy));
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(steps)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(at, step)| writeln!(f, "{at:>6.1} s  {step:?}"))
    }
}

#[test]
fn a_seed_is_one_script_and_any_ten_in_a_row_have_everything() {
    for first in [1, 8, 1_000_003] {
        let scripts: Vec<Script> = (first..first + 10).map(Script::of).collect();
        assert_eq!(scripts[0], Script::of(first));
        let steps: Vec<&Step> = scripts.iter().flat_map(|script| script.0.iter().map(|(_, step)| step)).collect();
        let has = |name: &str| {
            steps.iter().any(|step| match step {
                Step::Fault(fault) => *fault == name,
                Step::Act(act) => act.starts_with(name),
                Step::Tidy | Step::Kill(_) | Step::Still(_) | Step::Second => false,
            })
        };
        let acts = ACTS.iter().chain(&LONG).flat_map(|(does, undoes, _)| [*does, *undoes]);
        let missing: Vec<&str> = FAULTS.into_iter().chain(acts).filter(|name| !name.is_empty() && !has(name)).collect();
        assert!(missing.is_empty(), "{missing:?} from seed {first} on");
        assert!(steps.iter().any(|step| matches!(step, Step::Still(pause) if *pause > 5.0)));
    }
}
