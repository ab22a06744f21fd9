//! The rules of markets. The list has a thousand of them in more than a megabyte, so each is read, and kept if it is configured.
//!
//! A market that is configured and not offered is one that we cannot trade: another kind of contract, or rules that cannot be.

use super::{
    Binance,
    fields::{Scalar, garbled, read},
    responses::Rows,
};
use crate::{
    exchange::{Garbled, Listing, Market, MarketStatus},
    market::{Instrument, LARGEST_AMOUNT, LARGEST_QTY, SymbolId},
};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};

/// Perpetuals on coins, and on shares and metals.
const PERPETUALS: [&str; 2] = ["PERPETUAL", "TRADIFI_PERPETUAL"];
const CURRENCY: &str = "USDT";
/// A limit outside of this is not believed.
const WEIGHT_LIMITS: std::ops::RangeInclusive<i64> = 10..=10_000_000;

impl Binance {
    pub(super) fn read_listing(&self, body: &[u8]) -> Result<Listing, Garbled> {
        let mut found: Vec<Option<Market>> = self.names.iter().map(|_| None).collect();
        let mut head = Head::default();
        read("listing", body, Body { codec: self, found: &mut found, head: &mut head })?;
        if !head.has_markets {
            return Err(garbled("listing", "it has no markets"));
        }
        let markets = found.into_iter().flatten().collect();
        Ok(Listing { markets, weight_limit: head.weight_limit, order_limits: head.order_limits, listed: head.listed })
    }

    fn market(&self, symbol: SymbolId, row: &MarketRow<'_>) -> Option<Market> {
        let is = |field: &Scalar<'_>, word| field.text() == Some(word);
        let perpetual = row.contract_type.text().is_some_and(|kind| PERPETUALS.contains(&kind));
        if !perpetual || !is(&row.quote_asset, CURRENCY) || !is(&row.margin_asset, CURRENCY) {
            return None;
        }
        let rules = row.filters.rules()?;
        let delisted_at = row.delivery_date.time("delivery date").ok(); // beyond 2100 or 0: none
        Some(Market {
            symbol,
            instrument: Instrument {
                symbol: self.symbols.get(symbol.index())?.clone(),
                tick: rules.tick,
                step: rules.step,
                min_qty: rules.min_qty,
                min_notional: rules.min_notional,
            },
            status: status(&row.status),
            contract: Decimal::ONE,
            max_market_qty: rules.max_market_qty,
            delisted_at,
        })
    }
}

/// A word that is not known is no leave to trade.
fn status(word: &Scalar<'_>) -> MarketStatus {
    match word.text() {
        Some("TRADING") => MarketStatus::Trading,
        Some("CLOSE" | "DELIVERED") => MarketStatus::Closed,
        _ => MarketStatus::Paused,
    }
}

/// What a listing says outside of its markets, and how many they are.
#[derive(Debug, Default)]
struct Head {
    weight_limit: Option<u32>,
    order_limits: [Option<u32>; 2],
    listed: usize,
    has_markets: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MarketRow<'a> {
    #[serde(borrow)]
    symbol: Scalar<'a>,
    contract_type: Scalar<'a>,
    quote_asset: Scalar<'a>,
    margin_asset: Scalar<'a>,
    status: Scalar<'a>,
    delivery_date: Scalar<'a>,
    filters: Filters<'a>,
}

/// The filters that matter, the last of each kind. Prices and quantities have their digits from here: `pricePrecision` is something else.
#[derive(Default)]
struct Filters<'a> {
    price: FilterRow<'a>,
    lot: FilterRow<'a>,
    market_lot: FilterRow<'a>,
    notional: FilterRow<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FilterRow<'a> {
    #[serde(borrow)]
    filter_type: Scalar<'a>,
    tick_size: Scalar<'a>,
    step_size: Scalar<'a>,
    min_qty: Scalar<'a>,
    max_qty: Scalar<'a>,
    notional: Scalar<'a>,
}

struct Rules {
    tick: Decimal,
    step: Decimal,
    min_qty: Decimal,
    min_notional: Decimal,
    max_market_qty: Option<Decimal>,
}

impl Filters<'_> {
    /// For market orders, which keep the finer of two filters by keeping the coarser. `None` where no order could keep all of them.
    fn rules(&self) -> Option<Rules> {
        let positive = |value: Option<Decimal>| value.filter(|value| *value > Decimal::ZERO);
        let (lot, market) = (&self.lot, &self.market_lot);
        let tick = positive(self.price.tick_size.decimal())?;
        let lot_step = positive(lot.step_size.decimal())?;
        let market_step = positive(market.step_size.decimal()).unwrap_or(lot_step);
        let step = lot_step.max(market_step);
        let min_qty = lot.min_qty.decimal()?.max(market.min_qty.decimal().unwrap_or_default()).max(step);
        let min_notional = self.notional.notional.decimal().filter(|least| *least >= Decimal::ZERO)?;
        let max_market_qty = positive(market.max_qty.decimal()).or_else(|| positive(lot.max_qty.decimal()));

        let both_steps = (step % lot_step.min(market_step)).is_zero();
        let some_qty = max_market_qty.is_none_or(|most| most >= min_qty);
        let sizes =
            step <= LARGEST_QTY && min_qty <= LARGEST_QTY && tick <= LARGEST_AMOUNT && min_notional <= LARGEST_AMOUNT;
        (both_steps && some_qty && sizes).then_some(Rules { tick, step, min_qty, min_notional, max_market_qty })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Filters<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Filters<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("filters")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut filters = Filters::default();
                while let Some(row) = rows.next_element::<FilterRow<'de>>()? {
                    match row.filter_type.text() {
                        Some("PRICE_FILTER") => filters.price = row,
                        Some("LOT_SIZE") => filters.lot = row,
                        Some("MARKET_LOT_SIZE") => filters.market_lot = row,
                        Some("MIN_NOTIONAL") => filters.notional = row,
                        _ => {}
                    }
                }
                Ok(filters)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LimitRow<'a> {
    #[serde(borrow)]
    rate_limit_type: Scalar<'a>,
    interval: Scalar<'a>,
    interval_num: Scalar<'a>,
    limit: Scalar<'a>,
}

impl LimitRow<'_> {
    fn weight_a_minute(&self) -> Option<u32> {
        let a_minute = self.interval.text() == Some("MINUTE") && self.interval_num.whole() == Some(1);
        let limit = self.limit.whole().filter(|limit| WEIGHT_LIMITS.contains(limit))?;
        (a_minute && self.rate_limit_type.text() == Some("REQUEST_WEIGHT")).then(|| u32::try_from(limit).ok())?
    }

    /// Of ten seconds (0) or of a minute (1).
    fn orders(&self) -> Option<(usize, u32)> {
        let window = match (self.interval.text()?, self.interval_num.whole()?) {
            ("SECOND", 10) => 0,
            ("MINUTE", 1) => 1,
            _ => return None,
        };
        let limit = self.limit.whole().and_then(|limit| u32::try_from(limit).ok())?;
        (self.rate_limit_type.text() == Some("ORDERS")).then_some((window, limit))
    }
}

/// The whole answer, taken row by row.
struct Body<'a> {
    codec: &'a Binance,
    found: &'a mut Vec<Option<Market>>,
    head: &'a mut Head,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    RateLimits,
    Symbols,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a listing")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { codec, found, head } = self;
        while let Some(key) = fields.next_key::<Key>()? {
            match key {
                Key::Symbols => {
                    head.has_markets = true;
                    let take = |row: MarketRow<'de>| {
                        head.listed += 1;
                        if let Some(symbol) = row.symbol.text().and_then(|name| codec.find(name)) {
                            found[symbol.index()] = codec.market(symbol, &row);
                        }
                        Ok(())
                    };
                    fields.next_value_seed(Rows { take, row: PhantomData })?;
                }
                Key::RateLimits => {
                    let take = |row: LimitRow<'de>| {
                        head.weight_limit = row.weight_a_minute().or(head.weight_limit);
                        if let Some((window, limit)) = row.orders() {
                            head.order_limits[window] = Some(limit);
                        }
                        Ok(())
                    };
                    fields.next_value_seed(Rows { take, row: PhantomData })?;
                }
                Key::Other => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
