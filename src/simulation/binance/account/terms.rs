//! What a request asks of an order, and the rules of a market that it must keep.

use super::{
    super::{
        query::{Query, Refusal, refused},
        tape::Tape,
    },
    ledger::{Account, View, last, mark},
    margin::Claim,
    order::{Kind, Until},
    text::{flag, needed, number, precision},
};
use crate::market::{LARGEST_QTY, OrderSide, Timestamp, decimal, notional};
use rust_decimal::Decimal;

/// The largest quantities of a limit and of a market order, in steps, and the highest price, in ticks: as the listing says.
pub const MOST_STEPS: u32 = 1_000_000;
pub const MOST_MARKET_STEPS: u32 = 120_000;
pub const MOST_TICKS: u32 = 100_000_000;
/// Open orders and algo orders of a market, as the listing says.
pub const MOST_ORDERS: usize = 200;
pub const MOST_ALGOS: usize = 10;
/// How far from the mark price a limit may be on the losing side.
const PERCENT_PRICE: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
/// What a market order is reckoned at beyond the best price.
const BEYOND_BEST: Decimal = Decimal::from_parts(5, 0, 0, false, 4);
/// The longest client order id.
const LONGEST_ID: usize = 36;

/// An order as a request wants it.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub place: usize,
    pub side: OrderSide,
    pub kind: Kind,
    pub until: Until,
    pub qty: Decimal,
    /// 0 for a market order.
    pub price: Decimal,
    pub reduce_only: bool,
    pub client_id: String,
}

/// The place of a market.
///
/// # Errors
///
/// -1102 without a name, -1121 for one that is none.
pub fn place(view: View<'_>, query: &Query) -> Result<usize, Refusal> {
    let name = query.need("symbol")?;
    named(view, name)
}

/// The place of a market of that name.
///
/// # Errors
///
/// -1121 for one that is none.
pub fn named(view: View<'_>, name: &str) -> Result<usize, Refusal> {
    let found = view.tapes.iter().position(|tape| tape.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| refused(-1121, "Invalid symbol."))
}

/// Buy or sell.
///
/// # Errors
///
/// -1102 and -1117.
pub fn side(query: &Query) -> Result<OrderSide, Refusal> {
    match query.need("side")?.to_ascii_uppercase().as_str() {
        "BUY" => Ok(OrderSide::Buy),
        "SELL" => Ok(OrderSide::Sell),
        _ => Err(refused(-1117, "Invalid side.")),
    }
}

/// How long an order stays.
///
/// # Errors
///
/// -1115 for an unknown word, -1102 for a date that is missing or past.
pub fn until(now: Timestamp, query: &Query, usual: Option<Until>) -> Result<Until, Refusal> {
    let Some(word) = query.get("timeInForce") else {
        let missing = "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.";
        return usual.ok_or_else(|| refused(-1102, missing));
    };
    match word {
        "GTC" => Ok(Until::Gtc),
        "IOC" => Ok(Until::Ioc),
        "FOK" => Ok(Until::Fok),
        "GTX" => Ok(Until::Gtx),
        "GTD" => {
            query.need("goodTillDate")?;
            let at = Timestamp(query.whole("goodTillDate")?.unwrap_or_default());
            let wrong = "Parameter 'goodTillDate' is not valid: it must be more than 600 seconds ahead.";
            if at.since_ms(now) > 600_000 { Ok(Until::Gtd(at)) } else { Err(refused(-5040, wrong)) }
        }
        _ => Err(refused(-1115, "Invalid timeInForce.")),
    }
}

/// A client order id; `made` where there is none.
///
/// # Errors
///
/// -4015 for one that is too long, -1100 for other letters.
pub fn client_id(query: &Query, name: &str, made: u64) -> Result<String, Refusal> {
    let Some(given) = query.get(name) else { return Ok(format!("x{made}")) };
    if given.len() > LONGEST_ID {
        return Err(refused(-4015, "Client order id length should be less than 36 chars"));
    }
    if !given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte)) {
        let range = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$";
        let text = format!("Illegal characters found in parameter '{name}'; legal range is '{range}'.");
        return Err(refused(-1100, text));
    }
    Ok(given.to_owned())
}

/// The position side, which in one-way mode is none.
///
/// # Errors
///
/// -4061; in hedge mode always, since this exchange has no positions of two sides.
pub fn position_side(account: &Account, query: &Query) -> Result<(), Refusal> {
    let is_both = query.get("positionSide").is_none_or(|side| side.eq_ignore_ascii_case("BOTH"));
    if account.hedge || !is_both {
        return Err(refused(-4061, "Order's position side does not match user's setting."));
    }
    Ok(())
}

/// Whether a quantity keeps the rules.
///
/// # Errors
///
/// -1111, -4003, -4004, -4005 and -4023.
pub fn check_qty(tape: &Tape, qty: Decimal, most_steps: u32) -> Result<(), Refusal> {
    let rules = &tape.rules;
    if qty <= Decimal::ZERO {
        return Err(refused(-4003, "Quantity less than or equal to zero."));
    }
    if qty.scale() > rules.step.normalize().scale() {
        return Err(precision());
    }
    if qty > LARGEST_QTY || qty > rules.step * Decimal::from(most_steps) {
        return Err(refused(-4005, "Quantity greater than max quantity."));
    }
    if qty < rules.min_qty {
        return Err(refused(-4004, "Quantity less than min quantity."));
    }
    if !rules.is_on_step(qty) {
        return Err(refused(-4023, "Qty not increased by step size."));
    }
    Ok(())
}

/// Whether a price keeps the rules of its digits and limits.
///
/// # Errors
///
/// -1111, -4001, -4002 and -4013.
pub fn check_price(tape: &Tape, price: Decimal) -> Result<(), Refusal> {
    let tick = tape.rules.tick;
    if price <= Decimal::ZERO {
        return Err(refused(-4001, "Price less than 0."));
    }
    if price.scale() > tick.normalize().scale() {
        return Err(precision());
    }
    if price > tick * Decimal::from(MOST_TICKS) {
        return Err(refused(-4002, "Price greater than max price."));
    }
    if price < tick {
        return Err(refused(-4013, "Price less than min price."));
    }
    Ok(())
}

/// Whether a limit price stands on the tick and near enough to the mark price.
///
/// # Errors
///
/// As [`check_price`], and -4014, -4016 and -4024.
pub fn check_limit(view: View<'_>, place: usize, side: OrderSide, price: Decimal) -> Result<(), Refusal> {
    let tape = &view.tapes[place];
    check_price(tape, price)?;
    if !tape.rules.is_on_tick(price) {
        return Err(refused(-4014, "Price not increased by tick size."));
    }
    let around = mark(view, place);
    let (high, low) = (around + around * PERCENT_PRICE, around - around * PERCENT_PRICE);
    match side {
        OrderSide::Buy if price > high => {
            Err(refused(-4016, format!("Limit price can't be higher than {}.", high.normalize())))
        }
        OrderSide::Sell if price < low => {
            Err(refused(-4024, format!("Limit price can't be lower than {}.", low.normalize())))
        }
        OrderSide::Buy | OrderSide::Sell => Ok(()),
    }
}

/// Whether an order that may open is worth enough.
///
/// # Errors
///
/// -4164.
pub fn check_notional(tape: &Tape, price: Decimal, qty: Decimal, reduce_only: bool) -> Result<(), Refusal> {
    let least = tape.rules.min_notional;
    if reduce_only || notional(price, qty) >= least {
        return Ok(());
    }
    let least = least.normalize();
    Err(refused(-4164, format!("Order's notional must be no smaller than {least} (unless you choose reduce only).")))
}

/// At what price an order is reckoned: its own, or a little beyond the best one.
pub fn reckoned_price(view: View<'_>, place: usize, side: OrderSide, limit: Decimal) -> Decimal {
    if !limit.is_zero() {
        return limit;
    }
    let tape = &view.tapes[place];
    let Some(book) = tape.book() else { return last(view, place).and_then(decimal).unwrap_or_default() };
    match side {
        OrderSide::Buy => {
            let best = tape.rules.tick * Decimal::from(book.ask);
            best + best * BEYOND_BEST
        }
        OrderSide::Sell => (tape.rules.tick * Decimal::from(book.bid)).max(mark(view, place)),
    }
}

/// Whether the account may place an order of that size: margin and leverage.
///
/// # Errors
///
/// -2019 and -2027.
pub fn check_margin(account: &Account, view: View<'_>, claim: Claim) -> Result<(), Refusal> {
    if !account.affords(view, claim) {
        return Err(refused(-2019, "Margin is insufficient."));
    }
    if !account.keeps_bracket(view, claim) {
        return Err(refused(-2027, "Exceeded the maximum allowable position at current leverage."));
    }
    Ok(())
}

/// The order that a request wants, as far as it can be read.
///
/// # Errors
///
/// Whatever is missing or malformed.
pub fn wanted(account: &Account, view: View<'_>, query: &Query, made: u64) -> Result<Wanted, Refusal> {
    let place = place(view, query)?;
    let (tape, side) = (&view.tapes[place], side(query)?);
    let kind = match query.need("type")?.to_ascii_uppercase().as_str() {
        "MARKET" => Kind::Market,
        "LIMIT" => Kind::Limit,
        "STOP" | "STOP_MARKET" | "TAKE_PROFIT" | "TAKE_PROFIT_MARKET" | "TRAILING_STOP_MARKET" => {
            let text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
            return Err(refused(-4120, text));
        }
        _ => return Err(refused(-1116, "Invalid orderType.")),
    };
    if flag(query, "closePosition")? {
        let text = format!("Target strategy invalid for orderType '{}',closePosition 'true'.", kind.name());
        return Err(refused(-4136, text));
    }
    position_side(account, query)?;
    let qty = needed(query, "quantity")?;
    let (price, until) = match kind {
        Kind::Market => {
            if let Some(name) = ["timeInForce", "price"].into_iter().find(|name| query.get(name).is_some()) {
                return Err(refused(-1106, format!("Parameter '{name}' sent when not required.")));
            }
            (Decimal::ZERO, Until::Gtc)
        }
        Kind::Limit => {
            let until = until(view.now, query, None)?;
            (needed(query, "price")?, until)
        }
    };
    if query.get("priceMatch").is_some_and(|how| how != "NONE") {
        return Err(refused(-1130, "Data sent for parameter 'priceMatch' is not valid."));
    }
    number(query, "stopPrice")?;
    check_qty(tape, qty, if kind == Kind::Market { MOST_MARKET_STEPS } else { MOST_STEPS })?;
    if kind == Kind::Limit {
        check_limit(view, place, side, price)?;
    }
    let client_id = client_id(query, "newClientOrderId", made)?;
    let reduce_only = flag(query, "reduceOnly")?;
    Ok(Wanted { place, side, kind, until, qty, price, reduce_only, client_id })
}
