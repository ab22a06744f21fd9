//! The private half of the dialect: orders at `/order`, stops and targets at `/algoOrder`, where they are invisible to everything else.

mod calls; // wishes as requests
mod clearing; // all orders cancelled
mod replies; // answers
mod rights; // what a key may do
mod rows; // orders, positions and trades as both answers and the stream write them
mod user; // the account's stream

#[cfg(test)]
mod tests;

pub use rights::{RIGHTS_HOST, read_rights, rights_call};

use super::{Binance, errors};
use crate::{
    exchange::{
        Failure, Garbled, Response,
        private::{Call, Keys, Reply, Report, Signed, Trading, Wish},
    },
    market::{Class, Timestamp},
};

/// How long after its time the exchange takes a request, in ms: short, so that what is lost is soon known to be lost.
const WINDOW_MS: i64 = 4_000;

impl Trading for Binance {
    fn call(&self, wish: &Wish) -> Call {
        self.call_for(wish)
    }

    fn sign(&self, call: &Call, now: Timestamp, keys: &Keys) -> Signed {
        calls::sign(call, now, keys)
    }

    fn window_ms(&self) -> i64 {
        WINDOW_MS
    }

    fn reply(&self, wish: &Wish, response: &Response<'_>) -> Result<Reply, Failure> {
        if (200..300).contains(&response.status) {
            return self.read_reply(wish, response.body).map_err(|garbled| errors::unreadable(response, &garbled));
        }
        let failure = errors::failure(response);
        if calls::is_so_already(wish, failure.code) { Ok(Reply::Done) } else { Err(failure) }
    }

    fn refusal(&self, code: i64) -> Class {
        match code {
            -2018 | -2019 | -2027 | -2028 => Class::Margin,
            -1111 | -4005..=-4001 | -4014 | -4013 | -4016 | -4023 | -4131 | -4164 => Class::Filter,
            -2022 | -4118 => Class::ReduceOnly,
            -2021 | -4142 => Class::WouldTrigger,
            -4116 => Class::Duplicate,
            _ => Class::Other,
        }
    }

    fn is_missing(&self, code: i64) -> bool {
        matches!(code, -2011 | -2013)
    }

    fn user_stream(&self, listen_key: &str) -> String {
        format!("/private/ws/{listen_key}")
    }

    fn decode_user(&self, frame: &[u8], reports: &mut Vec<Report>) -> Result<(), Garbled> {
        self.read_user(frame, reports)
    }
}
