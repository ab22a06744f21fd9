//! Orders, positions and trades, as answers and the stream write them. Of a row that says nothing sure nothing is believed.

use crate::{
    exchange::{
        Garbled,
        binance::{
            Binance,
            fields::{Scalar, clean, garbled},
        },
        private::{AccountTrade, Fee, OrderView, Status},
    },
    market::{ClientId, LARGEST_QTY, OrderKind, OrderSide, PositionView, Side, SymbolId},
};
use rust_decimal::Decimal;

/// A name of an order, in characters: what is longer is none.
const LONGEST_NAME: usize = 36;

/// The fields of an order under whatever names.
#[derive(Debug, Default)]
pub(super) struct OrderFields<'a> {
    pub symbol: Scalar<'a>,
    pub name: Scalar<'a>,
    pub number: Scalar<'a>,
    pub spawned: Scalar<'a>,
    pub side: Scalar<'a>,
    pub kind: Scalar<'a>,
    pub post_only: bool,
    pub price: Scalar<'a>,
    pub trigger: Scalar<'a>,
    pub qty: Scalar<'a>,
    pub filled: Scalar<'a>,
    pub reduce_only: Scalar<'a>,
    pub status: Scalar<'a>,
    pub conditional: bool,
}

impl OrderFields<'_> {
    /// The order, or `None` where its market is none of ours.
    pub fn read(&self, codec: &Binance) -> Result<Option<OrderView>, Garbled> {
        let name = self.symbol.text().ok_or_else(|| self.symbol.garbled("symbol of an order"))?;
        let Some(symbol) = codec.find(name) else { return Ok(None) };
        let name = self.name.text().unwrap_or_default();
        Ok(Some(OrderView {
            id: ClientId::new(name),
            name: clean(name, LONGEST_NAME),
            number: number(&self.number, "number of an order")?,
            spawned: self.spawned.whole().and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0),
            conditional: self.conditional,
            symbol,
            side: side(&self.side)?,
            kind: self.kind()?,
            qty: quantity(&self.qty, "quantity of an order")?,
            filled: if self.filled.text() == Some("") || self.filled == Scalar::Missing {
                Decimal::ZERO
            } else {
                quantity(&self.filled, "executed quantity")?
            },
            reduce_only: self.reduce_only.flag().unwrap_or_default(),
            status: self.status()?,
        }))
    }

    fn kind(&self) -> Result<Option<OrderKind>, Garbled> {
        Ok(match self.kind.text() {
            Some("MARKET") => Some(OrderKind::Market),
            Some("LIMIT") => Some(OrderKind::Limit {
                price: above_zero(&self.price, "price of an order")?,
                post_only: self.post_only,
            }),
            Some("STOP_MARKET") => Some(OrderKind::StopMarket { trigger: above_zero(&self.trigger, "trigger")? }),
            Some("TAKE_PROFIT_MARKET") => {
                Some(OrderKind::TakeProfitMarket { trigger: above_zero(&self.trigger, "trigger")? })
            }
            Some(_) => None,
            None => return Err(self.kind.garbled("type of an order")),
        })
    }

    fn status(&self) -> Result<Status, Garbled> {
        let is_executed = || self.filled.decimal().is_some_and(|filled| filled > Decimal::ZERO);
        Ok(match self.status.text() {
            Some("NEW" | "PARTIALLY_FILLED") => Status::Open,
            Some("TRIGGERING") => Status::Triggering,
            Some("TRIGGERED") => Status::Triggered,
            Some("FILLED") => Status::Filled,
            // of a stop or target whose order has ended, filled or not
            Some("FINISHED") => {
                if is_executed() {
                    Status::Filled
                } else {
                    Status::Cancelled
                }
            }
            Some("CANCELED") => Status::Cancelled,
            Some("EXPIRED" | "EXPIRED_IN_MATCH") => Status::Expired,
            Some("REJECTED") => Status::Rejected,
            // one of its own words for a liquidation, among others: it has not ended
            Some(word) if word.starts_with("NEW_") => Status::Open,
            _ => return Err(self.status.garbled("status of an order")),
        })
    }
}

/// The fields of a trade under whatever names.
#[derive(Debug, Default)]
pub(super) struct TradeFields<'a> {
    pub order: Scalar<'a>,
    pub trade: Scalar<'a>,
    pub side: Scalar<'a>,
    pub qty: Scalar<'a>,
    pub price: Scalar<'a>,
    pub fee: Scalar<'a>,
    pub coin: Scalar<'a>,
    pub at: Scalar<'a>,
}

impl TradeFields<'_> {
    /// The trade, of a market that is ours.
    pub fn read(&self, symbol: SymbolId) -> Result<AccountTrade, Garbled> {
        let qty = above_zero(&self.qty, "quantity of a trade")?;
        let price = above_zero(&self.price, "price of a trade")?;
        if qty > LARGEST_QTY {
            return Err(self.qty.garbled("quantity of a trade"));
        }
        let fee = match (self.fee.decimal(), self.coin.text()) {
            // a credit that some accounts hold is worth a USDT
            (Some(fee), Some("USDT" | "BNFCR")) => Fee::Usdt(fee),
            (Some(fee), Some(_)) => Fee::Other(fee),
            // nothing was paid, so no coin is named
            (None, None) if self.fee == Scalar::Missing => Fee::Usdt(Decimal::ZERO),
            _ => return Err(self.fee.garbled("fee of a trade")),
        };
        Ok(AccountTrade {
            order: number(&self.order, "number of an order")?,
            trade_id: number(&self.trade, "number of a trade")?,
            symbol,
            side: side(&self.side)?,
            qty,
            price,
            fee,
            at: self.at.time("time of a trade")?,
        })
    }
}

/// A position of `amount`, negative for a short; `None` where there is none.
pub(super) fn position(
    symbol: SymbolId,
    amount: &Scalar<'_>,
    entry: &Scalar<'_>,
) -> Result<Option<PositionView>, Garbled> {
    let held = amount.decimal().filter(|held| held.abs() <= LARGEST_QTY).ok_or_else(|| amount.garbled("position"))?;
    if held.is_zero() {
        return Ok(None);
    }
    let side = if held > Decimal::ZERO { Side::Long } else { Side::Short };
    // an average has more digits than any price
    let entry_price = entry.number().and_then(crate::market::decimal).filter(|price| *price > Decimal::ZERO);
    let entry_price = entry_price.ok_or_else(|| entry.garbled("entry price"))?;
    Ok(Some(PositionView { symbol, side, qty: held.abs(), entry_price }))
}

pub(super) fn number(of: &Scalar<'_>, what: &'static str) -> Result<u64, Garbled> {
    of.whole().and_then(|number| u64::try_from(number).ok()).ok_or_else(|| of.garbled(what))
}

fn above_zero(of: &Scalar<'_>, what: &'static str) -> Result<Decimal, Garbled> {
    of.decimal().filter(|value| *value > Decimal::ZERO).ok_or_else(|| of.garbled(what))
}

fn quantity(of: &Scalar<'_>, what: &'static str) -> Result<Decimal, Garbled> {
    of.decimal().filter(|qty| (Decimal::ZERO..=LARGEST_QTY).contains(qty)).ok_or_else(|| of.garbled(what))
}

fn side(of: &Scalar<'_>) -> Result<OrderSide, Garbled> {
    match of.text() {
        Some("BUY") => Ok(OrderSide::Buy),
        Some("SELL") => Ok(OrderSide::Sell),
        _ => Err(of.garbled("side")),
    }
}

/// Of a mode that has two sides at once a position of one side cannot be told from ours.
pub(super) fn one_way(side: &Scalar<'_>) -> Result<(), Garbled> {
    match side.text() {
        Some("LONG" | "SHORT") => Err(garbled("position side", "of an account in hedge mode")),
        _ => Ok(()),
    }
}
