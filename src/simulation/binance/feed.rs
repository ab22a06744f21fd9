//! Names of streams, and on which route each is served.

use crate::market::Timeframe;

/// Where a connection was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/public`: books and quotes. Also the old paths without a route, which carry only this since 2026-04-23.
    Public,
    /// `/market`: candles, marks, aggregated trades, day tickers.
    Market,
    /// `/private`: what happens to an account, under the key of its stream in place of a name.
    Private,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Candles.
    Kline(Timeframe),
    /// The same by pair and contract type; there are only perpetuals.
    Continuous(Timeframe),
    /// Aggregated trades.
    AggTrade,
    /// Trades.
    Trade,
    /// Best bid and ask.
    BookTicker,
    /// Changes of the book, each so many ms.
    Depth(i64),
    /// The best levels of the book: how many, each so many ms.
    Levels(usize, i64),
    /// Mark price and funding, each so many ms.
    Mark(i64),
    /// The last 24 hours.
    Ticker,
    /// The last 24 hours in short.
    MiniTicker,
}

/// A stream that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// The symbol's place; none for all of them.
    pub symbol: Option<usize>,
    /// What it carries.
    pub kind: Kind,
    /// Whether a message is a list.
    pub listed: bool,
}

impl Kind {
    /// The route that serves it.
    pub const fn route(self) -> Route {
        match self {
            Self::BookTicker | Self::Depth(_) | Self::Levels(..) | Self::Trade => Route::Public,
            Self::Kline(_) | Self::Continuous(_) | Self::AggTrade | Self::Mark(_) | Self::Ticker | Self::MiniTicker => {
                Route::Market
            }
        }
    }
}

impl Feed {
    /// The stream of this name; `place` finds a symbol by its lower-case name.
    pub fn parse(name: &str, place: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let all = |kind, listed| Some(Self { symbol: None, kind, listed });
        match name {
            "!bookTicker" => return all(Kind::BookTicker, false),
            "!markPrice@arr" => return all(Kind::Mark(3_000), true),
            "!markPrice@arr@1s" => return all(Kind::Mark(1_000), true),
            "!ticker@arr" => return all(Kind::Ticker, true),
            "!miniTicker@arr" => return all(Kind::MiniTicker, true),
            _ => {}
        }
        let (symbol, rest) = name.split_once('@')?;
        if let Some(timeframe) = rest.strip_prefix("continuousKline_") {
            let kind = Kind::Continuous(timeframe.parse().ok()?);
            return Some(Self { symbol: Some(place(symbol.strip_suffix("_perpetual")?)?), kind, listed: false });
        }
        let symbol = Some(place(symbol)?);
        let kind = match rest {
            "aggTrade" => Kind::AggTrade,
            "trade" => Kind::Trade,
            "bookTicker" => Kind::BookTicker,
            "markPrice" => Kind::Mark(3_000),
            "markPrice@1s" => Kind::Mark(1_000),
            "ticker" => Kind::Ticker,
            "miniTicker" => Kind::MiniTicker,
            _ => match rest.strip_prefix("kline_") {
                Some(timeframe) => Kind::Kline(timeframe.parse().ok()?),
                None => depth(rest.strip_prefix("depth")?)?,
            },
        };
        Some(Self { symbol, kind, listed: false })
    }
}

/// `""`, `@100ms`, `5`, `20@500ms`: the book's changes or best levels.
fn depth(rest: &str) -> Option<Kind> {
    let (levels, speed) = rest.split_once('@').unwrap_or((rest, "250ms"));
    let every = match speed {
        "100ms" => 100,
        "250ms" => 250,
        "500ms" => 500,
        _ => return None,
    };
    match levels {
        "" => Some(Kind::Depth(every)),
        "5" => Some(Kind::Levels(5, every)),
        "10" => Some(Kind::Levels(10, every)),
        "20" => Some(Kind::Levels(20, every)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let place = |name: &str| (name == "btcusdt").then_some(0);
        for (name, want) in [
            ("btcusdt@kline_30m", Some(Kind::Kline(Timeframe::M30))),
            ("btcusdt@kline_7m", None),
            ("btcusdt_perpetual@continuousKline_1m", Some(Kind::Continuous(Timeframe::M1))),
            ("btcusdt@continuousKline_1m", None),
            ("btcusdt@depth", Some(Kind::Depth(250))),
            ("btcusdt@depth@100ms", Some(Kind::Depth(100))),
            ("btcusdt@depth20@500ms", Some(Kind::Levels(20, 500))),
            ("btcusdt@depth7", None),
            ("btcusdt@markPrice@1s", Some(Kind::Mark(1_000))),
            ("BTCUSDT@markPrice", None),
            ("ethusdt@aggTrade", None),
            ("!bookTicker", Some(Kind::BookTicker)),
            ("", None),
            ("0", None),
            ("@", None),
        ] {
            assert_eq!(Feed::parse(name, place).map(|feed| feed.kind), want, "{name}");
        }
    }
}
