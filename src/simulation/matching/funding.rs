//! When positions pay for being held, and at what rate.

use super::{Matching, Output};
use crate::market::{DAY_MS, FundingPaid, FundingRate, MINUTE_MS, SymbolId, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A settlement further ahead is not believed: positions would pay nothing until then.
const FURTHEST_MS: i64 = DAY_MS;

/// What the venue has said last about a symbol's funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// What a long pays a short, as a part of the position's value.
    pub rate: Decimal,
    /// When it is settled; in the past while nothing newer was said.
    pub at: Timestamp,
}

impl Matching {
    /// Takes over what the venue announces. What fell due before that settlement is paid first, at the rate known then.
    pub(super) fn on_funding_rate(&mut self, now: Timestamp, said: &FundingRate, outputs: &mut Vec<Output>) {
        let index = said.symbol.index();
        let is_ahead = (0..=FURTHEST_MS).contains(&said.at.since_ms(now));
        if index >= self.state.books.len() || said.rate.abs() > FundingRate::LARGEST || !is_ahead {
            return;
        }
        // venues tell settlements to a few milliseconds, and one told twice must be one
        let at = said.at.floor_to(MINUTE_MS);
        while let Some(due) = self.state.books[index].next_funding().filter(|due| *due <= now && *due < at) {
            self.settle(index, due, outputs);
        }
        self.state.books[index].announced = Some(Announced { rate: said.rate, at });
        self.state.deadline = self.earliest_funding();
    }

    /// Settles the earliest funding time that is due. More that were missed stay due, so the deadline stays in the
    /// past; so does one that comes during a walk, whose fills may be from before it.
    pub(super) fn on_wake(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        let Some(at) = self.state.deadline.filter(|at| *at <= now && !self.is_walking()) else { return };
        for index in 0..self.state.books.len() {
            if self.state.books[index].next_funding() == Some(at) {
                self.settle(index, at, outputs);
            }
        }
        self.state.deadline = self.earliest_funding();
    }

    fn settle(&mut self, index: usize, at: Timestamp, outputs: &mut Vec<Output>) {
        let book = &mut self.state.books[index];
        let price = book.price().unwrap_or_default();
        let rate = book.announced.map_or(self.rates.funding, |announced| announced.rate);
        let Some(held) = &mut book.position else { return };
        assert!(held.settled < at, "a funding time is settled twice");
        held.settled = at;
        let amount = held.funding(price, rate);
        self.state.account.pay_funding(amount);
        outputs.push(Output::Funding(FundingPaid { symbol: SymbolId(index as u16), amount, at }));
    }

    pub(super) fn earliest_funding(&self) -> Option<Timestamp> {
        self.state.books.iter().filter_map(super::book::Book::next_funding).min()
    }
}
