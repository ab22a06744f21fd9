//! An exchange that is a value: matching, funding and made-up prices, all pure.

pub mod binance; // the exchange that `bot exchange` plays
pub mod matching; // the one model of fills, margin and funding
pub mod prices; // a synthetic market from a seed
