//! The account: what the key may do, how the account trades, what it holds, and with `--with-order` whether a stop can be placed.

use super::{Checks, confused, unanswered};
use crate::{
    config::{Mode, process_env},
    engine::{Leg, client_id, tag},
    exchange::private::{Modes, OrderView, Reply, Status, Which, Wish},
    gateway::{Lane, SocketId},
    market::{ClientId, OrderKind, OrderRequest, PositionView, Side, SymbolId, could_be_ours, decimal},
    run::{
        asking::{ARRIVES_WITHIN, Account, AskError},
        keys::{self, KeyError},
        preflight::Finding,
        rights,
        text::{counted, rounded},
        wire::Arrival,
    },
};
use log::{Level, info};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

/// How far below the price the stop of `--with-order` is: it is cancelled long before.
const FAR: Decimal = Decimal::from_parts(70, 0, 0, false, 2);
/// How long the account's stream may take to open.
const OPEN: Duration = Duration::from_secs(10);
/// The number of the account's stream: those of the market have the first ones.
const STREAM: SocketId = SocketId(1_000);

impl Checks<'_> {
    /// Every check of the account, where there are keys.
    pub(super) async fn account(mut self, with_order: bool) -> usize {
        let began = Instant::now();
        let keys = match keys::find(self.config.key_file().as_deref(), &process_env) {
            Ok(keys) => keys,
            Err(KeyError::Nowhere) if self.config.mode == Mode::Paper && !with_order => {
                info!("   – account: not checked, since no keys are named ([live] in bot.toml)");
                return self.failed;
            }
            Err(error) => {
                self.note("keys", began, &Err(error.to_string()));
                return self.failed;
            }
        };
        let Self { config, asker, stop, failed, marks, listing, .. } = self;
        let account = Account::new(asker, config, keys);
        let mut checks = OfAccount { account, config, stop, failed };
        if checks.rights().await && checks.modes().await {
            checks.symbols().await;
            checks.holdings().await;
            checks.stream().await;
            if with_order {
                let symbol = SymbolId(0);
                let price =
                    marks.iter().flatten().find(|mark| mark.symbol == symbol).and_then(|mark| decimal(mark.price));
                let rules = listing.iter().flat_map(|all| &all.markets).find(|market| market.symbol == symbol);
                let order = price.zip(rules).map(|(price, market)| {
                    let trigger = market.instrument.round_stop(Side::Long, price * FAR);
                    let qty = market.instrument.smallest_entry(trigger);
                    checks.stop_order(trigger, qty)
                });
                checks.order(order).await;
            }
        }
        checks.failed
    }
}

/// The checks of an account, under way.
struct OfAccount<'a> {
    account: Account,
    config: &'a crate::config::Config,
    stop: crate::stop::Stop,
    failed: usize,
}

impl OfAccount<'_> {
    fn note(&mut self, name: &str, began: Instant, found: &Finding) -> bool {
        let passed = super::told(name, began, found);
        self.failed += usize::from(!passed);
        passed
    }

    async fn wish(&mut self, wish: &Wish) -> Result<Reply, String> {
        self.account.wish(wish, Lane::Data, &self.stop).await.map_err(unanswered)
    }

    /// Whether the key may be used at all.
    async fn rights(&mut self) -> bool {
        let began = Instant::now();
        let rights = self.account.rights(&self.config.exchange, &self.stop).await;
        match rights::judged(&rights) {
            Ok(told) => {
                let worst = told.iter().map(|(level, _)| *level).min().unwrap_or(Level::Info);
                let text = told.iter().map(|(_, text)| text.trim_start_matches("✓ ").trim_start_matches("Key: "));
                let text = text.collect::<Vec<_>>().join("; ");
                self.note("key", began, &Ok(if worst < Level::Info { format!("{text} (a warning)") } else { text }))
            }
            Err(why) => self.note("key", began, &Err(why)),
        }
    }

    async fn modes(&mut self) -> bool {
        let began = Instant::now();
        let found = match self.wish(&Wish::Modes).await {
            Ok(Reply::Modes(modes)) => judged(modes),
            Ok(_) => Err(confused()),
            Err(error) => Err(format!("{error}; is the key right, may it trade futures, and from this address?")),
        };
        self.note("account modes", began, &found)
    }

    async fn symbols(&mut self) {
        for (index, name) in self.config.symbols.iter().enumerate() {
            let began = Instant::now();
            let found = match self.wish(&Wish::SymbolModes(SymbolId(index as u16))).await {
                Ok(Reply::SymbolModes(modes)) => {
                    let margin = if modes.isolated { "isolated" } else { "crossed" };
                    let wanted = self.config.risk.leverage;
                    Ok(format!("margin {margin}, leverage {}; a live run sets isolated and {wanted}", modes.leverage))
                }
                Ok(_) => Err(confused()),
                Err(error) => Err(error),
            };
            self.note(&format!("modes of {name}"), began, &found);
        }
    }

    /// Balance, positions, orders, and whose they are.
    async fn holdings(&mut self) {
        let began = Instant::now();
        let found = self.held().await;
        self.note("account", began, &found);
    }

    async fn held(&mut self) -> Finding {
        let Reply::Balance(balance) = self.wish(&Wish::Balance).await? else { return Err(confused()) };
        let (positions, others) = self.account.positions(&self.stop).await.map_err(unanswered)?;
        let mut orders: Vec<OrderView> = Vec::new();
        for index in 0..self.config.symbols.len() {
            let found = self.account.orders(SymbolId(index as u16), &self.stop).await;
            orders.extend(found.map_err(unanswered)?);
        }
        let ours = orders.iter().filter(|order| could_be_ours(&order.name)).count();
        let of = |position: &PositionView| {
            let name = &self.config.symbols[position.symbol.index()];
            format!("{name} {} {}", position.side, position.qty.normalize())
        };
        let open = positions.iter().map(of).collect::<Vec<_>>().join(", ");
        let open = if open.is_empty() { "no position".to_owned() } else { open };
        let balance = rounded(balance, 2);
        Ok(format!(
            "{balance:.2} USDT; {open}, {} elsewhere; {}, {ours} with names of ours",
            others,
            counted(orders.len() as u64, "order")
        ))
    }

    /// Whether the account's own stream opens.
    async fn stream(&mut self) {
        let began = Instant::now();
        let found = match self.wish(&Wish::OpenStream).await {
            Ok(Reply::Stream(key)) => self.opens(&key).await,
            Ok(_) => Err(confused()),
            Err(error) => Err(error),
        };
        self.note("account's stream", began, &found);
    }

    async fn opens(&mut self, key: &str) -> Finding {
        let (path, until) = (self.account.user_stream(key), Instant::now() + OPEN);
        let wire = self.account.asker.streams().0;
        wire.connect(STREAM, &path);
        loop {
            match self.stop.or_at_latest(until, wire.next()).await {
                Some(Arrival::Opened(STREAM)) => {
                    wire.disconnect(STREAM);
                    return Ok("it opens".to_owned());
                }
                Some(Arrival::Closed(STREAM, why)) => {
                    return Err(format!("{why}; look at exchange.ws_url and exchange.proxy"));
                }
                Some(_) => {}
                None => return Err(format!("it is not open after {} s", OPEN.as_secs())),
            }
        }
    }

    fn stop_order(&self, trigger: Decimal, qty: Decimal) -> OrderRequest {
        let name = tag("doctor", &self.config.symbols[0]);
        let id: ClientId = client_id(&name, Side::Long, self.account.asker.now(), &Leg::Stop, 0);
        let (side, kind) = (Side::Long.exit(), OrderKind::StopMarket { trigger });
        OrderRequest { id, symbol: SymbolId(0), side, kind, qty, reduce_only: true }
    }

    /// A stop, placed and cancelled.
    async fn order(&mut self, request: Option<OrderRequest>) {
        let began = Instant::now();
        let found = match request {
            Some(request) => self.placed_and_cancelled(request).await,
            None => Err("not tried, since price or rules of the first symbol are not known".to_owned()),
        };
        self.note("order", began, &found);
    }

    async fn placed_and_cancelled(&mut self, request: OrderRequest) -> Finding {
        let which = Which { id: request.id, symbol: request.symbol, conditional: true };
        let placed = self.account.wish(&Wish::Place(request), Lane::Protection, &self.stop).await;
        if let Err(AskError::GivenUp(_)) = placed {
            self.stop.or_after(ARRIVES_WITHIN).await;
        }
        // whatever was said: what stands is to go
        let cancelled = self.account.wish(&Wish::Cancel(which), Lane::Protection, &self.stop).await;
        let Reply::Orders(open) = self.wish(&Wish::Conditionals(request.symbol)).await? else { return Err(confused()) };
        let left = |order: &OrderView| order.id == Some(request.id) && order.status == Status::Open;
        if open.iter().any(left) {
            return Err(format!("the stop {} stands and can't be cancelled: `bot flatten` does it", request.id));
        }
        let name = &self.config.symbols[0];
        match (placed, cancelled) {
            (Ok(_), Ok(_)) => {
                Ok(format!("a stop of {} {name} was placed far away, and cancelled", request.qty.normalize()))
            }
            (Err(error), _) => Err(format!("the stop was not placed: {}", unanswered(error))),
            (Ok(_), Err(error)) => Err(format!("the stop is gone, but its cancel was not answered: {error}")),
        }
    }
}

fn judged(modes: Modes) -> Finding {
    modes.refused().map_or_else(|| Ok("one-way, single-asset, may trade".to_owned()), |why| Err(why.to_owned()))
}
