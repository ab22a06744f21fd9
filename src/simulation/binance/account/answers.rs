//! What requests about the account as a whole answer.

use super::{
    super::query::{Query, Refusal},
    ledger::{Account, View, mark},
    margin::{brackets, most_notional},
    terms,
    text::{fixed, money},
    trading::{MAKER, TAKER},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Sums over the account.
struct Sums {
    unrealised: Decimal,
    cross_unrealised: Decimal,
    maintenance: Decimal,
    positions: Decimal,
    orders: Decimal,
    available: Decimal,
}

impl Account {
    fn sums(&self, view: View<'_>) -> Sums {
        let places = || 0..self.markets.len();
        Sums {
            unrealised: places().map(|place| self.unrealised(view, place)).sum(),
            cross_unrealised: self.cross_unrealised(view),
            maintenance: places().map(|place| self.maintenance(view, place)).sum(),
            positions: places().map(|place| self.position_margin(view, place)).sum(),
            orders: places().map(|place| self.order_margin(place, None)).sum(),
            available: self.available(view).max(Decimal::ZERO),
        }
    }

    /// `GET /fapi/v2/balance` and `v3`.
    pub fn balance(&self, view: View<'_>) -> Value {
        let Sums { cross_unrealised, available, .. } = self.sums(view);
        json!([{
            "accountAlias": format!("played{}", self.index), "asset": "USDT", "balance": money(self.wallet),
            "crossWalletBalance": money(self.cross_wallet()), "crossUnPnl": money(cross_unrealised),
            "availableBalance": money(available), "maxWithdrawAmount": money(available), "marginAvailable": true,
            "updateTime": view.now.0,
        }])
    }

    /// `GET /fapi/v2/account` with every market, and `v3` with those that have a position or an order.
    pub fn account(&self, view: View<'_>, version: u8) -> Value {
        let sums = self.sums(view);
        let asset = json!({
            "asset": "USDT", "walletBalance": money(self.wallet), "unrealizedProfit": money(sums.unrealised),
            "marginBalance": money(self.wallet + sums.unrealised), "maintMargin": money(sums.maintenance),
            "initialMargin": money(sums.positions + sums.orders), "positionInitialMargin": money(sums.positions),
            "openOrderInitialMargin": money(sums.orders), "crossWalletBalance": money(self.cross_wallet()),
            "crossUnPnl": money(sums.cross_unrealised), "availableBalance": money(sums.available),
            "maxWithdrawAmount": money(sums.available), "marginAvailable": true, "updateTime": view.now.0,
        });
        let places = (0..self.markets.len()).filter(|place| version < 3 || self.is_busy(*place));
        let positions: Vec<Value> = places.map(|place| self.account_position(view, place, version)).collect();
        let mut value = json!({
            "totalInitialMargin": money(sums.positions + sums.orders), "totalMaintMargin": money(sums.maintenance),
            "totalWalletBalance": money(self.wallet), "totalUnrealizedProfit": money(sums.unrealised),
            "totalMarginBalance": money(self.wallet + sums.unrealised), "totalPositionInitialMargin": money(sums.positions),
            "totalOpenOrderInitialMargin": money(sums.orders), "totalCrossWalletBalance": money(self.cross_wallet()),
            "totalCrossUnPnl": money(sums.cross_unrealised), "availableBalance": money(sums.available),
            "maxWithdrawAmount": money(sums.available), "assets": [asset], "positions": positions,
        });
        if version < 3 {
            merge(&mut value, self.config());
        }
        value
    }

    fn is_busy(&self, place: usize) -> bool {
        self.markets[place].position.is_some() || self.orders.iter().any(|order| order.place == place)
    }

    fn account_position(&self, view: View<'_>, place: usize, version: u8) -> Value {
        let (tape, market) = (&view.tapes[place], &self.markets[place]);
        let (positions, orders) = (self.position_margin(view, place), self.order_margin(place, None));
        let mut value = json!({
            "symbol": tape.name, "positionSide": "BOTH", "positionAmt": fixed(self.held(place), tape.qty.digits()),
            "unrealizedProfit": money(self.unrealised(view, place)), "isolatedMargin": money(self.isolated_margin(view, place)),
            "notional": money(self.signed_value(view, place)), "isolatedWallet": money(market.margin),
            "initialMargin": money(positions + orders), "maintMargin": money(self.maintenance(view, place)),
            "updateTime": market.updated.0,
        });
        if version < 3 {
            merge(
                &mut value,
                json!({
                    "positionInitialMargin": money(positions), "openOrderInitialMargin": money(orders),
                    "leverage": market.leverage.to_string(), "isolated": market.isolated,
                    "entryPrice": self.entry(place).to_string(), "breakEvenPrice": self.entry(place).to_string(),
                    "maxNotional": most_notional(&market.tiers, market.leverage).normalize().to_string(),
                    "bidNotional": "0", "askNotional": "0",
                }),
            );
        }
        value
    }

    fn signed_value(&self, view: View<'_>, place: usize) -> Decimal {
        let value = self.value(view, place);
        if self.held(place).is_sign_negative() { -value } else { value }
    }

    fn isolated_margin(&self, view: View<'_>, place: usize) -> Decimal {
        let market = &self.markets[place];
        if market.isolated { market.margin + self.unrealised(view, place) } else { Decimal::ZERO }
    }

    /// `GET /fapi/v2/positionRisk` with every market, and `v3` with those that have a position or an order.
    pub fn position_risk(&self, view: View<'_>, query: &Query, version: u8) -> Result<Value, Refusal> {
        let only = if query.get("symbol").is_some() { Some(terms::place(view, query)?) } else { None };
        let places = (0..self.markets.len()).filter(|place| only.is_none_or(|only| only == *place));
        let places = places.filter(|place| version < 3 || self.is_busy(*place));
        Ok(places.map(|place| self.risk_row(view, place, version)).collect())
    }

    fn risk_row(&self, view: View<'_>, place: usize, version: u8) -> Value {
        let (tape, market) = (&view.tapes[place], &self.markets[place]);
        let lost_at = self.liquidated_at(view, place).unwrap_or_default();
        let mut value = json!({
            "symbol": tape.name, "positionSide": "BOTH", "positionAmt": fixed(self.held(place), tape.qty.digits()),
            "entryPrice": self.entry(place).to_string(), "breakEvenPrice": self.entry(place).to_string(),
            "markPrice": money(mark(view, place)), "unRealizedProfit": money(self.unrealised(view, place)),
            "liquidationPrice": lost_at.round_dp(8).normalize().to_string(),
            "isolatedMargin": money(self.isolated_margin(view, place)), "notional": money(self.signed_value(view, place)),
            "isolatedWallet": money(market.margin), "updateTime": market.updated.0,
        });
        let (positions, orders) = (self.position_margin(view, place), self.order_margin(place, None));
        let more = if version < 3 {
            json!({
                "leverage": market.leverage.to_string(), "marginType": if market.isolated { "isolated" } else { "cross" },
                "isAutoAddMargin": "false",
                "maxNotionalValue": most_notional(&market.tiers, market.leverage).normalize().to_string(),
            })
        } else {
            json!({
                "marginAsset": "USDT", "initialMargin": money(positions + orders),
                "maintMargin": money(self.maintenance(view, place)), "positionInitialMargin": money(positions),
                "openOrderInitialMargin": money(orders), "adl": 1, "bidNotional": "0", "askNotional": "0",
            })
        };
        merge(&mut value, more);
        value
    }

    /// `GET /fapi/v1/accountConfig`.
    pub fn config(&self) -> Value {
        json!({
            "feeTier": 0, "canTrade": true, "canDeposit": true, "canWithdraw": false, "dualSidePosition": self.hedge,
            "updateTime": 0, "multiAssetsMargin": self.multi_assets, "tradeGroupId": -1,
        })
    }

    /// `GET /fapi/v1/symbolConfig`.
    pub fn symbol_config(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        self.one_or_all(view, query, |place| {
            let market = &self.markets[place];
            json!({
                "symbol": view.tapes[place].name, "marginType": if market.isolated { "ISOLATED" } else { "CROSSED" },
                "isAutoAddMargin": false, "leverage": market.leverage,
                "maxNotionalValue": most_notional(&market.tiers, market.leverage).normalize().to_string(),
            })
        })
    }

    /// `GET /fapi/v1/leverageBracket`.
    pub fn leverage_bracket(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let number = |value: Decimal| json!(crate::market::float(value));
        self.one_or_all(view, query, |place| {
            let rows = brackets(&self.markets[place].tiers);
            let rows = rows.iter().enumerate().map(|(at, row)| {
                json!({
                    "bracket": at + 1, "initialLeverage": row.leverage, "notionalCap": number(row.cap),
                    "notionalFloor": number(row.floor), "maintMarginRatio": number(row.rate), "cum": number(row.cum),
                })
            });
            json!({ "symbol": view.tapes[place].name, "brackets": rows.collect::<Vec<_>>() })
        })
    }

    /// `GET /fapi/v1/adlQuantile`.
    pub fn adl_quantile(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        self.one_or_all(
            view,
            query,
            |place| json!({ "symbol": view.tapes[place].name, "adlQuantile": { "LONG": 0, "SHORT": 0, "BOTH": 0 } }),
        )
    }

    /// `GET /fapi/v1/commissionRate`.
    pub fn commission_rate(&self, view: View<'_>, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        Ok(json!({
            "symbol": view.tapes[place].name, "makerCommissionRate": MAKER.normalize().to_string(),
            "takerCommissionRate": TAKER.normalize().to_string(),
        }))
    }

    fn one_or_all(&self, view: View<'_>, query: &Query, row: impl Fn(usize) -> Value) -> Result<Value, Refusal> {
        let only = if query.get("symbol").is_some() { Some(terms::place(view, query)?) } else { None };
        let places = (0..self.markets.len()).filter(|place| only.is_none_or(|only| only == *place));
        Ok(places.map(row).collect())
    }
}

fn merge(value: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
        fields.extend(more);
    }
}
