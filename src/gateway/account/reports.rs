//! What the account's stream says.

use super::{Books, Turn, trades::Origin};
use crate::{
    exchange::private::{AccountTrade, OrderView, Report},
    gateway::News,
    market::{FundingPaid, SymbolId, Timestamp},
};
use rust_decimal::Decimal;

/// An order that is not ours was heard of: the lists are read after this, if they were not just read.
const STRANGE_MS: (i64, i64) = (1_000, 5_000);
/// Changes of the account that its trades and funding explain.
const EXPLAINED: [&str; 2] = ["ORDER", "FUNDING_FEE"];

impl Books {
    /// One thing that the stream says.
    pub fn on_report(&mut self, report: Report, turn: &mut Turn<'_>) {
        match report {
            Report::Order(view, trade) => self.on_order_report(&view, trade.as_ref(), turn),
            Report::Forced(force, trade) => {
                self.trades.take(&trade, Origin::Forced(force), &mut self.orders, turn);
            }
            Report::Account { reason, .. } if EXPLAINED.contains(&reason.as_str()) => {}
            Report::Account { .. } => self.checks.hurry(turn.now),
            Report::Funding { symbol, amount, at } => self.on_funding(symbol, amount, at, turn),
            Report::Leverage(symbol, leverage) => {
                let wrong = self.modes.leverage_is(symbol, leverage);
                self.mind_modes(!wrong, turn);
            }
            Report::MarginCall => turn.say("The exchange warns of a liquidation.".to_owned(), true),
            Report::Expired => self.lose_stream("its key has expired", true, turn),
            Report::Nothing | Report::Unknown => {}
        }
    }

    fn on_order_report(&mut self, view: &OrderView, trade: Option<&AccountTrade>, turn: &mut Turn<'_>) {
        if let Some(trade) = trade {
            self.trades.take(trade, Origin::Stream(view.id), &mut self.orders, turn);
        }
        let now = turn.now;
        if let Some(order) = self.orders.of_view(view) {
            order.see(view, now, turn);
            self.trades.claim(&mut self.orders, turn);
        } else if !self.orders.knows(view)
            && let Some(lists) = self.checks.lists.get_mut(view.symbol.index())
        {
            let last = lists.read_at.iter().copied().min().unwrap_or(now);
            lists.due.get_or_insert(now.plus_ms(STRANGE_MS.0).max(last.plus_ms(STRANGE_MS.1)));
        }
    }

    fn on_funding(&mut self, symbol: Option<SymbolId>, amount: Decimal, at: Timestamp, turn: &mut Turn<'_>) {
        self.checks.changed(turn.now);
        let Some(symbol) = symbol else { return };
        let Some(paid) = self.paid.get_mut(symbol.index()) else { return };
        if paid.is_none_or(|paid| paid < at) {
            *paid = Some(at);
            turn.tell(News::Paid(FundingPaid { symbol, amount, at }));
        }
    }
}
