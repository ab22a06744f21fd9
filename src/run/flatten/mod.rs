//! `bot flatten`: closes what is ours at an exchange and cancels our orders, whether or not the bot runs, and looks whether it is so.
//!
//! Nothing is believed but the account itself: it is read, one step is made for each symbol, and it is read again. A reduce-only order at the
//! market can't open or turn a position; but one whose answer does not come is given its time before the next look, since closed twice it could take
//! what is not ours.

mod plan; // what is to be done next

use super::{
    asking::{self, ARRIVES_WITHIN, Account, AskError, Asker, Patience},
    keys,
    log::{self as log_out},
    opening::real_market,
    signals::FAILURE,
};
use crate::{
    cli::{Cli, Flatten},
    config::{Config, process_env},
    engine::{Leg, Order, Reason, client_id, tag},
    exchange::{Answer, Ask, FailureClass, private::Wish},
    gateway::Lane,
    market::{OrderKind, OrderRequest, Side, Symbol, SymbolId},
    stop::Stop,
    store::{
        Database, Memory,
        folder::{DATABASE, Kind, folder_of, holder},
    },
};
use log::{info, warn};
use plan::{Goal, Held, Step};
use rust_decimal::Decimal;
use std::{
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Looks at the account, at most.
const MOST_ROUNDS: u32 = 40;
/// Between two of them: the account's view may lag behind its orders.
const PAUSE: Duration = Duration::from_millis(500);
/// So many looks in a row must show that nothing is left.
const SURE: u32 = 2;

/// Closes and cancels.
///
/// # Errors
///
/// The configuration is wrong, or there are no keys.
pub fn flatten(wish: &Flatten) -> Result<u8, String> {
    let flags = Cli { symbols: wish.symbols.clone(), data_dir: wish.data_dir.clone(), ..Cli::default() };
    let config = asking::config(&wish.place, flags)?;
    let keys = keys::find(config.key_file().as_deref(), &process_env).map_err(|error| error.to_string())?;
    if wish.all && !wish.yes && !agreed(&config)? {
        return Err("nothing was done".to_owned());
    }
    log_out::init(log_out::Target::Stdout, false).map_err(|error| error.to_string())?;
    let folder =
        folder_of(config.data_dir.as_deref(), Kind::Live(config.exchange.network), &process_env).unwrap_or_default();
    let asker =
        Asker::new(&config.exchange, &config.symbols, Patience::SHORT, Box::new(|line: &str| info!("   {line}")));
    let asker = asker.map_err(|error| format!("[exchange] {error}"))?;
    let account = Account::new(asker, &config, keys);
    let goals = goals(&config, wish.all, &folder);
    info!("FLATTEN: {} of {}", what(wish.all), config.exchange.label().unwrap_or_default());
    let is_held = warn_of_a_running_bot(&folder);
    let mut closing = Closing { account, config: &config, goals, stop: Stop::new(), largest: Vec::new(), orders: 0 };
    match async_io::block_on(Box::pin(closing.all())) {
        Ok(()) => {
            closing.say_end(wish.all);
            if is_held {
                warn!("The bot still runs and may open positions again");
            }
            Ok(0)
        }
        Err(why) => {
            eprintln!("bot: flatten: NOT FLAT: {why}. Look at the account at the exchange, and run it again");
            Ok(FAILURE)
        }
    }
}

const fn what(all: bool) -> &'static str {
    if all { "every position and order" } else { "our positions and orders" }
}

/// A person's word for what the bot has no right to.
fn agreed(config: &Config) -> Result<bool, String> {
    let names = config.symbols.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    print!(
        "This closes every position in {names} and cancels every order there, also those that are not the bot's, at {}.\nType yes: ",
        config.exchange.label().unwrap_or_default()
    );
    let mut line = String::new();
    let read = io::stdout().flush().and_then(|()| io::stdin().lock().read_line(&mut line));
    read.map_err(|cause| format!("the answer can't be read: {cause}; --yes says it beforehand"))?;
    Ok(line.trim() == "yes")
}

/// What the memory has of each symbol; without one our stops say it.
fn goals(config: &Config, all: bool, folder: &Path) -> Vec<Goal> {
    let memory = memory(config, folder).unwrap_or_else(|why| {
        warn!("No memory of what the bot holds: {why}; what has a stop of ours counts as ours");
        None
    });
    let held = |memory: &Memory| {
        let name = |symbol: SymbolId| memory.names.symbols[symbol.index()].clone();
        let engine = memory.trader.engine();
        let positions = engine.positions().map(|held| (name(held.symbol), held.plan.side, held.qty));
        // an entry whose fill was not booked may have been executed
        let entries = engine.orders().filter(|order| !order.request.reduce_only);
        let side = |order: &Order| if order.request.side == Side::Long.entry() { Side::Long } else { Side::Short };
        positions.chain(entries.map(|order| (name(order.request.symbol), side(order), order.open_qty()))).collect()
    };
    let held: Vec<(Symbol, Side, Decimal)> = memory.as_ref().map_or_else(Vec::new, held);
    for (name, side, _) in held.iter().filter(|(name, ..)| !config.symbols.contains(name)) {
        warn!("{name}: the bot remembers a {side} position there, and this symbol is not configured: it stays");
    }
    let of = |symbol: &Symbol| {
        let (_, side, _) = held.iter().find(|(name, ..)| name == symbol)?;
        let same = held.iter().filter(|(name, of, _)| name == symbol && of == side);
        Some((*side, same.map(|(.., qty)| *qty).sum()))
    };
    config.symbols.iter().map(|symbol| Goal::new(all, of(symbol))).collect()
}

/// The memory of the bot that trades this account, or why there is none.
fn memory(config: &Config, folder: &Path) -> Result<Option<Memory>, String> {
    let file: PathBuf = folder.join(DATABASE);
    if !file.exists() {
        return Err(format!("there is none in {} (--data-dir names another)", folder.display()));
    }
    let database = Database::read(&file).map_err(|error| error.to_string())?;
    let market = real_market(&config.exchange.label().unwrap_or_default());
    match database.account().map_err(|error| error.to_string())? {
        Some(account) if account.market != market => {
            Err(format!("that in {} is of {}, not of {market}", folder.display(), account.market))
        }
        _ => database.memory().map_err(|error| error.to_string()),
    }
}

fn warn_of_a_running_bot(folder: &Path) -> bool {
    match holder(folder) {
        Ok(Some(holder)) => {
            warn!("A bot runs on this account ({holder}) and may open positions again: stop it");
            true
        }
        Ok(None) | Err(_) => false,
    }
}

/// An account on its way to hold nothing.
struct Closing<'a> {
    account: Account,
    config: &'a Config,
    goals: Vec<Goal>,
    /// Nobody sets it: Ctrl-C ends the process.
    stop: Stop,
    /// Largest market order, by symbol, where there is one.
    largest: Vec<Option<Decimal>>,
    orders: u32,
}

impl Closing<'_> {
    async fn all(&mut self) -> Result<(), String> {
        self.largest = self.limits().await.map_err(|error| error.to_string())?;
        let (mut left, mut quiet) = (String::new(), 0);
        for _ in 0..MOST_ROUNDS {
            let held = match self.look().await {
                Ok(held) => held,
                Err(AskError::Refused(failure)) if failure.class == FailureClass::Key => {
                    return Err(failure.to_string());
                }
                Err(error) => {
                    (left, quiet) = (format!("the account can't be read: {error}"), 0);
                    self.stop.or_after(ARRIVES_WITHIN).await;
                    continue;
                }
            };
            let mut steps = Vec::new();
            for (index, held) in held.iter().enumerate() {
                let symbol = SymbolId(index as u16);
                let goal = &mut self.goals[index];
                steps.extend(goal.steps(symbol, held).into_iter().map(|step| (symbol, step)));
            }
            quiet = if steps.is_empty() { quiet + 1 } else { 0 };
            if quiet >= SURE {
                return Ok(());
            }
            left = steps.iter().map(|(symbol, step)| self.words(*symbol, step)).collect::<Vec<_>>().join(", ");
            for (symbol, step) in steps {
                self.make(symbol, step).await?;
            }
            self.stop.or_after(PAUSE).await;
        }
        Err(format!("after {MOST_ROUNDS} looks this was still to be done: {left}"))
    }

    async fn limits(&mut self) -> Result<Vec<Option<Decimal>>, AskError> {
        let mut limits = vec![None; self.config.symbols.len()];
        if let Answer::Listing(listing) = self.account.asker.ask(&Ask::Listing, &self.stop).await? {
            for market in listing.markets {
                if let Some(limit) = limits.get_mut(market.symbol.index()) {
                    *limit = market.max_market_qty;
                }
            }
        }
        Ok(limits)
    }

    /// What the account holds of each symbol.
    async fn look(&mut self) -> Result<Vec<Held>, AskError> {
        let mut held = vec![Held::default(); self.config.symbols.len()];
        for position in self.account.positions(&self.stop).await?.0 {
            if let Some(held) = held.get_mut(position.symbol.index()) {
                held.position = Some(position);
            }
        }
        for (symbol, held) in (0..).map(SymbolId).zip(&mut held) {
            held.orders = self.account.orders(symbol, &self.stop).await?;
        }
        Ok(held)
    }

    /// One step. What the exchange refuses, or does not answer, shows in the next look.
    async fn make(&mut self, symbol: SymbolId, step: Step) -> Result<(), String> {
        let done = match step {
            Step::Cancel(which) => {
                self.account.wish(&Wish::Cancel(which), Lane::Protection, &self.stop).await.map(drop)
            }
            Step::CancelAll => self.account.clear(symbol, &self.stop).await,
            Step::Close(side, qty) => {
                let request = self.exit(symbol, side, qty);
                self.account.wish(&Wish::Place(request), Lane::Protection, &self.stop).await.map(drop)
            }
        };
        let words = self.words(symbol, &step);
        match done {
            Ok(()) => info!("✓ {words}"),
            Err(AskError::Refused(failure)) if failure.class == FailureClass::Key => {
                return Err(failure.to_string());
            }
            Err(error) => warn!("{words}: {error}; looking again"),
        }
        // what is closed twice could be a part that is not ours: the next look must show the order, or that it will never come
        if let Step::Close(..) = step {
            self.stop.or_after(ARRIVES_WITHIN).await;
        }
        Ok(())
    }

    fn exit(&mut self, symbol: SymbolId, side: Side, qty: Decimal) -> OrderRequest {
        let name = &self.config.symbols[symbol.index()];
        let qty = self.largest[symbol.index()].map_or(qty, |most| qty.min(most));
        let (at, leg) = (self.account.asker.now(), Leg::Exit(Reason::Manual));
        let id = client_id(&tag("flatten", name), side, at, &leg, self.orders);
        self.orders += 1;
        OrderRequest { id, symbol, side: side.exit(), kind: OrderKind::Market, qty, reduce_only: true }
    }

    fn words(&self, symbol: SymbolId, step: &Step) -> String {
        let name = &self.config.symbols[symbol.index()];
        match step {
            Step::Cancel(which) if which.conditional => format!("{name}: stop or target {} cancelled", which.id),
            Step::Cancel(which) => format!("{name}: order {} cancelled", which.id),
            Step::CancelAll => format!("{name}: every order cancelled"),
            Step::Close(side, qty) => format!("{name}: {side} {} closed at the market", qty.normalize()),
        }
    }

    /// What is left, and whose it is.
    fn say_end(&self, all: bool) {
        for (name, goal) in self.config.symbols.iter().zip(&self.goals) {
            if let Some(keep) = goal.keep.filter(|keep| !keep.is_zero()) {
                let side = if keep.is_sign_negative() { Side::Short } else { Side::Long };
                let qty = keep.abs().normalize();
                warn!("{name}: a {side} position of {qty} is not ours and stays; --all closes it too");
            }
        }
        let whose = if all { "nothing is left on these symbols" } else { "nothing of ours is left on these symbols" };
        info!("Flat: {whose}");
    }
}
