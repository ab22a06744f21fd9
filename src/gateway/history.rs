//! The candles from before: of each timeframe so many, up to one moment of a symbol, its anchor. What follows it comes as live 1m candles.
//!
//! A timeframe's last candle may end before the anchor, so there are enough 1m candles to fill what is between: the engine makes the candle
//! that is under way from them.

use super::candles::flat_at;
use crate::{
    exchange::ListedCandle,
    market::{Candle, Timeframe, Timestamp},
};
use std::collections::VecDeque;

/// What is missing at the end is asked for so often, then it is flat.
const TRIES: u8 = 3;
/// Between these questions.
pub const ASK_EVERY_MS: i64 = 2_000;

/// One timeframe of a symbol.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which.
    pub timeframe: Timeframe,
    candles: VecDeque<Candle>,
    /// The next one to be asked for.
    next: Timestamp,
    /// All close at this or before.
    until: Timestamp,
    tries: u8,
    not_before: Option<Timestamp>,
    flat: u32,
}

/// A symbol's candles up to its anchor.
#[derive(Debug, Clone)]
pub struct History {
    /// Where the live candles begin.
    pub anchor: Timestamp,
    frames: Vec<Frame>,
    begun: bool,
    last_minute: Option<Candle>,
}

impl History {
    /// `count` candles of each timeframe before `anchor`, which is a full minute. `timeframes` are ascending, 1m among them.
    pub fn new(anchor: Timestamp, timeframes: &[Timeframe], count: u16) -> Self {
        let since_whole = timeframes.iter().map(|timeframe| anchor.since_ms(timeframe.open_of(anchor))).max();
        let frames = timeframes.iter().map(|timeframe| {
            let until = timeframe.open_of(anchor);
            let wanted = i64::from(count) * timeframe.ms();
            let wanted = if *timeframe == Timeframe::M1 { wanted.max(since_whole.unwrap_or(0)) } else { wanted };
            let next = timeframe.open_of(until.plus_ms(-wanted));
            Frame { timeframe: *timeframe, candles: VecDeque::new(), next, until, tries: 0, not_before: None, flat: 0 }
        });
        Self { anchor, frames: frames.collect(), begun: false, last_minute: None }
    }

    /// Whether all was fetched.
    pub fn is_whole(&self) -> bool {
        self.frames.iter().all(Frame::is_whole)
    }

    /// Whether some of it was delivered.
    pub const fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether all was delivered.
    pub fn is_over(&self) -> bool {
        self.frames.iter().all(|frame| frame.is_whole() && frame.candles.is_empty())
    }

    /// The timeframe at a place.
    pub fn frame(&mut self, at: usize) -> Option<&mut Frame> {
        self.frames.get_mut(at)
    }

    /// Its timeframes, by place.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// When the next one of all timeframes was finished, and its timeframe.
    pub fn peek(&self) -> Option<(Timestamp, Timeframe)> {
        let firsts = self.frames.iter().filter_map(|frame| {
            let first = frame.candles.front()?;
            Some((first.open_time.plus_ms(frame.timeframe.ms()), frame.timeframe))
        });
        firsts.min()
    }

    /// Takes that one out.
    pub fn pop(&mut self) -> Option<(Timeframe, Candle)> {
        let (_, timeframe) = self.peek()?;
        let frame = self.frames.iter_mut().find(|frame| frame.timeframe == timeframe)?;
        let candle = frame.candles.pop_front()?;
        if frame.candles.is_empty() {
            frame.candles = VecDeque::new(); // gives its memory back
        }
        self.begun = true;
        if timeframe == Timeframe::M1 {
            self.last_minute = Some(candle);
        }
        Some((timeframe, candle))
    }

    /// Candles that there is room for.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.frames.iter().map(|frame| frame.candles.capacity()).sum()
    }

    /// The last 1m candle that was taken out.
    pub const fn last_minute(&self) -> Option<Candle> {
        self.last_minute
    }
}

impl Frame {
    fn is_whole(&self) -> bool {
        self.next >= self.until
    }

    /// The next question: from when, and how many; `None` where all is there.
    pub fn question(&self, most: u16) -> Option<(Timestamp, u16)> {
        let wanted = self.until.since_ms(self.next) / self.timeframe.ms();
        (wanted > 0).then(|| (self.next, u16::try_from(wanted).unwrap_or(u16::MAX).min(most).max(1)))
    }

    /// Before this it is not worth asking.
    pub const fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// Takes an answer. The number of candles that are flat, once the timeframe is whole.
    pub fn answer(&mut self, rows: &[ListedCandle], now: Timestamp) -> u32 {
        let before = self.next;
        for row in rows {
            let opens = row.candle.open_time;
            let on_time = self.timeframe.open_of(opens) == opens;
            if on_time && opens >= self.next && opens < self.until && row.ends <= self.until {
                self.fill(opens);
                self.candles.push_back(row.candle);
                self.next = opens.plus_ms(self.timeframe.ms());
            }
        }
        self.not_before = None;
        if self.next == before {
            self.tries += 1;
            self.not_before = Some(now.plus_ms(ASK_EVERY_MS));
            if self.tries >= TRIES {
                self.fill(self.until);
                self.next = self.until;
            }
        }
        if self.is_whole() { std::mem::take(&mut self.flat) } else { 0 }
    }

    /// Up to `until` nobody traded; before the first trade there is nothing.
    fn fill(&mut self, until: Timestamp) {
        while let Some(last) = self.candles.back().copied()
            && self.next < until
        {
            self.candles.push_back(flat_at(self.next, &last));
            self.next = self.next.plus_ms(self.timeframe.ms());
            self.flat += 1;
        }
    }
}
