use super::*;
use crate::{
    backtest::{
        Ending, MOST_CANDLES, Mark, Thinned,
        report::sample::{self, trade},
    },
    engine::Trade,
    market::{Candle, MINUTE_MS, SymbolId},
    run::rig::{START, dec},
};

/// The longest run: as many symbols, candles, samples and trades as a record can have, or more than are shown.
fn long() -> Record {
    let symbols: Vec<_> = (0..40).map(|number| format!("COIN{number}USDT").parse().unwrap()).collect();
    let length_ms = 3000 * MINUTE_MS; // 1.2 million candles of a minute for each of 40 symbols
    let price = |place: i64| 100.123_456_789 + (place % 17) as f64;
    let candle = |place: i64| Candle {
        open_time: START.plus_ms(place * length_ms),
        open: price(place),
        high: price(place) + 5.0,
        low: price(place) - 5.0,
        close: price(place + 1),
        volume: 1.0,
    };
    let candles: Vec<_> = (0..MOST_CANDLES as i64).map(candle).collect();
    let end = START.plus_ms(MOST_CANDLES as i64 * length_ms);
    let ends = Some((Mark { at: START, price: price(0) }, Mark { at: end, price: price(1) }));
    let prices = vec![Thinned { ends, candles, length_ms }; symbols.len()];
    let trades = (0..20_000i64).map(|number| Trade {
        symbol: SymbolId((number % 40) as u16),
        gross: dec("12.3456789") * rust_decimal::Decimal::from(number % 7 - 3),
        r: dec("1.2345") * rust_decimal::Decimal::from(number % 7 - 3),
        ..trade(number, 5)
    });
    let equity: Vec<f64> = (0..10_000).map(|place| 1000.0 + (place % 313) as f64 * 1.234_567).collect();
    Record { symbols, prices, trades: trades.collect(), ..sample::record(&equity) }
}

#[test]
fn the_longest_run_is_a_page_below_two_megabytes_that_says_what_is_cut() {
    let record = long();
    let page = page(&record, &Report::of(&record));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for said in ["The last 300 of 20,000 trades", "The 12 of 40 symbols with most trades", "(every 5th is drawn)"] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_page_is_whole_and_loads_nothing() {
    let mut hostile = sample::record(&[1000.0, 1100.0, 990.0]);
    hostile.strategies[0] = "<script>alert('x')</script>".to_owned();
    hostile.trades = vec![Trade { gross: dec("-5"), ..trade(1, 2) }];
    hostile.ending = Ending::Emergency;
    let mut nothing = sample::record(&[1000.0]);
    (nothing.span, nothing.candles) = (None, 0);
    nothing.equity.clear();
    for record in [hostile, nothing, long(), sample::record(&[1000.0, 1000.0])] {
        let page = page(&record, &Report::of(&record));
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        for never in ["NaN", "inf%", "<script", "http:", "https:", "url(", "@import", "src="] {
            assert!(!page.contains(never), "{never}");
        }
        assert_balanced(&page);
    }
}

/// Every tag that is opened is closed, in order.
fn assert_balanced(page: &str) {
    const ALONE: [&str; 4] = ["!doctype", "meta", "br", "/"];
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or("/");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') && !ALONE.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn an_emergency_is_said_before_all_numbers() {
    let mut record = sample::record(&[1000.0, 500.0]);
    record.ending = Ending::Emergency;
    let page = page(&record, &Report::of(&record));
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("Ended early on 2025-01-02 00:00 UTC: a limit stopped trading for good") < place("Key numbers"));
}
