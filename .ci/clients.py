"""Real clients of Binance read `bot exchange`, trade on it and agree with each other: clients.py BOT VENVS

VENVS has a virtual environment for each client. They run side by side, each a script of .ci/clients that prints what it
read by requests and by streams; here it is compared. The trading half is in trading.py. Nothing leaves this machine.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import trading

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = {
    "ccxt": "ccxt_reads.py",
    "python-binance": "python_binance_reads.py",
    "binance-futures-connector": "connector_reads.py",
}
KEEPS_BOOK = ("ccxt", "python-binance")
SYMBOL, SPEED, LIMIT_S, PATIENCE_S = "BTCUSDT", 20, 70, 40
MINUTE_MS, HOURS, FUNDING_DAYS = 60_000, 2, 5
NEAR = Decimal("0.01")  # of a price, while the market moves on between two looks
SAME_RATE = Decimal("0.00001")  # a rate under way moves less than this meanwhile
STILL = ("markets", "candles", "funding")  # what no time changes: equal to the digit


def without_proxies():
    """A proxy would be asked even for this machine's own address."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def decimals(value):
    """Numbers are compared as decimals, whether a client gives text or floats."""
    if isinstance(value, dict):
        return {name: decimals(inner) for name, inner in value.items()}
    return [decimals(inner) for inner in value] if isinstance(value, list) else Decimal(str(value))


def addresses(line):
    words = line.split()
    assert words[:2] == ["Listening", "on"], f"the exchange said {line!r}"
    return words[2], words[4]


def asked(line):
    http, ws = addresses(line)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    now = json.load(opener.open(http + "/fapi/v1/time", timeout=PATIENCE_S))["serverTime"]
    end = now - now % (5 * MINUTE_MS)
    return {
        "http": http, "ws": ws, "symbol": SYMBOL, "timeframes": ["1m", "5m"], "patience_s": PATIENCE_S,
        "from": end - HOURS * 60 * MINUTE_MS, "to": end - 1, "funding_from": end - FUNDING_DAYS * 24 * 60 * MINUTE_MS,
    }


def run(client, script, asked, venvs):
    """The last line that a client's script prints, and how long it took. One that fails shows its words."""
    start, python = time.monotonic(), os.path.join(venvs, client, "bin", "python")
    assert os.path.exists(python), f"{python} is missing (.ci/run packages makes it)"
    command = [python, os.path.join(HERE, "clients", script), json.dumps(asked)]
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=without_proxies(), timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{client} was not done after {LIMIT_S} s\n{(late.stderr or b'').decode()}") from None
    assert ended.returncode == 0, f"{client} ended with exit code {ended.returncode}\n{ended.stderr}"
    return ended.stdout.splitlines()[-1], time.monotonic() - start


def read(asked, venvs):
    """What each client read."""
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        running = {client: pool.submit(run, client, script, asked, venvs) for client, script in CLIENTS.items()}
    readings, failures = {}, []
    for client, one in running.items():
        if one.exception():
            failures.append(f"FAIL  {client}: {one.exception()}")
        else:
            text, took = one.result()
            readings[client] = decimals(json.loads(text))
            print(f"ok    {client} read all in {took:.1f} s")
    assert not failures, "\n".join(failures)
    return readings


def is_near(one, other):
    return abs(one - other) <= NEAR * other


def check_markets(readings):
    for client, reading in readings.items():
        markets = reading["markets"]
        assert SYMBOL in markets and len(markets) >= 3, f"{client} lists {list(markets)}"
        assert all(value > 0 for rules in markets.values() for value in rules), f"{client}: a rule is missing in {markets}"


def check_candles(readings):
    """Each one there, and those of five minutes made of those of one."""
    for client, reading in readings.items():
        ones, fives = reading["candles"]["1m"], reading["candles"]["5m"]
        assert (len(ones), len(fives)) == (HOURS * 60, HOURS * 12), f"{client} has {len(ones)} and {len(fives)}"
        for place, five in enumerate(fives):
            part = ones[5 * place:5 * place + 5]
            opens, highs, lows, closes, volumes = ([row[column] for row in part] for column in range(1, 6))
            made = [part[0][0], opens[0], max(highs), min(lows), closes[-1], sum(volumes)]
            assert made == five, f"{client}: {five} is not made of {part}"


def check_funding(readings):
    for client, reading in readings.items():
        assert len(reading["funding"]) == FUNDING_DAYS * 3, f"{client} has {len(reading['funding'])} settled rates"


def check_book(book, middle, where):
    bids, asks = book["bids"], book["asks"]
    assert len(bids) == len(asks) == 10, f"{where}: {len(bids)} bids and {len(asks)} asks"
    prices = [price for price, _ in reversed(bids)] + [price for price, _ in asks]
    assert all(one < other for one, other in zip(prices, prices[1:])), f"{where}: the prices are out of order: {prices}"
    assert all(amount > 0 for _, amount in bids + asks), f"{where}: an empty level"
    assert is_near(prices[0], middle) and is_near(prices[-1], middle), f"{where}: {prices} is far from {middle}"


def check_quotes(quotes, middle, where):
    for bid, ask in quotes:
        assert bid < ask and is_near(bid, middle), f"{where}: {bid} to {ask}, the middle being {middle}"


def check_mark(mark, first, middle, where):
    assert is_near(mark["price"], middle), f"{where}: the mark is {mark['price']}, the middle {middle}"
    assert mark["next"] == first["next"] > mark["at"], f"{where}: the next funding is at {mark['next']}, not {first['next']}"
    assert abs(mark["rate"] - first["rate"]) < SAME_RATE, f"{where}: the rate is {mark['rate']}, not {first['rate']}"


def check_trades(trades, middle, where):
    assert len(trades) >= 10, f"{where}: {len(trades)} trades"
    times = [trade[0] for trade in trades]
    assert times == sorted(times), f"{where}: trades out of order"
    assert all(is_near(price, middle) and amount > 0 for _, price, amount in trades), f"{where}: {trades}"


def check_moving(name, check, readings, middle):
    """What each client was answered and told, each by itself: the market goes on meanwhile."""
    for client, reading in readings.items():
        check(reading[name], middle, f"{client}, {name} by request")
        check(reading["streams"][name], middle, f"{client}, {name} by stream")


def check_closed(readings):
    for client, reading in readings.items():
        candle = reading["streams"]["closed_candle"]
        assert candle["said"] == candle["asked"], f"{client}: the stream ended {candle['said']}, a request gives {candle['asked']}"
        assert candle["said"][0] % MINUTE_MS == 0 and candle["said"][5] > 0, f"{client}: {candle['said']}"


def check_kept_books(readings, middle):
    for client in KEEPS_BOOK:
        depth = readings[client]["streams"]["depth"]
        check_book(depth["said"], middle, f"{client}, the book it keeps")
        assert depth["messages"] >= 20, f"{client} kept {depth['messages']} books"
        assert depth["said"] == depth["asked"], f"{client} keeps {depth['said']}, a request gives {depth['asked']}"
    check_book(readings["python-binance"]["streams"]["cache"], middle, "python-binance, its depth cache")
    assert readings["binance-futures-connector"]["streams"]["changes"] >= 20


def check_same(what, readings):
    first, one = next(iter(readings.items()))
    for client, other in readings.items():
        assert one[what] == other[what], f"{first} has {one[what]}, {client} has {other[what]}"


def reading(line, venvs):
    """What is to be checked of what was read."""
    readings = read(asked(line), venvs)
    first = readings["ccxt"]
    middle = sum(first["quotes"][0]) / 2
    checks = {
        "markets: ticks, steps, minimums": lambda: check_markets(readings),
        "candles: 1m and 5m": lambda: check_candles(readings),
        "funding: settled": lambda: check_funding(readings),
        "books by request": lambda: [check_book(reading["book"], middle, client) for client, reading in readings.items()],
        "books kept from changes": lambda: check_kept_books(readings, middle),
        "quotes": lambda: check_moving("quotes", check_quotes, readings, middle),
        "mark and funding under way": lambda: check_moving(
            "mark", lambda mark, middle, where: check_mark(mark, first["mark"], middle, where), readings, middle),
        "trades": lambda: check_moving("trades", check_trades, readings, middle),
        "candles by stream": lambda: check_closed(readings),
    }
    for what in STILL:
        checks[f"{what}: the same for all clients"] = lambda what=what: check_same(what, readings)
    return checks


def traded(line, venvs):
    http, ws = addresses(line)
    return trading.check_all(http, ws, lambda client, script, wish: run(client, script, wish, venvs))


def failed_of(checks):
    failed = 0
    for name, check in checks.items():
        try:
            check()
            print(f"ok    {name}")
        except (AssertionError, KeyError, IndexError) as error:
            failed += 1
            print(f"FAIL  {name}: {error!r}"[:2_000])
    return failed


def on_exchange(half, flags, bot, venvs, folder):
    """Runs one half on an exchange of its own; what went wrong, or nothing."""
    exchange = subprocess.Popen(
        [bot, "exchange", "--listen", "127.0.0.1:0", "--seed", "1", *flags],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env={"RUST_LOG": "error"}, cwd=folder, text=True,
    )
    alarm = threading.Timer(2 * LIMIT_S, exchange.kill)  # one that says nothing fails below
    alarm.start()
    try:
        failed = failed_of(half(exchange.stdout.readline(), venvs))
        assert exchange.poll() is None, f"the exchange ended with {exchange.returncode}"
    except AssertionError as error:
        return str(error)
    finally:
        alarm.cancel()
        exchange.terminate()
        exchange.wait(10)
    return f"{failed} checks failed" if failed else None


def main(bot, venvs, folder):
    wrong = [
        on_exchange(reading, ["--speed", str(SPEED)], bot, venvs, folder),
        on_exchange(traded, trading.FLAGS, bot, venvs, folder),
    ]
    return "\n".join(filter(None, wrong)) or None


with tempfile.TemporaryDirectory() as scratch:
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), scratch))
