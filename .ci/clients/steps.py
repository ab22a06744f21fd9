"""What each client does with its account: the same steps through its own calls, and what it says of them.

A client is an object with the calls below (see ccxt_trades.py and the others). An order is a row [id, status, side, type, amount, filled,
reduce-only] with the status in the words of ccxt: open, closed, canceled, expired.
"""

import time
from decimal import Decimal

BTC, ETH = "BTCUSDT", "ETHUSDT"
LEVERAGE = 7
NEAR = Decimal("1")  # USDT below the bid: so near that a stop there fires within seconds
TRIES, TRY_S = 10, 5


class Refused(Exception):
    """The exchange's answer to what it does not take."""

    def __init__(self, code, kind=None):
        super().__init__(code)
        self.code, self.kind = code, kind


def code(call, *arguments, **named):
    """The number of the refusal."""
    try:
        answer = call(*arguments, **named)
    except Refused as refused:
        return refused.code
    return f"taken: {answer!r}"


def within(ready, patience_s):
    """What is there in the end, or nothing."""
    end = time.monotonic() + patience_s
    while not (value := ready()) and time.monotonic() < end:
        time.sleep(0.2)
    return value


def eventually(ready, patience_s, what):
    if not within(ready, patience_s):
        raise RuntimeError(f"no {what} within {patience_s} s")


def on_tick(price, tick="0.1"):
    return str((price / Decimal(tick)).to_integral_value() * Decimal(tick))


def settings(client):
    said = [client.settings(BTC)[1]]
    client.isolate(BTC)
    client.isolate(ETH)
    said += [code(client.isolate, BTC), client.set_leverage(BTC, LEVERAGE), client.set_leverage(ETH, LEVERAGE)]
    return said + client.settings(BTC)


def orders(client):
    """Market, limit, post-only and reduce-only orders; by the way, a position of 0.012 BTC and one of -0.2 ETH."""
    said, far = {}, on_tick(client.quote(BTC)[0] * Decimal("0.97"))
    said["market"] = [client.place(BTC, "BUY", "MARKET", "0.020", "m1"), client.look(BTC, "m1")]
    said["limit"] = [client.place(BTC, "BUY", "LIMIT", "0.010", "l1", price=far), client.open_orders(BTC)]
    said["no double"] = code(client.place, BTC, "BUY", "LIMIT", "0.010", "l1", price=far)
    said["cancel"] = [client.cancel(BTC, "l1"), client.look(BTC, "l1"), client.open_orders(BTC), code(client.cancel, BTC, "l1")]
    above = on_tick(client.quote(BTC)[1] * Decimal("1.01"))
    said["at once"] = [client.place(BTC, "BUY", "LIMIT", "0.002", "l2", price=above, until="IOC"), client.look(BTC, "l2")]
    said["post-only rests"] = [client.place(BTC, "BUY", "LIMIT", "0.010", "p1", price=far, until="GTX"), client.open_orders(BTC)]
    said["post-only crosses"] = code(client.place, BTC, "BUY", "LIMIT", "0.010", "p2", price=above, until="GTX")
    client.place(BTC, "BUY", "LIMIT", "0.011", "l3", price=far)
    client.cancel_all(BTC)
    said["cancel all"] = [client.open_orders(BTC), client.look(BTC, "p1"), client.look(BTC, "l3")]
    said["reduce"] = [client.place(BTC, "SELL", "MARKET", "0.010", "r1", reduce=True), client.look(BTC, "r1")]
    said["no reduce"] = [
        code(client.place, BTC, "BUY", "MARKET", "0.010", "r2", reduce=True),
        code(client.place, ETH, "SELL", "MARKET", "0.1", "r3", reduce=True),
    ]
    said["short"] = [client.place(ETH, "SELL", "MARKET", "0.2", "m2"), client.look(ETH, "m2")]
    said["positions"] = {symbol: held[0] for symbol, held in client.positions().items()}
    return said


def protection(client, patience_s):
    """Stops, targets and trailing stops: some cancelled, and two of which one fires."""
    said, (bid, ask) = {}, client.quote(BTC)
    below, beyond = on_tick(bid * Decimal("0.97")), on_tick(ask * Decimal("1.03"))
    said["stop"] = client.protect(BTC, "SELL", "STOP_MARKET", "s1", qty="0.012", trigger=below)
    said["target"] = client.protect(BTC, "SELL", "TAKE_PROFIT_MARKET", "t1", qty="0.012", trigger=beyond)
    said["trailing"] = client.protect(BTC, "SELL", "TRAILING_STOP_MARKET", "u1", qty="0.012", callback="3")
    said["wrong side"] = [
        code(client.protect, BTC, "SELL", "STOP_MARKET", "s2", qty="0.012", trigger=beyond),
        code(client.protect, BTC, "SELL", "TAKE_PROFIT_MARKET", "t2", qty="0.012", trigger=below),
    ]
    said["waiting"] = client.open_conditionals(BTC)
    said["apart"] = [client.open_orders(BTC), code(client.look, BTC, "s1")]
    client.cancel_conditional("t1")
    said["cancelled"] = [client.look_conditional("t1"), code(client.cancel_conditional, "t1"), len(client.open_conditionals(BTC))]
    client.cancel_all_conditionals(BTC)
    said["all cancelled"] = [client.open_conditionals(BTC), client.look_conditional("s1"), client.look_conditional("u1")]
    client.protect(BTC, "SELL", "TAKE_PROFIT_MARKET", "c", close=True, trigger=beyond)
    said["no second"] = code(client.protect, BTC, "SELL", "TAKE_PROFIT_MARKET", "c0", close=True, trigger=beyond)
    fired = fire(client)
    ended = lambda: [client.look_conditional(id)[1] for id in (fired, "c")]
    eventually(lambda: "open" not in ended(), patience_s, "end of stop and target")
    said["one fires"] = [ended(), client.open_conditionals(BTC)]
    return said


def fire(client):
    """A stop that closes the position, placed anew below the market until it was reached."""
    flat = lambda: BTC not in client.positions()
    for attempt in range(TRIES):
        name = f"c{attempt + 1}"
        try:
            client.protect(BTC, "SELL", "STOP_MARKET", name, close=True, trigger=on_tick(client.quote(BTC)[0] - NEAR))
            if within(flat, TRY_S):
                return name
            client.cancel_conditional(name)
        except Refused as refused:
            if within(flat, 1):  # it fired as it was cancelled
                return name
            if refused.code != -2021:  # the market was there already
                raise
    raise RuntimeError(f"no stop fired in {TRIES} tries")


def refusals(client):
    """What may not be, each with the exchange's number."""
    bid, _ = client.quote(BTC)
    limit = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
    far = bid * Decimal("0.97")
    stop = {"symbol": BTC, "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010", "stopPrice": on_tick(far)}
    return {
        "wrong signature": code(client.other(secret="wrongsecret").balance),
        "wrong key": code(client.other(key="nobody").balance),
        "stale": code(client.other(ahead_ms=-60_000).balance),
        "early": code(client.other(ahead_ms=60_000).balance),
        "too small": code(client.order, **{**limit, "symbol": ETH, "quantity": "0.001", "price": on_tick(client.quote(ETH)[0])}),
        "nothing": code(client.order, **{**limit, "quantity": "0", "price": on_tick(far)}),
        "off step": code(client.order, **{**limit, "quantity": "0.0105", "price": on_tick(far)}),
        "off tick": code(client.order, **{**limit, "price": on_tick(far) + "7"}),
        "too far": code(client.order, **{**limit, "side": "SELL", "price": on_tick(bid * Decimal("0.5"))}),
        "insufficient margin": code(client.order, symbol=BTC, side="BUY", type="MARKET", quantity="5"),
        "no such market": code(client.order, **{**limit, "symbol": "NOUSDT", "price": "1"}),
        "without a price": code(client.order, **limit),
        "stop among orders": code(client.stop_among_orders, stop),
        "unknown order": [code(client.look, BTC, "nothing"), code(client.cancel, BTC, "nothing"), code(client.cancel_conditional, "nothing")],
        "leverage": code(client.set_leverage_raw, BTC, 999),
    }


def read(client):
    """An account at rest, in full."""
    return {
        "wallet": client.balance(),
        "positions": client.positions(),
        "trades": {symbol: client.trades(symbol) for symbol in (BTC, ETH)},
        "settings": {symbol: client.settings(symbol) for symbol in (BTC, ETH)},
    }


def trade(client, stream, asked):
    """All of it, while the account's stream is heard."""
    said = {"begins": [client.balance(), client.positions(), client.open_orders(BTC)]}
    said["settings"] = settings(client)
    said["orders"] = orders(client)
    said["protection"] = protection(client, asked["patience_s"])
    said["refusals"] = refusals(client)
    ends = read(client)
    trades = {trade[0] for rows in ends["trades"].values() for trade in rows}
    eventually(lambda: trades <= set(stream.trades), asked["patience_s"], "trade of the stream that requests list")
    time.sleep(0.5)  # what comes behind the last trade
    heard = {"trades": sorted(stream.trades), "orders": stream.orders, "wallet": stream.wallet, "positions": stream.positions}
    return {"said": said, "ends": ends, "stream": heard}


def said(asked, client, stream):
    """The answer to what was asked: readings of accounts, or all that is done with one, by a client and a stream that are made of it."""
    if "reads" in asked:
        return [read(client(**account)) for account in asked["reads"]]
    heard = stream(asked["account"])
    try:
        return trade(client(**asked["account"]), heard, asked)
    finally:
        heard.close()
