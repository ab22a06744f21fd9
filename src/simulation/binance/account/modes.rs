//! How an account trades: leverage, margin type, position mode, multi-assets mode.

use super::{
    super::query::{Query, Refusal, refused},
    events,
    ledger::{Account, Log, View},
    margin::{MOST_LEVERAGE, brackets, most_notional},
    record::What,
    terms,
    text::{flag, needed},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn success() -> Value {
    json!({ "code": 200, "msg": "success" })
}

impl Account {
    fn note(&self, view: View<'_>, log: &mut Log, place: Option<usize>, text: String) {
        let name = place.map_or("", |place| view.tapes[place].name.as_str());
        log.record.add(view.now, self.index, name, What::Note { text });
    }

    /// `POST /fapi/v1/leverage`.
    pub fn set_leverage(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        query.need("leverage")?;
        let leverage = query.whole("leverage")?.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or_default();
        let most =
            brackets(&self.markets[place].tiers).first().map_or(1, |bracket| bracket.leverage.min(MOST_LEVERAGE));
        if !(1..=most).contains(&leverage) {
            return Err(refused(-4028, format!("Leverage {leverage} is not valid")));
        }
        let market = &self.markets[place];
        if market.isolated && market.position.is_some() && leverage < market.leverage {
            let text = "Leverage reduction is not supported in Isolated Margin Mode with open positions.";
            return Err(refused(-4161, text));
        }
        let most = most_notional(&market.tiers, leverage);
        if self.value(view, place) > most {
            return Err(refused(-2027, "Exceeded the maximum allowable position at current leverage."));
        }
        self.flip_leverage(view, log, place, leverage);
        let name = &view.tapes[place].name;
        Ok(json!({ "leverage": leverage, "maxNotionalValue": most.normalize().to_string(), "symbol": name }))
    }

    /// Changes leverage whatever stands against it, and tells the account where it did change.
    pub fn flip_leverage(&mut self, view: View<'_>, log: &mut Log, place: usize, leverage: u32) {
        if self.markets[place].leverage != leverage {
            self.markets[place].leverage = leverage;
            log.said.push((self.index, events::leverage(view, place, leverage)));
            self.note(view, log, Some(place), format!("leverage {leverage}"));
        }
    }

    /// `POST /fapi/v1/marginType`.
    pub fn set_margin_type(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let place = terms::place(view, query)?;
        let isolated = match query.need("marginType")? {
            "ISOLATED" => true,
            "CROSSED" | "CROSS" => false,
            _ => return Err(refused(-4055, "Margin type is not valid.")),
        };
        let market = &self.markets[place];
        if self.multi_assets && isolated {
            return Err(refused(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode."));
        }
        if market.isolated == isolated {
            return Err(refused(-4046, "No need to change margin type."));
        }
        let waits = self.orders.iter().any(|order| order.place == place) || self.algos.iter().any(|a| a.place == place);
        if waits {
            return Err(refused(-4047, "Margin type cannot be changed if there exists open orders."));
        }
        if market.position.is_some() {
            return Err(refused(-4048, "Margin type cannot be changed if there exists position."));
        }
        self.flip_margin_type(view, log, place, isolated);
        Ok(success())
    }

    /// Changes the margin type whatever stands against it.
    pub fn flip_margin_type(&mut self, view: View<'_>, log: &mut Log, place: usize, isolated: bool) {
        let margin = if isolated { self.position_margin(view, place) } else { Decimal::ZERO };
        let market = &mut self.markets[place];
        (market.isolated, market.margin) = (isolated, margin);
        if market.position.is_some() {
            log.said.push((self.index, events::account(view, self, "MARGIN_TYPE_CHANGE", Decimal::ZERO, &[place])));
        }
        self.note(view, log, Some(place), format!("isolated {isolated}"));
    }

    /// `POST /fapi/v1/positionSide/dual`.
    pub fn set_hedge(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        query.need("dualSidePosition")?;
        let hedge = flag(query, "dualSidePosition")?;
        if hedge == self.hedge {
            return Err(refused(-4059, "No need to change position side."));
        }
        if !self.orders.is_empty() || !self.algos.is_empty() {
            return Err(refused(-4067, "Position side cannot be changed if there exists open orders."));
        }
        if self.markets.iter().any(|market| market.position.is_some()) {
            return Err(refused(-4068, "Position side cannot be changed if there exists position."));
        }
        self.flip_hedge(view, log, hedge);
        Ok(success())
    }

    /// Changes the position mode whatever stands against it. Nothing is pushed about that.
    pub fn flip_hedge(&mut self, view: View<'_>, log: &mut Log, hedge: bool) {
        self.hedge = hedge;
        self.note(view, log, None, format!("hedge {hedge}"));
    }

    /// `POST /fapi/v1/multiAssetsMargin`.
    pub fn set_multi_assets(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        query.need("multiAssetsMargin")?;
        let on = flag(query, "multiAssetsMargin")?;
        if on == self.multi_assets {
            return Err(refused(-4171, "No need to change Multi-Assets mode."));
        }
        if on && self.markets.iter().any(|market| market.isolated) {
            let text = "Unable to adjust to Multi-Assets mode with symbols of isolated-margin mode.";
            return Err(refused(-4167, text));
        }
        self.multi_assets = on;
        log.said.push((self.index, events::multi_assets(view, on)));
        self.note(view, log, None, format!("multi-assets {on}"));
        Ok(success())
    }

    /// `POST /fapi/v1/positionMargin`: moves money into an isolated position, or out of it.
    pub fn move_margin(&mut self, view: View<'_>, log: &mut Log, query: &Query) -> Result<Value, Refusal> {
        let (place, amount) = (terms::place(view, query)?, needed(query, "amount")?);
        query.need("type")?;
        let adds = match query.whole("type")? {
            Some(1) => true,
            Some(2) => false,
            _ => return Err(refused(-1130, "Data sent for parameter 'type' is not valid.")),
        };
        let market = &self.markets[place];
        if !market.isolated {
            return Err(refused(-4049, "Add margin only support for isolated position."));
        }
        if market.position.is_none() {
            return Err(refused(-4046, "Position does not exist."));
        }
        let free = if adds { self.available(view) } else { market.margin - self.position_margin(view, place) };
        if amount.is_zero() || amount > free {
            let code = if adds { -4051 } else { -4052 };
            return Err(refused(code, "Isolated balance insufficient."));
        }
        let moved = if adds { amount } else { -amount };
        self.markets[place].margin += moved;
        log.said.push((self.index, events::account(view, self, "MARGIN_TRANSFER", Decimal::ZERO, &[place])));
        let kind = if adds { 1 } else { 2 };
        let amount = amount.normalize().to_string();
        Ok(json!({ "amount": amount, "code": 200, "msg": "Successfully modify position margin.", "type": kind }))
    }
}
