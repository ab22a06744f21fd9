//! The account as the engine books it.

use crate::market::{DAY_MS, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Balance and what made it, in USDT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it started with.
    pub capital: Decimal,
    /// What it holds, without open positions' results.
    pub balance: Decimal,
    /// Sum of closed price differences.
    pub realised: Decimal,
    /// Sum of fees paid.
    pub fees: Decimal,
    /// Sum of funding paid.
    pub funding: Decimal,
    /// What the venue's own view of the balance added to ours.
    pub adjusted: Decimal,
    /// Closed trades.
    pub trades: u64,
    /// The current UTC day.
    pub day: Day,
}

/// What the limits of a day count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// When the next one begins.
    pub ends: Timestamp,
    /// Equity when it began, in USDT.
    pub start_equity: Decimal,
    /// Entries sent.
    pub entries: u32,
}

impl Day {
    /// Over at the first event, which begins the first day.
    const fn before_the_first(start_equity: Decimal) -> Self {
        Self { ends: Timestamp(i64::MIN), start_equity, entries: 0 }
    }

    fn containing(now: Timestamp, start_equity: Decimal) -> Self {
        Self { ends: now.day_end(), start_equity, entries: 0 }
    }
}

impl Account {
    /// An account that has not traded.
    #[must_use]
    pub const fn new(capital: Decimal) -> Self {
        let zero = Decimal::ZERO;
        Self {
            capital,
            balance: capital,
            realised: zero,
            fees: zero,
            funding: zero,
            adjusted: zero,
            trades: 0,
            day: Day::before_the_first(capital),
        }
    }

    /// Begins the day that `now` is in.
    pub fn begin_day(&mut self, now: Timestamp, equity: Decimal) {
        self.day = Day::containing(now, equity);
    }

    /// An entry of this signal never became one; only today's counts are still open.
    pub fn take_back_entry(&mut self, signal_at: Timestamp) {
        if signal_at >= self.day.ends.plus_ms(-DAY_MS) {
            self.day.entries = self.day.entries.saturating_sub(1);
        }
    }

    /// Books a fee paid.
    pub fn pay_fee(&mut self, fee: Decimal) {
        self.fees += fee;
        self.balance -= fee;
    }

    /// Books funding paid (received where negative).
    pub fn pay_funding(&mut self, amount: Decimal) {
        self.funding += amount;
        self.balance -= amount;
    }

    /// Books the result of a closed quantity.
    pub fn realise(&mut self, gross: Decimal) {
        self.realised += gross;
        self.balance += gross;
    }

    /// Takes over the venue's balance. An account on which nothing was booked yet begins with it.
    pub fn adjust(&mut self, balance: Decimal) {
        let booked = [self.realised, self.fees, self.funding, self.adjusted];
        if self.trades == 0 && booked.iter().all(Decimal::is_zero) {
            self.capital = balance;
        } else {
            self.adjusted += balance - self.balance;
        }
        self.balance = balance;
    }

    /// The balance is what its parts make, to the last digit.
    pub fn check(&self) {
        let parts = self.capital + self.realised - self.fees - self.funding + self.adjusted;
        assert_eq!(self.balance, parts, "the balance is not the sum of its parts");
    }
}
