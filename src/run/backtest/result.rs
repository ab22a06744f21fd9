//! The result on stdout.

use crate::{
    backtest::{Ending, Record},
    run::text::{counted, market_time, rounded},
};
use serde_json::json;

/// For a person.
pub fn text(record: &Record) -> String {
    let account = &record.account;
    let [balance, fees, funding] = [account.balance, account.fees, account.funding].map(|money| rounded(money, 2));
    let span = record.span.map(|(begins, ends)| format!(", {} to {}", market_time(begins), market_time(ends)));
    let early = match record.ending {
        Ending::Data => "",
        Ending::Interrupted => " (stopped early)",
        Ending::Emergency => " (emergency stop)",
    };
    format!(
        "{}{}{early}\n{}, {} open, balance {balance:.2} USDT, fees {fees:.2}, funding {funding:.2}\n",
        counted(record.candles, "candle"),
        span.unwrap_or_default(),
        counted(record.trades.len() as u64, "trade"),
        record.open.len(),
    )
}

/// For a program.
pub fn json(record: &Record) -> String {
    let account = &record.account;
    let object = json!({
        "candles": record.candles,
        "trades": record.trades.len(),
        "balance": account.balance.normalize().to_string(),
    });
    format!("{object}\n")
}
