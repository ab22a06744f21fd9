//! A small world in virtual time: an exchange with one truth, a network with faults, and the session between them.

mod cases;
mod codec;
mod venue;
mod watch;
mod world;
mod worlds;

use super::{
    Gateway, Input, Lane, News, Output, Remark, RequestId, Settings, SocketId,
    backoff::Jitter,
    budget::Budget,
    candles::{Origin, Series, Taken, flat_at},
    clock::Clock,
    history::History,
    prices::{Heard, Prices},
};
use crate::{
    exchange::{
        Answer, Ask, Channel, Exchange, Failure, FailureClass, Garbled, ListedCandle, Listing, Mark, Market,
        MarketStatus, Quote, Request, Response, Update,
    },
    market::{
        Candle, FeedState, Fnv, FundingRate, Instrument, MINUTE_MS, PriceBar, Symbol, SymbolId, Timeframe, Timestamp,
    },
};
use codec::{Codec, MARKET, PUBLIC};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use venue::{START, Venue, base, quote, symbols};
use watch::Watch;
use world::{Fault, World};
