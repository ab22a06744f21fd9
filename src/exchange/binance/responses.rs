//! Answers, read row by row: of a list of all markets only what is configured is kept.

use super::{
    Binance,
    fields::{self, Scalar, garbled},
    requests::{MOST_CANDLES, MOST_RATES},
};
use crate::{
    exchange::{Answer, Ask, Garbled, ListedCandle, Mark, Quote},
    market::{FundingRate, SymbolId, Timeframe, Timestamp},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// A settlement of funding is at most a day after the one before.
const HOURS: std::ops::RangeInclusive<u32> = 1..=24;

impl Binance {
    pub(super) fn read_answer(&self, ask: &Ask, body: &[u8]) -> Result<Answer, Garbled> {
        match ask {
            Ask::Time => time(body).map(Answer::Time),
            Ask::Listing => self.read_listing(body).map(Answer::Listing),
            Ask::Candles { timeframe, from, limit, .. } => {
                candles(body, *timeframe, *from, (*limit).clamp(1, MOST_CANDLES)).map(Answer::Candles)
            }
            Ask::Quotes(of) => self.readable(body, *of, QuoteRow::read).map(Answer::Quotes),
            Ask::Marks(of) => self.readable(body, *of, MarkRow::read).map(Answer::Marks),
            Ask::FundingIntervals => self.intervals(body).map(Answer::FundingIntervals),
            Ask::FundingHistory { symbol, from, limit } => {
                self.rates(body, *symbol, *from, (*limit).clamp(1, MOST_RATES)).map(Answer::FundingHistory)
            }
        }
    }

    /// The rows of configured symbols (or of the one that was asked for) that can be read; an error where none of them can.
    fn readable<'de, R: Row<'de>, T>(
        &self,
        body: &'de [u8],
        of: Option<SymbolId>,
        read: impl Fn(&R, SymbolId) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let mut found: Vec<Option<T>> = self.names.iter().map(|_| None).collect();
        let mut first_fault = None;
        each(R::WHAT, body, |row: R| {
            let Some(symbol) = self.ours(row.symbol())? else { return Ok(()) };
            if of.is_none_or(|of| of == symbol) {
                match read(&row, symbol) {
                    Ok(value) => found[symbol.index()] = Some(value),
                    Err(fault) => first_fault = first_fault.take().or(Some(fault)),
                }
            }
            Ok(())
        })?;
        let found: Vec<T> = found.into_iter().flatten().collect();
        match first_fault {
            Some(fault) if found.is_empty() => Err(fault),
            None if found.is_empty() && of.is_some() => Err(garbled(R::WHAT, "the symbol is missing")),
            _ => Ok(found),
        }
    }

    /// Which of ours a row is about; an error where it is about no market at all.
    fn ours(&self, symbol: &Scalar<'_>) -> Result<Option<SymbolId>, Garbled> {
        symbol.text().map(|name| self.find(name)).ok_or_else(|| symbol.garbled("symbol"))
    }

    fn intervals(&self, body: &[u8]) -> Result<Vec<(SymbolId, u32)>, Garbled> {
        let mut found = vec![None; self.names.len()];
        each("funding intervals", body, |row: IntervalRow<'_>| {
            if let Some(symbol) = self.ours(&row.symbol)? {
                let hours = row.funding_interval_hours.whole().and_then(|hours| u32::try_from(hours).ok());
                let hours = hours.filter(|hours| HOURS.contains(hours));
                let hours = hours.ok_or_else(|| row.funding_interval_hours.garbled("funding interval"))?;
                found[symbol.index()] = Some((symbol, hours));
            }
            Ok(())
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    fn rates(&self, body: &[u8], symbol: SymbolId, from: Timestamp, limit: u16) -> Result<Vec<FundingRate>, Garbled> {
        let mut found: Vec<FundingRate> = Vec::new();
        each("funding history", body, |row: RateRow<'_>| {
            if row.symbol.text() != Some(self.name(symbol)) {
                return Err(row.symbol.garbled("symbol of a funding rate"));
            }
            let rate = fields::funding_rate(symbol, &row.funding_rate, &row.funding_time)?;
            let earliest = found.last().map_or(from, |before| before.at);
            if rate.at < earliest || found.len() == usize::from(limit) {
                return Err(row.funding_time.garbled("funding time that was not asked for"));
            }
            found.push(rate);
            Ok(())
        })?;
        Ok(found)
    }
}

fn time(body: &[u8]) -> Result<Timestamp, Garbled> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Time<'a> {
        #[serde(borrow, default)]
        server_time: Scalar<'a>,
    }

    let time: Time<'_> = fields::read("time", body, PhantomData)?;
    time.server_time.time("server time")
}

/// A row that cannot be read makes the whole unreadable: a hole would look like a minute without trades.
fn candles(
    body: &[u8],
    timeframe: Timeframe,
    from: Option<Timestamp>,
    limit: u16,
) -> Result<Vec<ListedCandle>, Garbled> {
    let mut found: Vec<ListedCandle> = Vec::new();
    each("candles", body, |CandleRow([opens, open, high, low, close, volume, last])| {
        let open_time = opens.time("open time")?;
        let earliest = found.last().map(|before| before.ends).or(from);
        let asked_for = earliest.is_none_or(|earliest| open_time >= earliest) && found.len() < usize::from(limit);
        if timeframe.open_of(open_time) != open_time || !asked_for {
            return Err(opens.garbled("open time that was not asked for"));
        }
        let ends = last.time("close time")?.plus_ms(1);
        if ends != timeframe.next_close(open_time) {
            return Err(last.garbled("close time of another timeframe"));
        }
        found.push(ListedCandle { candle: fields::candle(open_time, [&open, &high, &low, &close, &volume])?, ends });
        Ok(())
    })?;
    Ok(found)
}

/// A row about a market.
trait Row<'de>: Deserialize<'de> {
    /// What a list of them is.
    const WHAT: &'static str;
    fn symbol(&self) -> &Scalar<'de>;
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct QuoteRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    bid_price: Scalar<'a>,
    ask_price: Scalar<'a>,
    time: Scalar<'a>,
}

impl<'a> Row<'a> for QuoteRow<'a> {
    const WHAT: &'static str = "quotes";

    fn symbol(&self) -> &Scalar<'a> {
        &self.symbol
    }
}

impl QuoteRow<'_> {
    fn read(&self, symbol: SymbolId) -> Result<Quote, Garbled> {
        let (bid, ask) = fields::bid_and_ask(&self.bid_price, &self.ask_price)?;
        let at = if self.time == Scalar::Missing { None } else { Some(self.time.time("time of a quote")?) };
        Ok(Quote { symbol, bid, ask, at })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MarkRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    mark_price: Scalar<'a>,
    last_funding_rate: Scalar<'a>,
    next_funding_time: Scalar<'a>,
    time: Scalar<'a>,
}

impl<'a> Row<'a> for MarkRow<'a> {
    const WHAT: &'static str = "mark prices";

    fn symbol(&self) -> &Scalar<'a> {
        &self.symbol
    }
}

impl MarkRow<'_> {
    fn read(&self, symbol: SymbolId) -> Result<Mark, Garbled> {
        fields::mark(symbol, &self.mark_price, [&self.last_funding_rate, &self.next_funding_time], &self.time)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct IntervalRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    funding_interval_hours: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RateRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    funding_rate: Scalar<'a>,
    funding_time: Scalar<'a>,
}

/// Open time, open, high, low, close, volume, last millisecond; the rest is of no use here.
struct CandleRow<'a>([Scalar<'a>; 7]);

impl<'de: 'a, 'a> Deserialize<'de> for CandleRow<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Columns;

        impl<'de> Visitor<'de> for Columns {
            type Value = CandleRow<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a candle's row")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<Self::Value, A::Error> {
                let mut row: [Scalar<'de>; 7] = Default::default();
                for column in &mut row {
                    *column = columns.next_element()?.unwrap_or_default();
                }
                while columns.next_element::<IgnoredAny>()?.is_some() {}
                Ok(CandleRow(row))
            }
        }

        deserializer.deserialize_seq(Columns)
    }
}

/// Hands each row of a list to `take`; a row that stands alone is a list of one. Nothing is kept here.
pub(super) fn each<'de, T, F>(what: &'static str, body: &'de [u8], take: F) -> Result<(), Garbled>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), Garbled>,
{
    fields::read(what, body, Rows { take, row: PhantomData })
}

/// The rows of a list inside of something else, likewise.
pub(super) struct Rows<T, F> {
    pub take: F,
    pub row: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Garbled>> DeserializeSeed<'de> for Rows<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Garbled>> Visitor<'de> for Rows<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            (self.take)(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, row: A) -> Result<(), A::Error> {
        let row = T::deserialize(MapAccessDeserializer::new(row))?;
        (self.take)(row).map_err(A::Error::custom)
    }
}
