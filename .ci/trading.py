"""The trading half of clients.py: three clients, each with an account of its own, and then each with everybody's.

First each does the same steps (clients/steps.py) while it hears its account's stream; then, with all accounts at rest, each reads all of
them. What they say is compared with each other, with the streams, with the exchange's own record, and with what the exchange documents.
"""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation

SCRIPTS = {
    "ccxt": "ccxt_trades.py",
    "python-binance": "python_binance_trades.py",
    "binance-futures-connector": "connector_trades.py",
}
CAPITAL, LEVERAGE, PATIENCE_S = 10_000, 7, 60
# by the clock of this machine, as the clients' signatures are
FLAGS = ["--now", "--accounts", str(len(SCRIPTS)), "--capital", str(CAPITAL), "--symbols", "BTCUSDT,ETHUSDT"]
REFUSALS = {
    "wrong signature": -1022, "wrong key": -2015, "stale": -1021, "early": -1021, "too small": -4164, "nothing": -4003, "off step": -1111,
    "off tick": -1111, "too far": -4024, "insufficient margin": -2019, "no such market": -1121, "without a price": -1102,
    "stop among orders": -4120, "unknown order": [-2013, -2011, -2011], "leverage": -4028,
}


def plain(value):
    """Numbers as decimals, whether a client gives text or floats."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, (bool, type(None))):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def key(place):
    return {"key": f"playedkey{place + 1}", "secret": f"playedsecret{place + 1}"}


def record(http):
    """All entries of the exchange's own record."""
    opener, entries = urllib.request.build_opener(urllib.request.ProxyHandler({})), []
    while True:
        with opener.open(f"{http}/played/record?from={len(entries)}", timeout=PATIENCE_S) as answer:
            more = json.load(answer)
        entries += more
        if not more:
            return plain(entries)


def everybody(run, wishes):
    """What each client's script says of its wish."""
    with ThreadPoolExecutor(len(SCRIPTS)) as pool:
        running = {client: pool.submit(run, client, SCRIPTS[client], wish) for client, wish in wishes.items()}
    failures = [f"FAIL  {client}: {one.exception()}" for client, one in running.items() if one.exception()]
    assert not failures, "\n".join(failures)
    said = {}
    for client, one in running.items():
        text, took = one.result()
        said[client] = plain(json.loads(text))
        print(f"ok    {client} {'read all accounts' if 'reads' in wishes[client] else 'traded'} in {took:.1f} s")
    return said


def check_begin(said, _):
    for client, one in said.items():
        assert one["said"]["begins"] == [CAPITAL, {}, []], f"{client} begins with {one['said']['begins']}"
        settings = one["said"]["settings"]
        assert settings == ["crossed", -4046, LEVERAGE, LEVERAGE, LEVERAGE, "isolated"], f"{client}: {settings}"


def check_same(part):
    def check(said, _):
        one = said["ccxt"]["said"][part]
        for client, other in said.items():
            for step, want in one.items():
                got = other["said"][part][step]
                assert got == want, f"{part}, {step}: ccxt says {want}, {client} {got}"

    return check


def check_orders(said, _):
    orders = said["ccxt"]["said"]["orders"]
    for step, status in (("market", "closed"), ("at once", "closed"), ("reduce", "closed"), ("short", "closed")):
        assert [row[1] for row in orders[step]] == [status, status], f"{step}: {orders[step]}"
        assert all(row[4] == row[5] for row in orders[step]), f"{step} is not filled: {orders[step]}"
    limit, opened = orders["limit"]
    assert limit[1] == "open" and opened == [limit], f"limit: {orders['limit']}"
    assert orders["no double"] == -4116, orders["no double"]
    cancelled, looked, left, again = orders["cancel"]
    assert (cancelled[1], looked[1], left, again) == ("canceled", "canceled", [], -2011), f"cancel: {orders['cancel']}"
    rests, opened = orders["post-only rests"]
    assert rests[1] == "open" and opened == [rests], f"post-only: {orders['post-only rests']}"
    assert orders["post-only crosses"] == -5022, orders["post-only crosses"]
    left, *ended = orders["cancel all"]
    assert left == [] and [row[1] for row in ended] == ["canceled"] * 2, f"cancel all: {orders['cancel all']}"
    assert orders["no reduce"] == [-2022, -2022], orders["no reduce"]
    assert orders["positions"] == {"BTCUSDT": Decimal("0.012"), "ETHUSDT": Decimal("-0.2")}, orders["positions"]


def check_protection(said, _):
    stops = said["ccxt"]["said"]["protection"]
    placed = [stops[kind] for kind in ("stop", "target", "trailing")]
    assert [row[1] for row in placed] == ["open"] * 3, placed
    assert sorted(row[0] for row in stops["waiting"]) == ["s1", "t1", "u1"], stops["waiting"]
    assert stops["apart"] == [[], -2013], f"among orders: {stops['apart']}"
    assert stops["wrong side"] == [-2021, -2021], stops["wrong side"]
    looked, again, left = stops["cancelled"]
    assert (looked[1], again, left) == ("canceled", -2011, 2), stops["cancelled"]
    left, *ended = stops["all cancelled"]
    assert left == [] and [row[1] for row in ended] == ["canceled"] * 2, stops["all cancelled"]
    assert stops["no second"] == -4130, stops["no second"]
    assert stops["one fires"] == [["closed", "expired"], []], stops["one fires"]


def check_refusals(said, _):
    for client, one in said.items():
        wrong = {name: got for name, got in one["said"]["refusals"].items() if got != REFUSALS[name]}
        assert not wrong, f"{client} is told {wrong}"


def check_sums(said, entries):
    """Trades lead to the position and, with fees and funding, to the balance."""
    for place, (client, one) in enumerate(said.items()):
        ends = one["ends"]
        rows = [row for trades in ends["trades"].values() for row in trades]
        funding = sum(entry["amount"] for entry in entries if entry["what"] == "funding" and entry["account"] == place)
        wallet = CAPITAL + funding + sum(row[6] - row[5] for row in rows)
        assert wallet == ends["wallet"], f"{client}: trades lead to {wallet} USDT, the balance is {ends['wallet']}"
        for symbol, trades in ends["trades"].items():
            held = sum(row[4] if row[2] == "buy" else -row[4] for row in trades)
            assert held == ends["positions"].get(symbol, [0])[0], f"{client}: {symbol} {held}, {ends['positions']}"
        assert list(ends["positions"]) == ["ETHUSDT"], f"{client} holds {ends['positions']}"


def check_streams(said, _):
    for client, one in said.items():
        ends, stream = one["ends"], one["stream"]
        asked = sorted(row[0] for trades in ends["trades"].values() for row in trades)
        assert stream["trades"] == asked, f"{client} hears of trades {stream['trades']}, requests list {asked}"
        assert stream["wallet"] == ends["wallet"], f"{client} hears of {stream['wallet']} USDT, not {ends['wallet']}"
        for symbol, held in stream["positions"].items():
            assert held == ends["positions"].get(symbol, [0])[0], f"{client} hears of {symbol} {held}: {ends['positions']}"
        orders = {"m1": "closed", "l1": "canceled", "l2": "closed", "p1": "canceled", "l3": "canceled", "r1": "closed", "m2": "closed"}
        heard = {name: stream["orders"].get(name) for name in orders}
        assert heard == orders, f"{client} hears of {heard}"


def check_readings(said, readings):
    """Everybody says the same of every account, and as its owner said."""
    for place, (owner, one) in enumerate(said.items()):
        for client, accounts in readings.items():
            for part, want in one["ends"].items():
                got = accounts[place][part]
                assert got == want, f"{part} of the account of {owner}: {client} says {got}, {owner} {want}"


def check_record(said, entries):
    for place, (client, one) in enumerate(said.items()):
        mine = [entry for entry in entries if entry["account"] == place]
        for symbol, trades in one["ends"]["trades"].items():
            fills = [entry for entry in mine if entry["what"] == "fill" and entry["symbol"] == symbol]
            names = ("trade", "order", "side", "price", "qty", "fee", "realised", "maker", "at")
            rows = [[entry[name].lower() if name == "side" else entry[name] for name in names] for entry in fills]
            assert rows == trades, f"{client} says {trades}, the record {rows}"
        balances = [entry["wallet"] for entry in mine if entry["what"] == "balance"]
        assert balances[-1] == one["ends"]["wallet"], f"{client} says {one['ends']['wallet']}, the record {balances[-1]}"


def check_all(http, ws, run):
    asked = {"http": http, "ws": ws, "patience_s": PATIENCE_S}
    said = everybody(run, {client: {**asked, "account": key(place)} for place, client in enumerate(SCRIPTS)})
    accounts = [key(place) for place in range(len(SCRIPTS))]
    readings = everybody(run, {client: {**asked, "reads": accounts} for client in SCRIPTS})
    entries = record(http)
    return {
        "accounts: capital, leverage, margin mode": lambda: check_begin(said, entries),
        "orders: the same for all clients": lambda: check_same("orders")(said, entries),
        "orders: market, limit, post-only, reduce-only, cancel": lambda: check_orders(said, entries),
        "protection: the same for all clients": lambda: check_same("protection")(said, entries),
        "protection: stop, target, trailing, one that fires": lambda: check_protection(said, entries),
        "refusals have the exchange's numbers": lambda: check_refusals(said, entries),
        "trades lead to position and balance": lambda: check_sums(said, entries),
        "streams tell what requests list": lambda: check_streams(said, entries),
        "every client says the same of every account": lambda: check_readings(said, readings),
        "the exchange's record says so too": lambda: check_record(said, entries),
    }
