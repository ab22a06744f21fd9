//! The account's half of the session against a small honest exchange, in virtual time.

mod audit;
mod cases;
mod desk;
mod held;
mod house;
mod protection;
mod restarts;
mod world;
mod worlds;

use super::*;
use crate::{
    exchange::{
        Answer, Ask, Channel, Exchange, Failure, FailureClass, Garbled, Listing, Market, MarketStatus, Request,
        Response, Update,
        private::{
            AccountTrade, Call, Fee, Force, From, Keys, Method, Modes, OrderView, Reply, Report, Signed, Status,
            SymbolModes, Trading, Which, Wish,
        },
    },
    gateway::{Account, Gateway, Input, Lane, Left, News, Output, RequestId, Settings, SocketId, backoff::Jitter},
    market::{
        Class, Ended, Fill, Instrument, OrderCommand, OrderKind, OrderRequest, OrderSide, PositionView, Side, SymbolId,
        Timeframe,
    },
};
use desk::Desk;
use house::House;
use rust_decimal::Decimal;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use world::{Fate, World};

/// How long the exchange takes a request, in ms.
const WINDOW_MS: i64 = 4_000;

/// What was said, by number: bodies and frames are the numbers.
#[derive(Debug, Default)]
struct Shelf {
    replies: Vec<Result<Reply, Failure>>,
    reports: Vec<Report>,
}

const fn is_positions(wish: &Wish) -> bool {
    matches!(wish, Wish::Positions)
}

impl World {
    fn asked_since(&self, since: i64, of: fn(&Wish) -> bool) -> Vec<i64> {
        let asked = self.asked.iter().filter(|(at, _, wish)| *at >= since && of(wish));
        asked.map(|(at, ..)| *at).collect()
    }

    /// Holds so much, with a stop for it, and the account is proven.
    fn holding(qty: i64) -> (Self, ClientId) {
        let mut world = Self::proven(3);
        world.entry(qty);
        world.run(500);
        let stop = world.stop(qty);
        world.run(1_000);
        assert_eq!(world.story(stop), ["accepted"]);
        (world, stop)
    }
}

/// A dialect in which everything is a place on the shelf.
#[derive(Debug, Clone)]
struct Codec(Rc<RefCell<Shelf>>);

fn failure(class: FailureClass, code: i64) -> Failure {
    Failure { class, code, text: format!("{class:?} {code}") }
}

impl Trading for Codec {
    fn call(&self, wish: &Wish) -> Call {
        let (method, weight, orders) = match wish {
            Wish::Place(_) => (Method::Post, 0, 1),
            Wish::Positions | Wish::Balance | Wish::Trades { .. } | Wish::Modes | Wish::SymbolModes(_) => {
                (Method::Get, 5, 0)
            }
            _ => (Method::Get, 1, 0),
        };
        Call { method, path: "/", query: serde_json::to_string(wish).unwrap(), signed: true, weight, orders }
    }

    fn sign(&self, _: &Call, _: Timestamp, _: &Keys) -> Signed {
        unreachable!("the shell signs")
    }

    fn window_ms(&self) -> i64 {
        WINDOW_MS
    }

    fn reply(&self, _: &Wish, response: &Response<'_>) -> Result<Reply, Failure> {
        let at: Option<usize> = std::str::from_utf8(response.body).ok().and_then(|text| text.parse().ok());
        let reply = at.and_then(|at| self.0.borrow().replies.get(at).cloned());
        reply.unwrap_or_else(|| Err(failure(FailureClass::Unknown, 200)))
    }

    fn refusal(&self, code: i64) -> Class {
        match code {
            -2019 => Class::Margin,
            -2022 => Class::ReduceOnly,
            -2021 => Class::WouldTrigger,
            -4116 => Class::Duplicate,
            _ => Class::Other,
        }
    }

    fn is_missing(&self, code: i64) -> bool {
        matches!(code, -2011 | -2013)
    }

    fn user_stream(&self, key: &str) -> String {
        format!("/private/{key}")
    }

    fn decode_user(&self, frame: &[u8], reports: &mut Vec<Report>) -> Result<(), Garbled> {
        let garbled = || Garbled { what: "frame", found: String::new() };
        let text = std::str::from_utf8(frame).map_err(|_| garbled())?;
        let at: usize = text.parse().map_err(|_| garbled())?;
        reports.push(self.0.borrow().reports.get(at).cloned().ok_or_else(garbled)?);
        Ok(())
    }
}

/// Prices do not matter here: a clock and a list of markets.
#[derive(Debug)]
struct Public;

impl Exchange for Public {
    fn request(&self, ask: &Ask) -> Request {
        Request { path: serde_json::to_string(ask).unwrap(), weight: 1 }
    }

    fn answer(&mut self, _: &Ask, response: &Response<'_>) -> Result<Answer, Failure> {
        serde_json::from_slice(response.body).map_err(|_| failure(FailureClass::Unknown, 200))
    }

    fn used_weight(&self, _: &Response<'_>) -> Option<u32> {
        None
    }

    fn weight_limit(&self) -> u32 {
        2400
    }

    fn most_candles(&self) -> u16 {
        1000
    }

    fn channels(&self, _: &[SymbolId]) -> Vec<Channel> {
        Vec::new()
    }

    fn subscription(&self, _: &Channel, _: bool, _: u64) -> Vec<String> {
        Vec::new()
    }

    fn heartbeat(&self) -> Option<(&'static str, i64)> {
        None
    }

    fn longest_connection_ms(&self) -> i64 {
        24 * 3_600_000
    }

    fn decode(&mut self, _: &[u8], _: &mut Vec<Update>) -> Result<(), Garbled> {
        Ok(())
    }
}
