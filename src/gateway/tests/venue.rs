//! The exchange: one truth for streams and answers, by its own clock.

use super::*;

/// 2025-01-01 00:00:20 UTC.
pub const START: i64 = 1_735_689_620_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minute {
    pub candle: Candle,
    /// Whether anybody traded.
    pub traded: bool,
}

pub struct Coin {
    pub price: f64,
    pub now: Option<Candle>,
    pub last_close: f64,
    /// Finished minutes since the start.
    pub minutes: BTreeMap<i64, Minute>,
    /// Nobody trades while this is set.
    pub quiet: bool,
    pub status: Option<MarketStatus>,
    pub tick: Decimal,
}

pub struct Venue {
    pub coins: Vec<Coin>,
    /// Its clock less true time.
    pub offset: i64,
    /// Whether a minute without trades is listed.
    pub lists_quiet: bool,
    pub limit: u32,
    /// Weight by true minute, and the largest of any.
    pub weights: (i64, u32),
    pub heaviest: u32,
    random: Jitter,
}

impl Venue {
    pub fn new(coins: usize, seed: u64) -> Self {
        let coin = |_| Coin {
            price: 100.0,
            now: None,
            last_close: 100.0,
            minutes: BTreeMap::new(),
            quiet: false,
            status: Some(MarketStatus::Trading),
            tick: Decimal::new(1, 2),
        };
        Self {
            coins: (0..coins).map(coin).collect(),
            offset: 0,
            lists_quiet: seed.is_multiple_of(2),
            limit: 2400,
            weights: (0, 0),
            heaviest: 0,
            random: Jitter::new(seed ^ 0xe0e0),
        }
    }

    pub fn clock(&self, now: i64) -> Timestamp {
        Timestamp(now + self.offset)
    }

    /// A second of trading at one coin. The candles that it finishes, oldest first, those with trades only.
    pub fn trade(&mut self, at: usize, now: i64) -> (Vec<Candle>, Option<f64>) {
        let open_time = self.clock(now).floor_to(MINUTE_MS);
        let step = self.random.up_to(20) as f64 / 100.0 - 0.1;
        let coin = &mut self.coins[at];
        let mut finished = Vec::new();
        if let Some(done) = coin.now.take_if(|candle| candle.open_time < open_time) {
            coin.last_close = done.close;
            finished.push(done);
            coin.minutes.insert(done.open_time.0, Minute { candle: done, traded: true });
        }
        // minutes without a trade, since the last one that is known
        let first = coin.minutes.last_key_value().map_or(open_time.0, |(open, _)| open + MINUTE_MS);
        for open in (first..open_time.0).step_by(60_000) {
            let candle = flat_at(Timestamp(open), &Candle { close: coin.last_close, ..base(open, 1.0) });
            coin.minutes.insert(open, Minute { candle, traded: false });
        }
        if coin.quiet {
            return (finished, None);
        }
        coin.price = ((coin.price + step).max(50.0) * 100.0).round() / 100.0;
        let price = coin.price;
        if coin.minutes.contains_key(&open_time.0) {
            return (finished, Some(price)); // its clock went back; that minute is over
        }
        let candle = coin.now.get_or_insert(base(open_time.0, price));
        candle.absorb(&Candle { volume: 1.0, ..base(open_time.0, price) });
        (finished, Some(price))
    }

    pub fn weigh(&mut self, now: i64, weight: u32) -> u32 {
        let minute = now.div_euclid(MINUTE_MS);
        if self.weights.0 != minute {
            self.weights = (minute, 0);
        }
        self.weights.1 += weight;
        self.heaviest = self.heaviest.max(self.weights.1);
        self.weights.1
    }

    /// What a finished minute has to be for the trader; `None` where it is not over, or from before the start.
    pub fn truth(&self, symbol: SymbolId, open: i64) -> Option<Candle> {
        self.coins[symbol.index()].minutes.get(&open).map(|minute| minute.candle)
    }

    pub fn answer(&self, ask: &Ask, now: i64) -> Answer {
        let clock = self.clock(now);
        match ask {
            Ask::Time => Answer::Time(clock),
            Ask::Listing => Answer::Listing(Listing {
                markets: (0..self.coins.len()).filter_map(|at| self.market(at)).collect(),
                weight_limit: Some(self.limit),
                order_limits: [None; 2],
                listed: 500,
            }),
            Ask::Candles { symbol, timeframe, from, limit } => {
                Answer::Candles(self.rows(*symbol, *timeframe, from.unwrap().0, usize::from(*limit), now))
            }
            Ask::Quotes(symbol) => Answer::Quotes(
                self.of(*symbol).map(|at| quote(SymbolId(at as u16), self.coins[at].price, Some(clock))).collect(),
            ),
            Ask::Marks(symbol) => Answer::Marks(self.of(*symbol).map(|at| self.mark(at, now)).collect()),
            Ask::FundingIntervals => Answer::FundingIntervals(vec![(SymbolId(0), 4)]),
            Ask::FundingHistory { .. } => Answer::FundingHistory(Vec::new()),
        }
    }

    fn of(&self, symbol: Option<SymbolId>) -> impl Iterator<Item = usize> {
        (0..self.coins.len()).filter(move |at| symbol.is_none_or(|symbol| symbol.index() == *at))
    }

    fn market(&self, at: usize) -> Option<Market> {
        let coin = &self.coins[at];
        let instrument = Instrument {
            symbol: symbols(at + 1).pop().unwrap(),
            tick: coin.tick,
            step: Decimal::new(1, 3),
            min_qty: Decimal::new(1, 3),
            min_notional: Decimal::from(5),
        };
        let symbol = SymbolId(at as u16);
        let market = |status| Market {
            symbol,
            instrument,
            status,
            contract: Decimal::ONE,
            max_market_qty: None,
            delisted_at: None,
        };
        coin.status.map(market)
    }

    pub fn mark(&self, at: usize, now: i64) -> Mark {
        let clock = self.clock(now);
        let symbol = SymbolId(at as u16);
        let rate = Decimal::new(clock.0 / 300_000 % 50, 6);
        let funding = FundingRate { symbol, rate, at: Timeframe::H8.next_close(clock) };
        Mark { symbol, price: self.coins[at].price, funding: Some(funding), at: clock }
    }

    /// Candles from before the start are made up by their time.
    fn rows(&self, symbol: SymbolId, timeframe: Timeframe, from: i64, limit: usize, now: i64) -> Vec<ListedCandle> {
        let coin = &self.coins[symbol.index()];
        let ms = timeframe.ms();
        let clock = self.clock(now);
        let first = Timestamp(from + ms - 1).floor_to(ms).0;
        let begun = coin.minutes.keys().next().copied().or(coin.now.map(|now| now.open_time.0));
        let begun = begun.unwrap_or(clock.floor_to(MINUTE_MS).0);
        let mut rows = Vec::new();
        for open in (first..=clock.0).step_by(ms as usize) {
            let candle = match coin.minutes.get(&open) {
                _ if timeframe != Timeframe::M1 || open < begun => {
                    Some(base(open, 100.0 + (open / ms % 7) as f64 / 10.0))
                }
                Some(minute) => (minute.traded || self.lists_quiet).then_some(minute.candle),
                None => coin.now.filter(|now| now.open_time.0 == open),
            };
            rows.extend(candle.map(|candle| ListedCandle { candle, ends: Timestamp(open + ms) }));
            if rows.len() >= limit {
                break;
            }
        }
        rows
    }
}

pub fn base(open: i64, price: f64) -> Candle {
    Candle { open_time: Timestamp(open), open: price, high: price, low: price, close: price, volume: 0.0 }
}

pub fn quote(symbol: SymbolId, price: f64, at: Option<Timestamp>) -> Quote {
    Quote { symbol, bid: price - 0.005, ask: price + 0.005, at }
}

pub fn symbols(count: usize) -> Vec<Symbol> {
    ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"][..count].iter().map(|name| name.parse().unwrap()).collect()
}
