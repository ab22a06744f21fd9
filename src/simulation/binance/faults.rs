//! The faults that a venue can be told to have, as the flag names them.

use std::{fmt, str::FromStr};

/// What a rate is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Per {
    Reply,
    Message,
    /// Of a stream connection.
    Minute,
    /// A request that places or cancels an order.
    Order,
    /// Of an account.
    AccountMinute,
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the table says it
pub enum Fault {
    Slow,
    Error,
    Html,
    Cut,
    Stale,
    Throttle,
    Ban,
    Doubled,
    Reordered,
    Lost,
    Late,
    Absurd,
    Unknown,
    Flood,
    Silent,
    Disconnect,
    Close,
    LostRequest,
    LostAnswer,
    LateRequest,
    LateAnswer,
    DoneError,
    FailedError,
    Timeout,
    Overload,
    Clock,
    Parts,
    Half,
    RefusedStop,
    StuckStop,
    VanishedStop,
    KeyExpired,
    Liquidated,
    Deleveraged,
    HandOrder,
    HandPosition,
    LeverageFlip,
    HedgeFlip,
    Filters,
    Maintenance,
}

/// How many kinds there are.
pub const KINDS: usize = 40;

/// Kind, name, usual rate, what it is counted by, and what happens.
const TABLE: [(Fault, &str, f64, Per, &str); KINDS] = [
    (Fault::Slow, "slow", 0.05, Per::Reply, "the answer comes 1 to 20 s late"),
    (Fault::Error, "5xx", 0.05, Per::Reply, "500, 502, 503 or 504 with one of the real texts"),
    (Fault::Html, "html", 0.02, Per::Reply, "a page of HTML with status 200, 403 or 502"),
    (Fault::Cut, "cut", 0.02, Per::Reply, "the connection is cut within the body"),
    (Fault::Stale, "stale", 0.05, Per::Reply, "what was answered to the same request before"),
    (Fault::Throttle, "throttle", 0.01, Per::Reply, "429 as if the weight were used up"),
    (Fault::Ban, "ban", 0.002, Per::Reply, "418, and every request until the ban is over"),
    (Fault::Doubled, "doubled", 0.01, Per::Message, "a message comes twice"),
    (Fault::Reordered, "reordered", 0.01, Per::Message, "a message comes after the next one"),
    (Fault::Lost, "lost", 0.01, Per::Message, "a message does not come"),
    (Fault::Late, "late", 0.05, Per::Message, "a candle comes 1 to 20 s late"),
    (Fault::Absurd, "absurd", 0.002, Per::Message, "prices 1000 times as high, of 0, or crossed"),
    (
        Fault::Unknown,
        "unknown",
        0.02,
        Per::Message,
        "fields, kinds of message and values that nobody knows; in answers too",
    ),
    (Fault::Flood, "flood", 0.0005, Per::Message, "a message comes 50 times"),
    (
        Fault::Silent,
        "silent",
        0.1,
        Per::Minute,
        "a connection stays open and answers pings, but carries nothing any more",
    ),
    (Fault::Disconnect, "disconnect", 0.2, Per::Minute, "a connection is cut in the middle of a frame"),
    (Fault::Close, "close", 0.1, Per::Minute, "a connection is closed"),
    (Fault::LostRequest, "lost-request", 0.01, Per::Order, "it is never executed and never answered"),
    (Fault::LostAnswer, "lost-answer", 0.02, Per::Order, "it is executed and never answered"),
    (Fault::LateRequest, "late-request", 0.01, Per::Order, "it is executed 1 to 3.5 s late, and answered then"),
    (Fault::LateAnswer, "late-answer", 0.02, Per::Order, "it is executed at once and answered 1 to 20 s late"),
    (Fault::DoneError, "503-done", 0.01, Per::Order, "it is executed, and the answer is 503, unknown error"),
    (Fault::FailedError, "503-failed", 0.01, Per::Order, "it is not executed, and the answer is 503, unavailable"),
    (Fault::Timeout, "timeout", 0.01, Per::Order, "-1006 or -1007, whether it is executed or not"),
    (Fault::Overload, "overload", 0.01, Per::Order, "-1008, not executed"),
    (Fault::Clock, "clock", 0.01, Per::Order, "-1021, not executed"),
    (Fault::Parts, "parts", 0.1, Per::Order, "it trades in 2 to 7 parts, 100 ms apart"),
    (Fault::Half, "half", 0.02, Per::Order, "a market order expires half filled"),
    (Fault::RefusedStop, "refused-stop", 0.02, Per::Order, "a stop or target is refused"),
    (
        Fault::StuckStop,
        "stuck-stop",
        0.02,
        Per::Order,
        "a stop or target that fires stays TRIGGERING, without an order",
    ),
    (
        Fault::VanishedStop,
        "vanished-stop",
        0.02,
        Per::AccountMinute,
        "a stop or target is gone, at times without a word",
    ),
    (Fault::KeyExpired, "key-expired", 0.02, Per::AccountMinute, "the key of its stream expires"),
    (Fault::Liquidated, "liquidated", 0.002, Per::AccountMinute, "a position is closed by force"),
    (Fault::Deleveraged, "adl", 0.002, Per::AccountMinute, "half a position is closed by force"),
    (Fault::HandOrder, "hand-order", 0.005, Per::AccountMinute, "an order is placed by hand"),
    (Fault::HandPosition, "hand-position", 0.002, Per::AccountMinute, "a position is opened, grown or turned by hand"),
    (Fault::LeverageFlip, "leverage", 0.002, Per::AccountMinute, "leverage is changed by hand"),
    (Fault::HedgeFlip, "hedge", 0.0005, Per::AccountMinute, "the position mode is changed by hand"),
    (
        Fault::Filters,
        "filters",
        0.001,
        Per::AccountMinute,
        "tick or step of a market becomes ten times as coarse, or fine again",
    ),
    (
        Fault::Maintenance,
        "maintenance",
        0.001,
        Per::AccountMinute,
        "a minute without answers, after which orders are gone",
    ),
];

/// How often each fault is drawn, and until when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    rates: [f64; KINDS],
    /// Seconds of the venue's clock after its start when faults end; none: never.
    pub until_s: Option<u32>,
}

/// The list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// No such fault.
    #[error("`{0}` is no fault; there are {names}, all, none and until=SECONDS", names = names())]
    Unknown(String),
    /// Not a rate.
    #[error("the rate of `{name}` is `{given}`, but must be between 0 and 1")]
    Rate {
        /// The fault.
        name: String,
        /// What was given.
        given: String,
    },
    /// Not a time.
    #[error("`until` is `{0}`, but must be a number of seconds")]
    Until(String),
}

impl Fault {
    /// The name in lists.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// What its rate is counted by.
    pub fn per(self) -> Per {
        TABLE[self as usize].3
    }

    /// Every kind, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(fault, ..)| *fault)
    }
}

/// None.
impl Default for Faults {
    fn default() -> Self {
        Self::NONE
    }
}

impl Faults {
    /// No faults.
    pub const NONE: Self = Self { rates: [0.0; KINDS], until_s: None };

    /// How often a fault is drawn.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates[fault as usize]
    }

    /// These faults, with another rate of one.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: f64) -> Self {
        self.rates[fault as usize] = rate;
        self
    }

    /// One line a fault, for `--help`: name, usual rate, what happens.
    #[must_use]
    pub fn help() -> String {
        let line = |(_, name, rate, per, what): &(Fault, &str, f64, Per, &str)| {
            let per = match per {
                Per::Reply => "of answers",
                Per::Message => "of messages",
                Per::Minute => "a connection and minute",
                Per::Order => "of requests about orders",
                Per::AccountMinute => "an account and minute",
            };
            format!("{name:<14}{rate:>6} {per:<25}{what}\n")
        };
        TABLE.iter().map(line).collect()
    }
}

fn names() -> String {
    TABLE.map(|(_, name, ..)| name).join(", ")
}

impl FromStr for Faults {
    type Err = FaultsError;

    /// Takes `NAME` or `NAME=RATE`, separated by commas; `all`, `none`, `until=SECONDS`.
    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::NONE;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(value.trim())));
            if name == "until" {
                let seconds = value.unwrap_or_default();
                faults.until_s = Some(seconds.parse().map_err(|_| FaultsError::Until(seconds.to_owned()))?);
                continue;
            }
            let chosen: Vec<_> = TABLE.iter().filter(|row| row.1 == name || name == "all").collect();
            if chosen.is_empty() && name != "none" {
                return Err(FaultsError::Unknown(name.to_owned()));
            }
            let rate = value.map(|value| rate(name, value)).transpose()?;
            for (fault, _, usual, ..) in chosen {
                faults = faults.with(*fault, rate.unwrap_or(*usual));
            }
        }
        Ok(faults)
    }
}

fn rate(name: &str, given: &str) -> Result<f64, FaultsError> {
    let bad = || FaultsError::Rate { name: name.to_owned(), given: given.to_owned() };
    given.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(bad)
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = Fault::all().filter(|fault| self.rate(*fault) > 0.0);
        let mut parts: Vec<String> = on.map(|fault| format!("{}={}", fault.name(), self.rate(fault))).collect();
        if parts.is_empty() {
            parts.push("none".to_owned());
        }
        parts.extend(self.until_s.map(|seconds| format!("until={seconds}")));
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_round_trip() {
        for (text, want) in [
            ("", "none"),
            ("none", "none"),
            ("slow", "slow=0.05"),
            ("cut=1, lost=0.5 ,until=90", "cut=1,lost=0.5,until=90"),
            (
                "all=0.25,ban=0",
                &Fault::all()
                    .filter(|f| *f != Fault::Ban)
                    .map(|f| format!("{}=0.25", f.name()))
                    .collect::<Vec<_>>()
                    .join(","),
            ),
        ] {
            let faults: Faults = text.parse().unwrap();
            assert_eq!(faults.to_string(), want);
            assert_eq!(faults.to_string().parse(), Ok(faults));
        }
        assert!(Fault::all().enumerate().all(|(place, fault)| fault as usize == place));
        assert!(Fault::all().all(|fault| "all".parse::<Faults>().unwrap().rate(fault) > 0.0));
        assert_eq!(Faults::help().lines().count(), KINDS);
    }

    #[test]
    fn a_wrong_list_says_what_there_is() {
        let error = |text: &str| text.parse::<Faults>().unwrap_err().to_string();
        assert!(error("slov").starts_with("`slov` is no fault; there are slow, 5xx, html,"), "{}", error("slov"));
        assert_eq!(error("slow=2"), "the rate of `slow` is `2`, but must be between 0 and 1");
        assert_eq!(error("slow=NaN"), "the rate of `slow` is `NaN`, but must be between 0 and 1");
        assert_eq!(error("until=x"), "`until` is `x`, but must be a number of seconds");
    }
}
