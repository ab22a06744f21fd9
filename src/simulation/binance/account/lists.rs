//! Lists: open orders, all orders, trades, income.

use super::{
    super::query::{Query, Refusal, refused},
    algo::Algo,
    ledger::{Account, Income, Trade, View},
    order::{By, Order, side_name},
    terms,
    text::{fixed, money},
};
use crate::market::{DAY_MS, OrderSide};
use serde_json::{Value, json};

/// The longest stretch that a request may ask for, and the usual one.
const WEEK_MS: i64 = 7 * DAY_MS;

/// Rows from a number or a time on, in ascending order: the last ones where neither is given.
struct Page {
    from: Option<u64>,
    start: Option<i64>,
    end: Option<i64>,
    most: usize,
}

impl Page {
    fn of(query: &Query, from: &str, most: usize) -> Result<Self, Refusal> {
        let (start, end) = query.range()?;
        if let (Some(start), Some(end)) = (start, end)
            && end - start > WEEK_MS
        {
            return Err(refused(-4166, "Search window is restricted to recent 7 days only."));
        }
        let from = query.whole(from)?.map(i64::unsigned_abs);
        let end = end.or(start.map(|start| start.saturating_add(WEEK_MS)));
        Ok(Self { from, start, end, most })
    }

    /// `id` and `at` say what a row's number and time are.
    fn take<'a, T>(&self, rows: Vec<&'a T>, id: impl Fn(&T) -> u64, at: impl Fn(&T) -> i64) -> Vec<&'a T> {
        let fits = |row: &&T| match self.from {
            Some(from) => id(row) >= from,
            None => self.start.is_none_or(|start| at(row) >= start) && self.end.is_none_or(|end| at(row) <= end),
        };
        let rows: Vec<&T> = rows.into_iter().filter(fits).collect();
        let skip = if self.from.is_some() || self.start.is_some() { 0 } else { rows.len().saturating_sub(self.most) };
        rows.into_iter().skip(skip).take(self.most).collect()
    }
}

fn only(view: View<'_>, query: &Query) -> Result<Option<usize>, Refusal> {
    if query.get("symbol").is_some() { terms::place(view, query).map(Some) } else { Ok(None) }
}

impl Account {
    /// `GET /fapi/v1/openOrders`.
    pub fn open_orders(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let only = only(view, query)?;
        let rows = self.orders.iter().filter(|order| only.is_none_or(|place| order.place == place));
        Ok(rows.map(|order| order.whole(&view.tapes[order.place])).collect())
    }

    /// `GET /fapi/v1/allOrders`.
    pub fn all_orders(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let page = Page::of(query, "orderId", query.limit(500, 1_000)?)?;
        let mut rows: Vec<&Order> =
            self.ended.iter().chain(&self.orders).filter(|order| order.place == place).collect();
        rows.sort_by_key(|order| order.id);
        let rows = page.take(rows, |order| order.id, |order| order.created.0);
        Ok(rows.into_iter().map(|order| order.whole(&view.tapes[place])).collect())
    }

    /// `GET /fapi/v1/forceOrders`.
    pub fn force_orders(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let only = only(view, query)?;
        let forced =
            self.ended.iter().filter(|order| matches!(order.by, By::Liquidation | By::Deleveraging | By::Delisting));
        let rows = forced.filter(|order| only.is_none_or(|place| order.place == place));
        Ok(rows.map(|order| order.whole(&view.tapes[order.place])).collect())
    }

    /// `GET /fapi/v1/openAlgoOrders`.
    pub fn open_algos(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let only = only(view, query)?;
        let rows = self.algos.iter().filter(|algo| only.is_none_or(|place| algo.place == place));
        Ok(rows.map(|algo| algo.answer(&view.tapes[algo.place], false)).collect())
    }

    /// `GET /fapi/v1/allAlgoOrders`.
    pub fn all_algos(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let page = Page::of(query, "algoId", query.limit(500, 1_000)?)?;
        let mut rows: Vec<&Algo> =
            self.algos_ended.iter().chain(&self.algos).filter(|algo| algo.place == place).collect();
        rows.sort_by_key(|algo| algo.id);
        let rows = page.take(rows, |algo| algo.id, |algo| algo.created.0);
        Ok(rows.into_iter().map(|algo| algo.answer(&view.tapes[place], false)).collect())
    }

    /// `GET /fapi/v1/userTrades`.
    pub fn user_trades(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let mut page = Page::of(query, "fromId", query.limit(500, 1_000)?)?;
        if page.from.is_some() && (page.start.is_some() || page.end.is_some()) {
            return Err(refused(-1128, "Combination of optional parameters invalid."));
        }
        if page.from.is_none() && page.start.is_none() {
            page.end = page.end.or(Some(view.now.0));
        }
        let order = query.whole("orderId")?.map(i64::unsigned_abs);
        let rows = self.trades.iter().filter(|trade| trade.place == place);
        let rows: Vec<&Trade> = rows.filter(|trade| order.is_none_or(|order| trade.order == order)).collect();
        let rows = page.take(rows, |trade| trade.id, |trade| trade.at.0);
        Ok(rows.into_iter().map(|trade| trade_row(view, trade)).collect())
    }

    /// `GET /fapi/v1/income`.
    pub fn income_rows(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let (only, kind) = (only(view, query)?, query.get("incomeType"));
        let (start, end) = query.range()?;
        let page = Page { from: None, start, end, most: query.limit(100, 1_000)? };
        let rows = self.income.iter().filter(|row| only.is_none_or(|place| row.place == Some(place)));
        let rows: Vec<&Income> = rows.filter(|row| kind.is_none_or(|kind| row.kind == kind)).collect();
        let rows = page.take(rows, |row| row.id, |row| row.at.0);
        let row = |row: &Income| {
            json!({
                "symbol": row.place.map_or("", |place| view.tapes[place].name.as_str()), "incomeType": row.kind,
                "income": money(row.amount), "asset": "USDT", "time": row.at.0, "info": row.kind, "tranId": row.id,
                "tradeId": row.trade.map(|id| id.to_string()).unwrap_or_default(),
            })
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

fn trade_row(view: View<'_>, trade: &Trade) -> Value {
    let tape = &view.tapes[trade.place];
    json!({
        "symbol": tape.name, "id": trade.id, "orderId": trade.order, "side": side_name(trade.side),
        "price": fixed(trade.price, tape.price.digits()), "qty": fixed(trade.qty, tape.qty.digits()),
        "realizedPnl": money(trade.realised), "quoteQty": (trade.price * trade.qty).normalize().to_string(),
        "commission": money(trade.fee), "commissionAsset": "USDT", "time": trade.at.0, "positionSide": "BOTH",
        "buyer": trade.side == OrderSide::Buy, "maker": trade.maker, "marginAsset": "USDT",
    })
}
