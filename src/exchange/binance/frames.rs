//! What streams say: one pass over the text, borrowed, into the few fields that matter.

use super::{
    Binance,
    fields::{self, Scalar, clean},
};
use crate::{
    exchange::{Garbled, Quote, Update},
    market::{SymbolId, Timeframe},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// The exchange's words in [`Update::NotSubscribed`], in characters.
const LONGEST_REFUSAL: usize = 200;

impl Binance {
    pub(super) fn read_frame(&self, frame: &[u8]) -> Result<Update, Garbled> {
        let mut message = Message::default();
        fields::read("frame", frame, Part { message: &mut message, level: Level::Frame })?;
        let read = match message.kind.text() {
            Some("bookTicker") => quote,
            Some("aggTrade") => trade,
            Some("kline") => candle,
            Some("markPriceUpdate") => mark,
            Some("serverShutdown") => return Ok(Update::Closing),
            Some(_) => return Ok(Update::Unknown),
            None => return Ok(reply(&message)),
        };
        let name = message.symbol.text().ok_or_else(|| message.symbol.garbled("symbol"))?;
        self.find(name).map_or(Ok(Update::Unknown), |symbol| read(&message, symbol))
    }
}

fn quote(message: &Message<'_>, symbol: SymbolId) -> Result<Update, Garbled> {
    let (bid, ask) = fields::bid_and_ask(&message.bid, &message.ask)?;
    let at = if message.happened == Scalar::Missing { &message.sent } else { &message.happened };
    Ok(Update::Quote(Quote { symbol, bid, ask, at: Some(at.time("time of a quote")?) }))
}

fn trade(message: &Message<'_>, symbol: SymbolId) -> Result<Update, Garbled> {
    Ok(Update::Trade {
        symbol,
        price: message.price.price("price of a trade")?,
        at: message.happened.time("time of a trade")?,
    })
}

/// Here `T` is the time of the next funding.
fn mark(message: &Message<'_>, symbol: SymbolId) -> Result<Update, Garbled> {
    let funding = [&message.rate, &message.happened];
    fields::mark(symbol, &message.price, funding, &message.sent).map(Update::Mark)
}

fn candle(message: &Message<'_>, symbol: SymbolId) -> Result<Update, Garbled> {
    let interval = message.interval.text().ok_or_else(|| message.interval.garbled("interval"))?;
    let Ok(timeframe) = interval.parse::<Timeframe>() else { return Ok(Update::Unknown) };
    let open_time = message.opens.time("open time")?;
    if timeframe.open_of(open_time) != open_time {
        return Err(message.opens.garbled("open time"));
    }
    let values = [&message.open, &message.high, &message.low, &message.close, &message.volume];
    let closed = message.closed.flag().ok_or_else(|| message.closed.garbled("whether a candle is closed"))?;
    let at = message.sent.time("event time")?;
    Ok(Update::Candle { symbol, timeframe, candle: fields::candle(open_time, values)?, closed, at })
}

/// What answers a subscription: `{"result":null,"id":1}`, or a refusal in one of two forms.
fn reply(message: &Message<'_>) -> Update {
    let id = message.id.whole().and_then(|id| u64::try_from(id).ok());
    if message.refused || message.code != Scalar::Missing {
        let code = message.code.whole().map(|code| format!(" ({code})")).unwrap_or_default();
        let text = message.words.text().unwrap_or("refused without a word");
        return Update::NotSubscribed { id, text: clean(text, LONGEST_REFUSAL - code.len()) + &code };
    }
    id.map_or(Update::Unknown, |id| Update::Subscribed { id })
}

/// The fields that matter, of whatever kind of message.
#[derive(Debug, Default)]
struct Message<'a> {
    kind: Scalar<'a>,     // e
    sent: Scalar<'a>,     // E
    happened: Scalar<'a>, // T; of a mark price the next funding
    symbol: Scalar<'a>,   // s
    price: Scalar<'a>,    // p
    rate: Scalar<'a>,     // r
    bid: Scalar<'a>,      // b
    ask: Scalar<'a>,      // a
    opens: Scalar<'a>,    // k.t and so on
    interval: Scalar<'a>,
    open: Scalar<'a>,
    high: Scalar<'a>,
    low: Scalar<'a>,
    close: Scalar<'a>,
    volume: Scalar<'a>,
    closed: Scalar<'a>,
    id: Scalar<'a>,
    code: Scalar<'a>,
    words: Scalar<'a>,
    refused: bool,
}

impl<'a> Message<'a> {
    fn field(&mut self, level: Level, key: Key) -> Option<&mut Scalar<'a>> {
        let field = match (level, key) {
            (Level::Candle, Key::OpenTime) => &mut self.opens,
            (Level::Candle, Key::Interval) => &mut self.interval,
            (Level::Candle, Key::Open) => &mut self.open,
            (Level::Candle, Key::High) => &mut self.high,
            (Level::Candle, Key::Low) => &mut self.low,
            (Level::Candle, Key::Close) => &mut self.close,
            (Level::Candle, Key::Volume) => &mut self.volume,
            (Level::Candle, Key::Closed) => &mut self.closed,
            (Level::Candle, _) => return None,
            (_, Key::Kind) => &mut self.kind,
            (_, Key::Sent) => &mut self.sent,
            (_, Key::Happened) => &mut self.happened,
            (_, Key::Symbol) => &mut self.symbol,
            (_, Key::Price) => &mut self.price,
            (_, Key::Rate) => &mut self.rate,
            (_, Key::Bid) => &mut self.bid,
            (_, Key::Ask) => &mut self.ask,
            (_, Key::Code) => &mut self.code,
            (_, Key::Words) => &mut self.words,
            (Level::Frame, Key::Id) => &mut self.id,
            _ => return None,
        };
        Some(field)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "data", alias = "event")]
    Data,
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "code")]
    Code,
    #[serde(rename = "msg")]
    Words,
    #[serde(rename = "e")]
    Kind,
    #[serde(rename = "E")]
    Sent,
    #[serde(rename = "T")]
    Happened,
    #[serde(rename = "s")]
    Symbol,
    #[serde(rename = "p")]
    Price,
    #[serde(rename = "r")]
    Rate,
    #[serde(rename = "b")]
    Bid,
    #[serde(rename = "a")]
    Ask,
    #[serde(rename = "k")]
    Candle,
    #[serde(rename = "t")]
    OpenTime,
    #[serde(rename = "i")]
    Interval,
    #[serde(rename = "o")]
    Open,
    #[serde(rename = "h")]
    High,
    #[serde(rename = "l")]
    Low,
    #[serde(rename = "c")]
    Close,
    #[serde(rename = "v")]
    Volume,
    #[serde(rename = "x")]
    Closed,
    #[serde(other)]
    Other,
}

/// How deep: a frame is a message itself, or wraps one as `{"stream":…,"data":…}`.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Frame,
    Message,
    Refusal,
    Candle,
}

/// Fills a message from an object; anything else has no fields.
struct Part<'m, 'a> {
    message: &'m mut Message<'a>,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Part<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { message, level } = self;
        message.refused |= level == Level::Refusal;
        while let Some(key) = fields.next_key::<Key>()? {
            match (level, key) {
                (Level::Frame, Key::Data) => fields.next_value_seed(Part { message, level: Level::Message })?,
                (Level::Frame, Key::Error) => fields.next_value_seed(Part { message, level: Level::Refusal })?,
                (Level::Frame | Level::Message, Key::Candle) => {
                    fields.next_value_seed(Part { message, level: Level::Candle })?;
                }
                _ => match message.field(level, key) {
                    Some(field) => *field = fields.next_value()?,
                    None => drop(fields.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.message.refused |= self.level == Level::Refusal;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
