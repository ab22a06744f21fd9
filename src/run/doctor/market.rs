//! Symbols against the capital, candles, funding rates.

use super::{Checks, confused, unanswered};
use crate::{
    engine::{Engine, Event},
    exchange::{Answer, Ask, Market, MarketStatus},
    market::{Candle, ClosedCandle, Instrument, MINUTE_MS, Symbol, SymbolId, Timeframe, Timestamp, float},
    run::{
        preflight::Finding,
        text::{market_time, rounded},
    },
};
use std::time::Instant;

/// Candles of a timeframe that are asked for: about what a start needs, at the weight of fewer.
const CANDLES: u16 = 499;
/// What the slowest indicator, EMA(200), needs.
const WARM: usize = 200;
/// A finished candle that comes later than this is missed, in ms.
const LATE_MS: i64 = 10_000;

impl Checks<'_> {
    /// Mark prices, which several checks need.
    pub(super) async fn valued(&mut self) {
        let began = Instant::now();
        let found = match self.asker.ask(&Ask::Marks(None), &self.stop).await {
            Ok(Answer::Marks(marks)) => {
                let text = format!("mark prices of {} of {} symbols", marks.len(), self.config.symbols.len());
                self.marks = Some(marks);
                Ok(text)
            }
            Ok(_) => Err(confused()),
            Err(error) => Err(format!("{}; try again, the exchange may be in trouble", unanswered(error))),
        };
        self.note("prices", began, &found);
    }

    /// The rules of each symbol, and whether the capital is enough for them.
    pub(super) fn symbols(&mut self) {
        let Some(listing) = &self.listing else { return };
        let config = self.config;
        let listed = |id: SymbolId| listing.markets.iter().find(|market| market.symbol == id);
        let rules = config.instruments.iter().zip(0..).map(|(own, id)| {
            listed(SymbolId(id))
                .map_or_else(|| Instrument::untradable(own.symbol.clone()), |market| market.instrument.clone())
        });
        let mut engine = Engine::new(config.engine_settings(rules.collect()));
        for mark in self.marks.iter().flatten() {
            show(&mut engine, mark.symbol, mark.price, mark.at);
        }
        let began = Instant::now();
        let ids = (0..).map(SymbolId);
        let found: Vec<_> =
            config.symbols.iter().zip(ids).map(|(name, id)| (name, judged(name, listed(id), &engine, id))).collect();
        for (name, found) in found {
            self.note(name.as_str(), began, &found);
        }
    }

    /// Whether there is enough of every candle that decisions are made of.
    pub(super) async fn candles(&mut self) {
        let engine = Engine::new(self.config.engine_settings(self.config.instruments.clone()));
        let mut timeframes = engine.timeframes();
        timeframes.push(Timeframe::M1);
        timeframes.sort_unstable();
        timeframes.dedup();
        for (name, id) in self.config.symbols.iter().zip((0..).map(SymbolId)) {
            if self.listing.as_ref().is_some_and(|listing| listing.markets.iter().all(|market| market.symbol != id)) {
                continue; // said already
            }
            let began = Instant::now();
            let mut parts = Vec::new();
            let mut wrong = None;
            for timeframe in &timeframes {
                match self.count(id, *timeframe).await {
                    Ok(part) => parts.push(part),
                    Err(why) => wrong = wrong.or(Some(why)),
                }
            }
            let found = wrong.map_or_else(|| Ok(parts.join(", ")), Err);
            self.note(&format!("candles of {name}"), began, &found);
        }
    }

    /// How many finished candles there are of a timeframe, and whether the newest is one that just ended.
    async fn count(&mut self, id: SymbolId, timeframe: Timeframe) -> Finding {
        let listed = self.asker.candles((id, timeframe), None, CANDLES, &self.stop).await.map_err(unanswered)?;
        let now = self.asker.now();
        let finished = listed.iter().filter(|row| row.ends <= now).count();
        let Some(newest) = listed.iter().rev().find(|row| row.ends <= now) else {
            return Err(format!("there is no finished {timeframe} candle; a market this new cannot be traded yet"));
        };
        let late_ms = now.since_ms(newest.ends) - timeframe.ms();
        if late_ms > LATE_MS {
            let ended = market_time(newest.ends);
            return Err(format!(
                "the newest {timeframe} candle ended {ended}: nothing is traded there; leave the symbol out"
            ));
        }
        let cold = if finished < WARM { " (EMA200 will not be warm)" } else { "" };
        let age = if timeframe == Timeframe::M1 {
            format!(", the newest {} s old", now.since_ms(newest.ends).max(0) / 1000)
        } else {
            String::new()
        };
        Ok(format!("{finished} of {timeframe}{cold}{age}"))
    }

    /// The coming settlement of each symbol.
    pub(super) fn funding(&mut self) {
        let (Some(marks), began) = (&self.marks, Instant::now()) else { return };
        let mut parts = Vec::new();
        let mut without = Vec::new();
        for (name, id) in self.config.symbols.iter().zip((0..).map(SymbolId)) {
            let Some(mark) = marks.iter().find(|mark| mark.symbol == id) else { continue };
            match mark.funding {
                Some(funding) => {
                    let pct = float(funding.rate) * 100.0;
                    parts.push(format!("{name} {pct:.4} % at {}", market_time(funding.at)));
                }
                None => without.push(name.as_str()),
            }
        }
        let found = match without.as_slice() {
            [] => Ok(parts.join(", ")),
            names => Err(format!("the exchange says no rate for {}; it will count as 0", names.join(", "))),
        };
        self.note("funding rates", began, &found);
    }
}

/// Shows the engine a price as history, which moves no order and raises no signal.
fn show(engine: &mut Engine, symbol: SymbolId, price: f64, at: Timestamp) {
    let open_time = at.floor_to(MINUTE_MS);
    let candle = Candle { open_time, open: price, high: price, low: price, close: price, volume: 0.0 };
    let known = ClosedCandle { symbol, timeframe: Timeframe::M1, candle, history: true };
    engine.handle(known.closes_at(), &Event::Candle(known), &mut Vec::new());
}

fn judged(name: &Symbol, market: Option<&Market>, engine: &Engine, id: SymbolId) -> Finding {
    let Some(market) = market else {
        return Err(format!("the exchange knows no perpetual {}; leave it out of --symbols", name.joined()));
    };
    match market.status {
        MarketStatus::Trading => {}
        MarketStatus::Paused => return Err("is not traded at present; leave it out, or wait".to_owned()),
        MarketStatus::Closed => return Err("is not traded any more; leave it out of --symbols".to_owned()),
    }
    let rules = &market.instrument;
    let (tick, step, least) = (rules.tick.normalize(), rules.step.normalize(), rules.min_notional.normalize());
    let text = format!("traded; tick {tick}, step {step}, orders from {least} USDT");
    let capital = engine.account().capital.normalize();
    if let Some((costs, allowed)) = engine.too_small_for(id) {
        let [costs, allowed] = [costs, allowed].map(|money| rounded(money, 0));
        return Err(format!(
            "{text}; with {capital} USDT it can't be traded: the smallest order costs {costs} USDT, the risk allows {allowed}. \
             Raise --capital, risk.per_trade_pct or risk.leverage, or leave it out"
        ));
    }
    let ends = market.delisted_at.map(|at| format!("; delisted at {}", market_time(at))).unwrap_or_default();
    let price = engine.outlook(id).price.is_some();
    Ok(format!("{text}{}{ends}", if price { format!("; {capital} USDT are enough") } else { String::new() }))
}
