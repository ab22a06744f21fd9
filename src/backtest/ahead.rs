//! Candles that were read and not told yet: a trader takes several in a row more quickly than one after the other.

use crate::market::ClosedCandle;

/// So many are read at once.
const ROWS: usize = 64;

/// A source of candles, read ahead. What is wrong with one ends it, behind all candles before that.
pub struct Ahead<S, E> {
    source: S,
    read: Vec<ClosedCandle>,
    /// How many of them were told.
    told: usize,
    /// What is wrong with the next.
    fault: Option<E>,
}

impl<S, E> Ahead<S, E>
where
    S: Iterator<Item = Result<ClosedCandle, E>>,
{
    /// Nothing of it was told.
    ///
    /// # Errors
    /// The first candle.
    pub fn new(source: S) -> Result<Self, E> {
        let mut ahead = Self { source, read: Vec::with_capacity(ROWS), told: 0, fault: None };
        ahead.read()?;
        Ok(ahead)
    }

    /// Those that come next; none at the end.
    pub fn candles(&self) -> &[ClosedCandle] {
        &self.read[self.told..]
    }

    /// So many of them were told.
    ///
    /// # Errors
    /// The candle behind them.
    pub fn tell(&mut self, count: usize) -> Result<(), E> {
        self.told += count;
        if self.told == self.read.len() { self.read() } else { Ok(()) }
    }

    /// Where they come from.
    pub const fn source(&mut self) -> &mut S {
        &mut self.source
    }

    fn read(&mut self) -> Result<(), E> {
        self.read.clear();
        self.told = 0;
        while self.fault.is_none() && self.read.len() < ROWS {
            match self.source.next() {
                Some(Ok(candle)) => self.read.push(candle),
                Some(Err(fault)) => self.fault = Some(fault),
                None => break,
            }
        }
        match self.fault.take() {
            Some(fault) if self.read.is_empty() => Err(fault),
            fault => {
                self.fault = fault;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::rig;

    #[test]
    fn what_cannot_be_read_holds_back_nothing_before_it() {
        for good in [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS] {
            let candles = (0..good as i64).map(|number| Ok(rig::minute(number, 1.0, 1.0)));
            let mut ahead = match Ahead::new(candles.chain([Err("broken")])) {
                Ok(ahead) => ahead,
                Err(fault) => {
                    assert_eq!((fault, good), ("broken", 0));
                    continue;
                }
            };
            let mut told = 0;
            let fault = loop {
                assert_eq!(ahead.candles()[0], rig::minute(told as i64, 1.0, 1.0));
                let count = ahead.candles().len().min(7);
                told += count;
                if let Err(fault) = ahead.tell(count) {
                    break fault;
                }
            };
            assert_eq!((told, fault, ahead.candles().len()), (good, "broken", 0));
        }
    }

    #[test]
    fn the_end_is_no_fault() {
        for count in [0, 1, ROWS, ROWS + 1] {
            let candles = (0..count as i64).map(|number| Ok::<_, ()>(rig::minute(number, 1.0, 1.0)));
            let mut ahead = Ahead::new(candles).unwrap();
            let mut told = 0;
            while !ahead.candles().is_empty() {
                told += 1;
                ahead.tell(1).unwrap();
            }
            assert_eq!(told, count);
        }
    }
}
