//! The account's stream.

use super::rows::{self, OrderFields, TradeFields};
use crate::{
    exchange::{
        Garbled,
        binance::{
            Binance,
            fields::{self, Scalar, clean, garbled},
        },
        private::{Force, Report},
    },
    market::{PositionView, SymbolId},
};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::marker::PhantomData;

/// How the exchange's own orders are called, by why it sends them.
const FORCED: [(&str, Force); 3] = [
    ("adl_autoclose", Force::Deleveraging),
    ("settlement_autoclose-", Force::Delisting),
    ("autoclose-", Force::Liquidation),
];
/// The longest reason of a change, in characters.
const LONGEST_REASON: usize = 40;

impl Binance {
    pub(super) fn read_user(&self, frame: &[u8], reports: &mut Vec<Report>) -> Result<(), Garbled> {
        let head: Envelope<Head<'_>> = fields::read("frame", frame, PhantomData)?;
        let report = match head.event().kind.text() {
            Some("ORDER_TRADE_UPDATE") => self.order_changed(&event(frame)?.order)?,
            Some("ALGO_UPDATE") => self.conditional_changed(&event(frame)?.order)?,
            Some("ACCOUNT_UPDATE") => {
                let event = event(frame)?;
                reports.extend(self.paid(&event));
                self.account_changed(&event.account)?
            }
            Some("ACCOUNT_CONFIG_UPDATE") => self.leverage_changed(&event(frame)?.config)?,
            Some("MARGIN_CALL") => Report::MarginCall,
            Some("listenKeyExpired") => Report::Expired,
            // comes before the whole report of the same trade
            Some("TRADE_LITE") => Report::Nothing,
            _ => Report::Unknown,
        };
        reports.push(report);
        Ok(())
    }

    fn order_changed(&self, order: &Order<'_>) -> Result<Report, Garbled> {
        rows::one_way(&order.position_side)?;
        let Some(view) = order.fields(false).read(self)? else { return Ok(Report::Nothing) };
        let traded = matches!(order.happened.text(), Some("TRADE" | "CALCULATED"));
        let is_empty = order.last_qty.decimal().is_some_and(|qty| qty.is_zero());
        let trade = if traded && !is_empty { Some(order.trade().read(view.symbol)?) } else { None };
        let forced = FORCED.into_iter().find(|(start, _)| view.name.starts_with(start)).map(|(_, why)| why);
        Ok(match (forced, trade) {
            (Some(why), Some(trade)) => Report::Forced(why, trade),
            // its order, which is none of ours
            (Some(_), None) => Report::Nothing,
            (None, trade) => Report::Order(view, trade),
        })
    }

    fn conditional_changed(&self, order: &Order<'_>) -> Result<Report, Garbled> {
        rows::one_way(&order.position_side)?;
        let view = order.fields(true).read(self)?;
        Ok(view.map_or(Report::Nothing, |view| Report::Order(view, None)))
    }

    fn account_changed(&self, account: &Account<'_>) -> Result<Report, Garbled> {
        let reason = clean(account.reason.text().unwrap_or_default(), LONGEST_REASON);
        let mut balance: Option<Decimal> = None;
        for row in account.balances.iter().filter(|row| matches!(row.asset.text(), Some("USDT" | "BNFCR"))) {
            let held = row.wallet.decimal().ok_or_else(|| row.wallet.garbled("balance"))?;
            balance = Some(balance.unwrap_or_default() + held);
        }
        let (mut positions, mut closed): (Vec<PositionView>, Vec<SymbolId>) = (Vec::new(), Vec::new());
        for row in &account.positions {
            let name = row.symbol.text().ok_or_else(|| row.symbol.garbled("symbol of a position"))?;
            let Some(symbol) = self.find(name) else { continue };
            rows::one_way(&row.side)?;
            match rows::position(symbol, &row.amount, &row.entry)? {
                Some(position) => positions.push(position),
                None => closed.push(symbol),
            }
        }
        Ok(Report::Account { reason, balance, positions, closed })
    }

    /// What a change for funding comes to, where the message says it. Its symbol stands beside it, or is that of the position with its own
    /// margin.
    fn paid(&self, event: &Event<'_>) -> Option<Report> {
        let account = &event.account;
        let is_usdt = |row: &&Balance<'_>| matches!(row.asset.text(), Some("USDT" | "BNFCR"));
        if account.reason.text() != Some("FUNDING_FEE") || !account.balances.iter().any(|row| is_usdt(&row)) {
            return None;
        }
        let changes = account.balances.iter().filter(is_usdt).map(|row| row.change.decimal());
        let received: Decimal = changes.sum::<Option<_>>()?;
        let only = account.positions.first().filter(|_| account.positions.len() == 1);
        let name = event.symbol.text().or_else(|| only?.symbol.text());
        let symbol = name.and_then(|name| self.find(name));
        Some(Report::Funding { symbol, amount: -received, at: event.at.time("time of funding").ok()? })
    }

    fn leverage_changed(&self, config: &Config<'_>) -> Result<Report, Garbled> {
        let Some(symbol) = config.symbol.text().and_then(|name| self.find(name)) else { return Ok(Report::Nothing) };
        let leverage = config.leverage.whole().and_then(|leverage| u32::try_from(leverage).ok());
        leverage.map(|leverage| Report::Leverage(symbol, leverage)).ok_or_else(|| garbled("leverage", "is no number"))
    }
}

/// The message, once its kind says that its letters stand for these things.
fn event(frame: &[u8]) -> Result<Event<'_>, Garbled> {
    fields::read("frame", frame, PhantomData).map(Envelope::event)
}

/// With or without the name of the stream around it.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    #[serde(flatten)]
    bare: T,
}

impl<T> Envelope<T> {
    fn event(self) -> T {
        self.data.unwrap_or(self.bare)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow, rename = "e")]
    kind: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "o")]
    order: Order<'a>,
    #[serde(rename = "a")]
    account: Account<'a>,
    #[serde(rename = "ac")]
    config: Config<'a>,
    #[serde(rename = "S")]
    symbol: Scalar<'a>,
    #[serde(rename = "T")]
    at: Scalar<'a>,
}

/// An order or an algo order: one letter may stand for two things, by the kind of message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order<'a> {
    #[serde(borrow, rename = "s")]
    symbol: Scalar<'a>,
    #[serde(rename = "c")]
    name: Scalar<'a>,
    #[serde(rename = "caid")]
    algo_name: Scalar<'a>,
    #[serde(rename = "i")]
    number: Scalar<'a>,
    #[serde(rename = "aid")]
    algo_number: Scalar<'a>,
    #[serde(rename = "ai")]
    spawned: Scalar<'a>,
    #[serde(rename = "S")]
    side: Scalar<'a>,
    #[serde(rename = "o")]
    kind: Scalar<'a>,
    #[serde(rename = "f")]
    until: Scalar<'a>,
    #[serde(rename = "p")]
    price: Scalar<'a>,
    #[serde(rename = "sp")]
    stop: Scalar<'a>,
    #[serde(rename = "tp")]
    trigger: Scalar<'a>,
    #[serde(rename = "q")]
    qty: Scalar<'a>,
    #[serde(rename = "z")]
    filled: Scalar<'a>,
    #[serde(rename = "aq")]
    spawned_filled: Scalar<'a>,
    #[serde(rename = "R")]
    reduce_only: Scalar<'a>,
    #[serde(rename = "X")]
    status: Scalar<'a>,
    #[serde(rename = "x")]
    happened: Scalar<'a>,
    #[serde(rename = "ps")]
    position_side: Scalar<'a>,
    #[serde(rename = "t")]
    trade: Scalar<'a>,
    #[serde(rename = "l")]
    last_qty: Scalar<'a>,
    #[serde(rename = "L")]
    last_price: Scalar<'a>,
    #[serde(rename = "n")]
    fee: Scalar<'a>,
    #[serde(rename = "N")]
    coin: Scalar<'a>,
    #[serde(rename = "T")]
    at: Scalar<'a>,
}

impl<'a> Order<'a> {
    fn fields(&self, conditional: bool) -> OrderFields<'a> {
        let either = |of_algo: &Scalar<'a>, of_order: &Scalar<'a>| {
            if conditional { of_algo.clone() } else { of_order.clone() }
        };
        OrderFields {
            symbol: self.symbol.clone(),
            name: either(&self.algo_name, &self.name),
            number: either(&self.algo_number, &self.number),
            spawned: either(&self.spawned, &Scalar::Missing),
            side: self.side.clone(),
            kind: self.kind.clone(),
            post_only: self.until.text() == Some("GTX"),
            price: self.price.clone(),
            trigger: either(&self.trigger, &self.stop),
            qty: self.qty.clone(),
            filled: either(&self.spawned_filled, &self.filled),
            reduce_only: self.reduce_only.clone(),
            status: self.status.clone(),
            conditional,
        }
    }

    fn trade(&self) -> TradeFields<'a> {
        TradeFields {
            order: self.number.clone(),
            trade: self.trade.clone(),
            side: self.side.clone(),
            qty: self.last_qty.clone(),
            price: self.last_price.clone(),
            fee: self.fee.clone(),
            coin: self.coin.clone(),
            at: self.at.clone(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account<'a> {
    #[serde(borrow, rename = "m")]
    reason: Scalar<'a>,
    #[serde(rename = "B")]
    balances: Vec<Balance<'a>>,
    #[serde(rename = "P")]
    positions: Vec<Position<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Balance<'a> {
    #[serde(borrow, rename = "a")]
    asset: Scalar<'a>,
    #[serde(rename = "wb")]
    wallet: Scalar<'a>,
    #[serde(rename = "bc")]
    change: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position<'a> {
    #[serde(borrow, rename = "s")]
    symbol: Scalar<'a>,
    #[serde(rename = "pa")]
    amount: Scalar<'a>,
    #[serde(rename = "ep")]
    entry: Scalar<'a>,
    #[serde(rename = "ps")]
    side: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config<'a> {
    #[serde(borrow, rename = "s")]
    symbol: Scalar<'a>,
    #[serde(rename = "l")]
    leverage: Scalar<'a>,
}
