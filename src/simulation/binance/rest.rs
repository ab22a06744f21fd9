//! The REST half: which path answers what, at which weight.

use super::{
    Reply,
    account::{self, no_such_path},
    book::Side,
    candles,
    funding_lists::{funding_history, funding_info},
    listing::exchange_info,
    query::{Query, Refusal, refused},
    tape::{Tape, Trade},
};
use crate::market::{DAY_MS, Timestamp};
use serde_json::{Value, json};

/// An hour: the longest stretch of trades that a request may ask for.
const TRADES_MS: i64 = 3_600_000;
/// How many levels of the book may be asked for, and what they weigh.
const DEPTHS: [(i64, u32); 7] = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1_000, 20)];

/// Paths of the account, which need a key.
const ACCOUNT: &[&str] = &[
    "account",
    "accountConfig",
    "adlQuantile",
    "algoOpenOrders",
    "algoOrder",
    "allAlgoOrders",
    "allOpenOrders",
    "allOrders",
    "apiTradingStatus",
    "balance",
    "batchOrders",
    "commissionRate",
    "feeBurn",
    "forceOrders",
    "income",
    "leverage",
    "leverageBracket",
    "listenKey",
    "marginType",
    "multiAssetsMargin",
    "openAlgoOrders",
    "openOrder",
    "openOrders",
    "order",
    "order/test",
    "positionMargin",
    "positionRisk",
    "positionSide/dual",
    "rateLimit/order",
    "symbolConfig",
    "userTrades",
];

/// A request's answer.
type Answered = Result<Value, Refusal>;

/// What the requests read.
pub struct Market<'a> {
    pub now: Timestamp,
    pub tapes: &'a mut [Tape],
}

/// The version and name of a path of the account; `None` for every other.
pub fn account_path(query: &Query) -> Option<(u8, &str)> {
    let versions = [(1, "/fapi/v1/"), (2, "/fapi/v2/"), (3, "/fapi/v3/")];
    let (version, name) =
        versions.iter().find_map(|(version, start)| Some((*version, query.path.strip_prefix(start)?)))?;
    ACCOUNT.contains(&name).then_some((version, name))
}

/// What a request costs.
pub fn weight(method: &str, query: &Query) -> u32 {
    if let Some((_, name)) = account_path(query) {
        return account::weight(method, name, query);
    }
    let one_or_all = |one, all| if query.get("symbol").is_some() { one } else { all };
    let limit = |usual| query.whole("limit").ok().flatten().unwrap_or(usual);
    match name(&query.path) {
        "klines" | "continuousKlines" | "markPriceKlines" | "indexPriceKlines" | "premiumIndexKlines" => {
            match limit(500) {
                ..100 => 1,
                100..500 => 2,
                500..=1_000 => 5,
                _ => 10,
            }
        }
        "depth" => DEPTHS.iter().find(|(levels, _)| *levels >= limit(500)).map_or(20, |(_, weight)| *weight),
        "ticker/24hr" => one_or_all(1, 40),
        "ticker/price" => one_or_all(1, 2),
        "ticker/bookTicker" => one_or_all(2, 5),
        "premiumIndex" => one_or_all(1, 10),
        "aggTrades" => 20,
        "trades" => 5,
        "fundingRate" | "fundingInfo" => 0,
        _ => 1,
    }
}

/// Whether a request belongs to the funding paths, which have a limit of their own.
pub fn is_funding(query: &Query) -> bool {
    matches!(name(&query.path), "fundingRate" | "fundingInfo")
}

fn name(path: &str) -> &str {
    let versions = ["/fapi/v1/", "/fapi/v2/", "/fapi/v3/"];
    versions.iter().find_map(|version| path.strip_prefix(version)).unwrap_or_default()
}

impl Market<'_> {
    /// Answers a request that is within the limits.
    pub fn answer(&mut self, method: &str, query: &Query) -> Reply {
        let path = name(&query.path);
        let answered = if method == "GET" { self.get(path, query) } else { Err(no_such_path(method, query)) };
        match answered {
            Ok(value) => Reply::json(200, &value),
            Err(refusal) => refusal.reply(),
        }
    }

    fn get(&mut self, path: &str, query: &Query) -> Answered {
        match path {
            "ping" => Ok(json!({})),
            "time" => Ok(json!({ "serverTime": self.now.0 })),
            "exchangeInfo" => Ok(exchange_info(self.now, self.tapes)),
            "klines" => candles::klines(self.now, self.tape(query, "symbol")?, query, candles::Kind::Last),
            "continuousKlines" => candles::continuous(self.now, self.tape(query, "pair")?, query),
            "markPriceKlines" => candles::klines(self.now, self.tape(query, "symbol")?, query, candles::Kind::Mark),
            "indexPriceKlines" => candles::klines(self.now, self.tape(query, "pair")?, query, candles::Kind::Index),
            "depth" => self.depth(query),
            "ticker/price" => self.one_or_all(query, price),
            "ticker/bookTicker" => self.one_or_all(query, book_ticker),
            "ticker/24hr" => self.one_or_all(query, day_ticker),
            "premiumIndex" => self.one_or_all(query, premium_index),
            "openInterest" => self.open_interest(query),
            "fundingInfo" => Ok(funding_info(self.tapes)),
            "fundingRate" => {
                let only = if query.get("symbol").is_some() { Some(self.place(query, "symbol")?) } else { None };
                funding_history(self.now, self.tapes, only, query)
            }
            "trades" => {
                let (tape, most) = (self.tape(query, "symbol")?, query.limit(500, 1_000)?);
                let from = tape.trades().len().saturating_sub(most);
                Ok(tape.trades().range(from..).map(|trade| single_trade(tape, trade)).collect())
            }
            "aggTrades" => self.agg_trades(query),
            _ => Err(no_such_path("GET", query)),
        }
    }

    fn place(&self, query: &Query, parameter: &str) -> Result<usize, Refusal> {
        let name = query.need(parameter)?;
        let found = self.tapes.iter().position(|tape| tape.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| refused(-1121, "Invalid symbol."))
    }

    fn tape(&self, query: &Query, parameter: &str) -> Result<&Tape, Refusal> {
        let place = self.place(query, parameter)?;
        self.tapes.get(place).ok_or_else(|| refused(-1121, "Invalid symbol."))
    }

    fn one_or_all(&mut self, query: &Query, write: impl Fn(Timestamp, &mut Tape) -> Value) -> Answered {
        if query.get("symbol").is_none() {
            return Ok(self.tapes.iter_mut().map(|tape| write(self.now, tape)).collect());
        }
        let place = self.place(query, "symbol")?;
        let tape = self.tapes.get_mut(place).ok_or_else(|| refused(-1121, "Invalid symbol."))?;
        Ok(write(self.now, tape))
    }

    fn depth(&self, query: &Query) -> Answered {
        let tape = self.tape(query, "symbol")?;
        let limit = query.whole("limit")?.unwrap_or(500);
        if !DEPTHS.iter().any(|(levels, _)| *levels == limit) {
            return Err(refused(-4021, format!("{limit} is not valid depth limit.")));
        }
        let side = |side| {
            let levels =
                tape.book().into_iter().flat_map(|book| book.levels(side).take(limit as usize).collect::<Vec<_>>());
            levels.map(|level| json!(tape.level(level))).collect::<Vec<_>>()
        };
        let id = tape.book().map_or(0, |book| book.id);
        let (at, bids, asks) = (tape.book_at().0, side(Side::Bid), side(Side::Ask));
        Ok(json!({ "lastUpdateId": id, "E": self.now.0, "T": at, "bids": bids, "asks": asks }))
    }

    fn agg_trades(&self, query: &Query) -> Answered {
        let (tape, most) = (self.tape(query, "symbol")?, query.limit(500, 1_000)?);
        let (start, end) = query.range()?;
        if let (Some(start), Some(end)) = (start, end)
            && end - start > TRADES_MS
        {
            return Err(refused(-1127, "More than 1 hours between startTime and endTime."));
        }
        let (from, held) = (query.whole("fromId")?, tape.trades());
        let (begin, stop) = match from {
            Some(from) => (held.partition_point(|trade| trade.id < from.unsigned_abs()), held.len()),
            None => (
                start.map_or(0, |start| held.partition_point(|trade| trade.deal.at.0 < start)),
                end.map_or(held.len(), |end| held.partition_point(|trade| trade.deal.at.0 <= end)),
            ),
        };
        let (begin, stop) = if from.is_some() || start.is_some() {
            (begin, stop.min(begin.saturating_add(most)))
        } else {
            (begin.max(stop.saturating_sub(most)), stop)
        };
        Ok(held.range(begin..stop.max(begin)).map(|trade| agg_trade(tape, trade)).collect())
    }

    fn open_interest(&self, query: &Query) -> Answered {
        let tape = self.tape(query, "symbol")?;
        let steps = tape.book().map_or(0, |book| book.usual.saturating_mul(1_000));
        Ok(json!({ "symbol": tape.name, "openInterest": tape.qty.text(steps), "time": self.now.0 }))
    }
}

fn price(now: Timestamp, tape: &mut Tape) -> Value {
    json!({ "symbol": tape.name, "price": last_text(tape), "time": now.0 })
}

fn last_text(tape: &Tape) -> String {
    tape.price.text_of(tape.last().unwrap_or(0.0))
}

fn book_ticker(_: Timestamp, tape: &mut Tape) -> Value {
    let none = || ["0".to_owned(), "0".to_owned()];
    let book = tape.book();
    let [bid, bid_qty] = book.map_or_else(none, |book| tape.best(&book, Side::Bid));
    let [ask, ask_qty] = book.map_or_else(none, |book| tape.best(&book, Side::Ask));
    json!({
        "symbol": tape.name, "bidPrice": bid, "bidQty": bid_qty, "askPrice": ask, "askQty": ask_qty,
        "time": tape.book_at().0, "lastUpdateId": book.map_or(0, |book| book.id),
    })
}

/// The day's change: absolute and in percent.
pub fn change(open: f64, last: f64) -> (f64, f64) {
    (last - open, (last - open) / open * 100.0)
}

fn day_ticker(now: Timestamp, tape: &mut Tape) -> Value {
    let Some(bar) = tape.day(now) else {
        return json!({ "symbol": tape.name, "lastPrice": last_text(tape), "closeTime": now.0, "count": 0 });
    };
    let candle = bar.candle;
    let last = tape.last().unwrap_or(candle.close);
    let (up, percent) = change(candle.open, last);
    let mean = if candle.volume > 0.0 { bar.quote / candle.volume } else { last };
    let last_qty = tape.trades().back().map_or(0, |trade| trade.deal.steps);
    let last_id = tape.next_id().saturating_sub(1);
    json!({
        "symbol": tape.name,
        "priceChange": tape.price.sum_text(up),
        "priceChangePercent": format!("{percent:.3}"),
        "weightedAvgPrice": format!("{mean:.8}"),
        "lastPrice": last_text(tape),
        "lastQty": tape.qty.text(last_qty),
        "openPrice": tape.price.text_of(candle.open),
        "highPrice": tape.price.text_of(candle.high),
        "lowPrice": tape.price.text_of(candle.low),
        "volume": tape.qty.sum_text(candle.volume),
        "quoteVolume": format!("{:.8}", bar.quote),
        "openTime": now.0.saturating_sub(DAY_MS),
        "closeTime": now.0,
        "firstId": (last_id + 1).saturating_sub(u64::from(bar.trades)),
        "lastId": last_id,
        "count": bar.trades,
    })
}

fn premium_index(now: Timestamp, tape: &mut Tape) -> Value {
    let (mark, index) = tape.marks(now).unwrap_or((0.0, 0.0));
    json!({
        "symbol": tape.name,
        "markPrice": format!("{mark:.8}"),
        "indexPrice": format!("{index:.8}"),
        "estimatedSettlePrice": format!("{index:.8}"),
        "lastFundingRate": format!("{:.8}", tape.funding.expected(now)),
        "interestRate": "0.00010000",
        "nextFundingTime": tape.funding.next(now).0,
        "time": now.0,
    })
}

fn single_trade(tape: &Tape, trade: &Trade) -> Value {
    let deal = trade.deal;
    let quote = deal.price * tape.qty.value(deal.steps);
    json!({
        "id": trade.id, "price": tape.price.text_of(deal.price), "qty": tape.qty.text(deal.steps), "quoteQty": format!("{quote:.8}"),
        "time": deal.at.0, "isBuyerMaker": deal.sold, "isRPITrade": false,
    })
}

fn agg_trade(tape: &Tape, trade: &Trade) -> Value {
    let deal = trade.deal;
    json!({
        "a": trade.id, "p": tape.price.text_of(deal.price), "q": tape.qty.text(deal.steps), "nq": tape.qty.text(deal.steps),
        "f": trade.id, "l": trade.id, "T": deal.at.0, "m": deal.sold,
    })
}
