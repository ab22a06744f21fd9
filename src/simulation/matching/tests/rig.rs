//! One account on two symbols in a made-up minute-by-minute market, with outputs as short texts.

use crate::{market::*, simulation::matching::*};

/// Nothing came out.
pub const NONE: [&str; 0] = [];

pub const BTC: SymbolId = SymbolId(0);
pub const ETH: SymbolId = SymbolId(1);

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn id(text: &str) -> ClientId {
    ClientId::new(text).unwrap()
}

pub fn minute(count: i64) -> Timestamp {
    Timestamp(count * MINUTE_MS)
}

fn instrument(symbol: &str, min_notional: u32) -> Instrument {
    let (symbol, min_notional) = (symbol.parse().unwrap(), min_notional.into());
    Instrument { symbol, tick: dec("0.1"), step: dec("0.01"), min_qty: dec("0.02"), min_notional }
}

/// Round numbers: 10,000 USDT, leverage 5, no slippage; fee and funding only where a test sets them.
pub fn settings() -> Settings {
    Settings {
        instruments: vec![instrument("BTCUSDT", 10), instrument("ETHUSDT", 5)],
        capital: Decimal::from(10_000),
        taker_fee_pct: 0.0,
        slippage_pct: 0.0,
        funding_rate_pct: 0.0,
        ..Settings::default()
    }
}

/// `buy market 1`, `sell stop 1 99`, `sell target 1 101`, `buy limit 1 99`, `buy post 1 99`; a `!` at the end makes it reduce-only.
pub fn order(name: &str, text: &str) -> OrderRequest {
    let (text, reduce_only) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
    let words: Vec<&str> = text.split(' ').collect();
    let side = if words[0] == "buy" { OrderSide::Buy } else { OrderSide::Sell };
    let kind = match words[1] {
        "market" => OrderKind::Market,
        "stop" => OrderKind::StopMarket { trigger: dec(words[3]) },
        "limit" => OrderKind::Limit { price: dec(words[3]), post_only: false },
        "post" => OrderKind::Limit { price: dec(words[3]), post_only: true },
        "target" => OrderKind::TakeProfitMarket { trigger: dec(words[3]) },
        other => panic!("{other}"),
    };
    OrderRequest { id: id(name), symbol: BTC, side, kind, qty: dec(words[2]), reduce_only }
}

pub fn place(name: &str, text: &str) -> OrderCommand {
    OrderCommand::Place(order(name, text))
}

pub fn cancel(name: &str) -> OrderCommand {
    OrderCommand::Cancel { id: id(name), symbol: BTC }
}

fn text(output: &Output) -> String {
    match output {
        Output::Funding(FundingPaid { amount, at, .. }) => {
            format!("funding {} at {}", amount.normalize(), at.0 / MINUTE_MS)
        }
        Output::Order(update) => match update {
            OrderUpdate::Accepted { id } => format!("{id} accepted"),
            OrderUpdate::Refused { id, code, class } => format!("{id} refused {code} {class:?}"),
            OrderUpdate::Filled(f) => {
                format!("{} fills {} @ {} at {}", f.id, f.qty, f.price.normalize(), f.at.0 / MINUTE_MS)
            }
            OrderUpdate::Liquidated(f) => {
                let (price, fee) = (f.price.normalize(), f.fee.normalize());
                format!("liquidated {} @ {price} for {fee} at {}", f.qty, f.at.0 / MINUTE_MS)
            }
            OrderUpdate::Ended { id, how } => format!("{id} {how:?}"),
            OrderUpdate::Unknown { .. } | OrderUpdate::Absent { .. } => panic!("{update:?}"),
        },
    }
}

pub struct Rig {
    pub matching: Matching,
    pub now: Timestamp,
}

impl Rig {
    pub fn new(settings: Settings) -> Self {
        Self { matching: Matching::new(settings), now: minute(0) }
    }

    /// An account that has seen one flat candle at 100 and holds what `entry` says since minute 1.
    pub fn holding(settings: Settings, entry: &str) -> Self {
        let mut rig = Self::new(settings);
        rig.candle([100.0; 4]);
        rig.send(place("entry", entry));
        rig.candle([100.0; 4]);
        assert!(rig.matching.position(BTC).is_some());
        rig
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<String> {
        let mut outputs = Vec::new();
        self.matching.handle(self.now, input, &mut outputs);
        self.matching.check();
        outputs.iter().map(text).collect()
    }

    pub fn send(&mut self, command: OrderCommand) -> Vec<String> {
        self.handle(Input::Order(command))
    }

    pub fn wake(&mut self, now: Timestamp) -> Vec<String> {
        self.now = now;
        self.handle(Input::Wake)
    }

    pub fn rate(&mut self, now: Timestamp, said: FundingRate) -> Vec<String> {
        self.now = now;
        self.handle(Input::FundingRate(&said))
    }

    pub fn instrument(&mut self, rules: &Instrument) {
        assert_eq!(self.handle(Input::Instrument(BTC, rules)), NONE);
    }

    pub fn bar(&mut self, bar: &PriceBar) -> Vec<String> {
        self.now = bar.at;
        let mut texts = self.handle(Input::Price(bar));
        texts.extend(self.finish());
        texts
    }

    /// The next minute's candle, open, high, low, close, with no answer to what happens.
    pub fn candle(&mut self, prices: [f64; 4]) -> Vec<String> {
        self.candle_with(prices, |_| Vec::new())
    }

    /// The next minute's candle; `react` gives the engine's answer to each output, whose outputs follow.
    pub fn candle_with(&mut self, prices: [f64; 4], mut react: impl FnMut(&str) -> Vec<OrderCommand>) -> Vec<String> {
        let closed = closed(self.now, prices);
        self.now = closed.closes_at();
        let mut texts = self.handle(Input::Candle(&closed));
        let mut answered = 0;
        loop {
            while let Some(text) = texts.get(answered) {
                answered += 1;
                let answers: Vec<_> = react(text).into_iter().flat_map(|command| self.send(command)).collect();
                texts.extend(answers);
            }
            if !self.matching.is_walking() {
                return texts;
            }
            texts.extend(self.step());
        }
    }

    fn step(&mut self) -> Vec<String> {
        let mut outputs = Vec::new();
        self.matching.resume(&mut outputs);
        self.matching.check();
        outputs.iter().map(text).collect()
    }

    fn finish(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while self.matching.is_walking() {
            texts.extend(self.step());
        }
        texts
    }
}

pub fn closed(open_time: Timestamp, [open, high, low, close]: [f64; 4]) -> ClosedCandle {
    let candle = Candle { open_time, open, high, low, close, volume: 1.0 };
    assert_eq!(candle.check(), Ok(()));
    ClosedCandle { symbol: BTC, timeframe: Timeframe::M1, candle, history: false }
}
