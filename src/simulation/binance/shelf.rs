//! A symbol's finished candles: those that were given, and longer ones made from them.

use super::bar::Bar;
use crate::market::{Timeframe, Timestamp};
use std::collections::VecDeque;

/// 1m candles kept for a symbol: 90 days.
pub const MOST_MINUTES: usize = 129_600;
/// Candles kept of each longer timeframe that was given.
pub const MOST_LONGER: usize = 30_000;

/// Finished candles by timeframe, ascending, oldest dropped first.
#[derive(Debug)]
pub struct Shelf {
    rows: Vec<VecDeque<Bar>>,
}

impl Shelf {
    pub fn new() -> Self {
        Self { rows: vec![VecDeque::new(); Timeframe::ALL.len()] }
    }

    /// Puts a candle on the shelf; one that is not after all others of its timeframe replaces its like, or is dropped.
    pub fn put(&mut self, timeframe: Timeframe, bar: Bar) {
        let Some(rows) = self.rows.get_mut(place(timeframe)) else { return };
        let at = rows.partition_point(|held| held.candle.open_time < bar.candle.open_time);
        match rows.get_mut(at) {
            Some(held) if held.candle.open_time == bar.candle.open_time => *held = bar,
            Some(_) => {}
            None => rows.push_back(bar),
        }
        let most = if timeframe == Timeframe::M1 { MOST_MINUTES } else { MOST_LONGER };
        while rows.len() > most {
            rows.pop_front();
        }
    }

    /// The candle of `timeframe` that opens at `open`, as far as it is known at `now`.
    ///
    /// Given, or made from the finest given ones. None where the data begin inside of it: half a candle is a wrong one.
    pub fn bar(&self, timeframe: Timeframe, open: Timestamp, now: Timestamp) -> Option<Bar> {
        let end = open.plus_ms(timeframe.ms());
        let own = self.exact(timeframe, open);
        if own.is_some() && end <= now {
            return own;
        }
        if self.first(timeframe).is_none_or(|first| first > open) {
            return None;
        }
        let finer = || self.finer(timeframe).filter(|(_, rows)| overlaps(rows, open, end));
        let mut bar: Option<Bar> = None;
        let mut add = |next: &Bar| match &mut bar {
            Some(bar) => bar.absorb(next),
            None => bar = Some(*next),
        };
        if finer().count() == 1 {
            let (part, rows) = finer().next()?;
            let (from, to) = (row_from(rows, open), row_from(rows, end.min(now)));
            let whole = rows.range(from..to.max(from)).filter(|bar| bar.candle.open_time.plus_ms(part.ms()) <= now);
            whole.for_each(&mut add);
        } else {
            let mut at = open;
            while at < end {
                let found = finer().find_map(|(part, rows)| Some((part, *exact(rows, at)?)));
                let next = at.plus_ms(found.map_or(Timeframe::M1, |(part, _)| part).ms());
                found.iter().filter(|_| next <= now.min(end)).for_each(|(_, bar)| add(bar));
                at = next;
            }
        }
        bar.map(|bar| Bar { candle: crate::market::Candle { open_time: open, ..bar.candle }, ..bar })
    }

    /// The opening time of the first candle of `timeframe`, not before `from`, that holds data.
    pub fn next_open(&self, timeframe: Timeframe, from: Timestamp) -> Option<Timestamp> {
        let from = timeframe.open_of(from.plus_ms(timeframe.ms() - 1));
        let begins = self.usable(timeframe).filter_map(|(_, rows)| {
            let bar = rows.get(row_from(rows, from))?;
            Some(timeframe.open_of(bar.candle.open_time))
        });
        begins.min()
    }

    /// The opening time of the last candle of `timeframe`, not after `to`, that holds data.
    pub fn last_open(&self, timeframe: Timeframe, to: Timestamp) -> Option<Timestamp> {
        let end = timeframe.open_of(to).plus_ms(timeframe.ms());
        let ends = self.usable(timeframe).filter_map(|(_, rows)| {
            let at = row_from(rows, end).checked_sub(1)?;
            Some(timeframe.open_of(rows.get(at)?.candle.open_time))
        });
        ends.max()
    }

    /// The newest finished candle of any timeframe at `now`, with its end.
    pub fn newest(&self, now: Timestamp) -> Option<(Timestamp, Bar)> {
        let ends = Timeframe::ALL.iter().zip(&self.rows).filter_map(|(timeframe, rows)| {
            let at = row_from(rows, now.plus_ms(1 - timeframe.ms())).checked_sub(1)?;
            let bar = *rows.get(at)?;
            Some((bar.candle.open_time.plus_ms(timeframe.ms()), bar))
        });
        ends.max_by_key(|(end, _)| *end)
    }

    /// How many candles are held.
    pub fn len(&self) -> usize {
        self.rows.iter().map(VecDeque::len).sum()
    }

    fn exact(&self, timeframe: Timeframe, open: Timestamp) -> Option<Bar> {
        self.rows.get(place(timeframe)).and_then(|rows| exact(rows, open)).copied()
    }

    /// The first moment that candles of `timeframe` can be made of.
    fn first(&self, timeframe: Timeframe) -> Option<Timestamp> {
        self.usable(timeframe).filter_map(|(_, rows)| Some(rows.front()?.candle.open_time)).min()
    }

    /// What candles of a timeframe can be made of, finest first, itself included.
    fn usable(&self, timeframe: Timeframe) -> impl Iterator<Item = (Timeframe, &VecDeque<Bar>)> {
        let all = Timeframe::ALL.into_iter().zip(&self.rows);
        all.filter(move |(part, _)| timeframe.holds_whole(*part))
    }

    fn finer(&self, timeframe: Timeframe) -> impl Iterator<Item = (Timeframe, &VecDeque<Bar>)> {
        self.usable(timeframe).filter(move |(part, _)| *part != timeframe)
    }
}

fn place(timeframe: Timeframe) -> usize {
    timeframe as usize
}

fn row_from(rows: &VecDeque<Bar>, at: Timestamp) -> usize {
    rows.partition_point(|bar| bar.candle.open_time < at)
}

fn exact(rows: &VecDeque<Bar>, open: Timestamp) -> Option<&Bar> {
    rows.get(row_from(rows, open)).filter(|bar| bar.candle.open_time == open)
}

fn overlaps(rows: &VecDeque<Bar>, open: Timestamp, end: Timestamp) -> bool {
    rows.get(row_from(rows, open)).is_some_and(|bar| bar.candle.open_time < end)
}
