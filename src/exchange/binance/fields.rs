//! Values of messages. Each is checked here, before anything else sees it.

use crate::{
    exchange::{Garbled, Mark},
    market::{Candle, FundingRate, PRICES, SymbolId, Timestamp, decimal},
};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// Times outside of 2017 (before it there was no such exchange) to 2100 are no times of messages.
const TIMES: std::ops::Range<i64> = 1_483_228_800_000..FAR_FUTURE;
/// The year 2100. Perpetuals have a delivery date beyond it.
const FAR_FUTURE: i64 = 4_102_444_800_000;
/// The largest volume of a candle, in base units: a sum of many is still exact enough.
const LARGEST_VOLUME: f64 = 1e18;
/// Digits after the point that a decimal may have: as many as the smallest price has.
const MOST_DIGITS: u32 = 10;
/// The longest number in characters.
const LONGEST_NUMBER: usize = 40;
/// [`Garbled::found`] is no longer, in characters.
const LONGEST_FOUND: usize = 200;

/// A value that has no parts. What has parts reads as missing, so that only who needs the value stumbles over it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    #[default]
    Missing,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(Cow<'a, str>),
}

impl Scalar<'_> {
    pub fn text(&self) -> Option<&str> {
        if let Scalar::Text(text) = self { Some(text) } else { None }
    }

    pub fn flag(&self) -> Option<bool> {
        if let Scalar::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// A whole number, also where it is written as a text.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Scalar::Whole(whole) => Some(*whole),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Missing | Scalar::Flag(_) | Scalar::Number(_) => None,
        }
    }

    /// A finite number, also where it is written as a text, as usual here.
    pub fn number(&self) -> Option<f64> {
        match self {
            Scalar::Text(text) if text.len() <= LONGEST_NUMBER => {
                text.parse().ok().filter(|value: &f64| value.is_finite())
            }
            Scalar::Number(number) => Some(*number),
            Scalar::Whole(whole) => Some(*whole as f64),
            Scalar::Missing | Scalar::Flag(_) | Scalar::Text(_) => None,
        }
    }

    /// The same as a decimal with all digits that were written, of which [`MOST_DIGITS`] may be significant behind the point.
    pub fn decimal(&self) -> Option<Decimal> {
        let value = match self {
            Scalar::Text(text) if text.len() <= LONGEST_NUMBER => Decimal::from_str_exact(text).ok()?,
            Scalar::Number(number) => decimal(*number)?,
            Scalar::Whole(whole) => Decimal::from(*whole),
            Scalar::Missing | Scalar::Flag(_) | Scalar::Text(_) => return None,
        };
        Some(value.normalize()).filter(|value| value.scale() <= MOST_DIGITS)
    }

    /// A price in USDT.
    pub fn price(&self, what: &'static str) -> Result<f64, Garbled> {
        self.number().filter(|price| PRICES.contains(price)).ok_or_else(|| self.garbled(what))
    }

    /// A moment of the exchange's clock.
    pub fn time(&self, what: &'static str) -> Result<Timestamp, Garbled> {
        self.whole().filter(|ms| TIMES.contains(ms)).map(Timestamp).ok_or_else(|| self.garbled(what))
    }

    pub fn garbled(&self, what: &'static str) -> Garbled {
        match self {
            Scalar::Missing => garbled(what, "is missing"),
            Scalar::Flag(flag) => garbled(what, &flag.to_string()),
            Scalar::Whole(whole) => garbled(what, &whole.to_string()),
            Scalar::Number(number) => garbled(what, &format!("{number:e}")),
            Scalar::Text(text) => garbled(what, text),
        }
    }
}

/// A candle of these open, high, low, close and volume.
pub(super) fn candle(open_time: Timestamp, values: [&Scalar<'_>; 5]) -> Result<Candle, Garbled> {
    let [open, high, low, close, volume] = values;
    let volume = volume.number().filter(|value| *value <= LARGEST_VOLUME).ok_or_else(|| volume.garbled("volume"))?;
    let candle = Candle {
        open_time,
        open: open.price("open")?,
        high: high.price("high")?,
        low: low.price("low")?,
        close: close.price("close")?,
        volume,
    };
    candle.check().map_err(|fault| garbled("candle", &fault.to_string()))?;
    Ok(candle)
}

/// Best bid and ask.
pub(super) fn bid_and_ask(bid: &Scalar<'_>, ask: &Scalar<'_>) -> Result<(f64, f64), Garbled> {
    let (bid, ask) = (bid.price("bid")?, ask.price("ask")?);
    if bid > ask {
        return Err(garbled("quote", &format!("bid {bid} is above ask {ask}")));
    }
    Ok((bid, ask))
}

/// A mark price with the funding that comes next. A market without funding has an empty rate or no time for it.
pub(super) fn mark(
    symbol: SymbolId,
    price: &Scalar<'_>,
    [rate, next]: [&Scalar<'_>; 2],
    at: &Scalar<'_>,
) -> Result<Mark, Garbled> {
    let none = |value: &Scalar<'_>| *value == Scalar::Missing || value.text() == Some("") || value.whole() == Some(0);
    let without = none(next) || *rate == Scalar::Missing || rate.text() == Some("");
    let funding = if without { None } else { Some(funding_rate(symbol, rate, next)?) };
    Ok(Mark { symbol, price: price.price("mark price")?, funding, at: at.time("time of the mark price")? })
}

/// What is paid at a time. No rate is above the whole position.
pub(super) fn funding_rate(symbol: SymbolId, rate: &Scalar<'_>, at: &Scalar<'_>) -> Result<FundingRate, Garbled> {
    let value = rate.decimal().filter(|rate| rate.abs() <= Decimal::ONE);
    let value = value.ok_or_else(|| rate.garbled("funding rate"))?;
    Ok(FundingRate { symbol, rate: value, at: at.time("funding time")? })
}

/// With the start of what was found.
pub(super) fn garbled(what: &'static str, found: &str) -> Garbled {
    Garbled { what, found: clean(found, LONGEST_FOUND) }
}

/// The first `most` characters, with blanks in place of what would disturb a terminal.
pub(super) fn clean(text: &str, most: usize) -> String {
    let harmless = |c: char| if c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c) { ' ' } else { c };
    text.trim().chars().take(most).map(harmless).collect()
}

/// Reads a whole text as one value.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(
    what: &'static str,
    json: &'de [u8],
    seed: S,
) -> Result<S::Value, Garbled> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = seed.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| garbled(what, &error.to_string()))
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Flag(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Whole(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Whole))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Number(value))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Missing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Missing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                while parts.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Missing)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
