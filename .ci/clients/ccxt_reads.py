"""What ccxt reads, by requests and by ccxt.pro's streams: ccxt_reads.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import asyncio
import json
import sys

import ccxt
import ccxt.pro
from ccxt_local import point

ASKED = json.loads(sys.argv[1])
ID, FROM, TO = ASKED["symbol"], ASKED["from"], ASKED["to"]


def client(module):
    return point(module.binanceusdm({"options": {"fetchCurrencies": False}, "newUpdates": False}), ASKED)


def levels(side, count=10):
    return [[price, amount] for price, amount in side[:count]]


def requests():
    exchange = client(ccxt)
    markets = {market["id"]: market for market in exchange.load_markets().values()}
    symbol = markets[ID]["symbol"]
    candles = {}
    for timeframe in ASKED["timeframes"]:
        rows = exchange.fetch_ohlcv(symbol, timeframe, FROM, 500, {"endTime": TO})
        candles[timeframe] = [row[:6] for row in rows]
    book = exchange.fetch_order_book(symbol, 20)
    quote = exchange.fetch_bids_asks([symbol])[symbol]
    rate = exchange.fetch_funding_rate(symbol)
    settled = exchange.fetch_funding_rate_history(symbol, ASKED["funding_from"], 100, {"endTime": TO})
    trades = exchange.fetch_trades(symbol, limit=50)
    return {
        "markets": {
            name: [market["precision"]["price"], market["precision"]["amount"], market["limits"]["cost"]["min"]]
            for name, market in markets.items()
        },
        "candles": candles,
        "book": {"bids": levels(book["bids"]), "asks": levels(book["asks"])},
        "quotes": [[quote["bid"], quote["ask"]]],
        "mark": {"price": rate["markPrice"], "rate": rate["fundingRate"], "next": rate["fundingTimestamp"], "at": rate["timestamp"]},
        "funding": [[row["timestamp"], row["fundingRate"]] for row in settled],
        "trades": [[trade["timestamp"], trade["price"], trade["amount"]] for trade in trades],
    }


async def closed_candle(exchange, symbol):
    """ccxt shows no end of a candle: the last one is done once another has begun."""
    first = None
    while True:
        rows = await exchange.watch_ohlcv(symbol, "1m")
        first = first or rows[-1][0]
        done = [row for row in rows if first < row[0] < rows[-1][0]]  # the first was not seen from its beginning
        if done:
            row = list(done[0][:6])
            [asked] = await exchange.fetch_ohlcv(symbol, "1m", row[0], 1)
            return {"said": row, "asked": asked[:6]}


async def quotes(exchange, symbol):
    said = []
    while len(said) < 10:
        quote = (await exchange.watch_bids_asks([symbol]))[symbol]
        said.append([quote["bid"], quote["ask"]])
    return said


async def mark(exchange, symbol):
    said = await exchange.watch_mark_price(symbol)
    info = said["info"]
    return {"price": said["markPrice"], "rate": info["r"], "next": info["T"], "at": info["E"]}


async def trades(exchange, symbol):
    exchange.options["tradesLimit"] = 1000
    while True:
        said = await exchange.watch_trades(symbol)
        if len(said) >= 10:
            return [[trade["timestamp"], trade["price"], trade["amount"]] for trade in said]


async def depth(exchange, symbol):
    """The book that ccxt keeps from changes, against one that is asked for, both at the same number."""
    kept = {}

    async def listen():
        while True:
            book = await exchange.watch_order_book(symbol)
            kept[book["nonce"]] = {"bids": levels(book["bids"]), "asks": levels(book["asks"])}

    listener = asyncio.create_task(listen())
    try:
        while len(kept) < 20 and not listener.done():
            await asyncio.sleep(0.05)
        while not listener.done():
            asked = await exchange.fetch_order_book(symbol, 50)
            await asyncio.sleep(0.3)
            if asked["nonce"] in kept:
                book = {"bids": levels(asked["bids"]), "asks": levels(asked["asks"])}
                return {"messages": len(kept), "said": kept[asked["nonce"]], "asked": book}
        return listener.result()
    finally:
        listener.cancel()


async def streams():
    exchange = client(ccxt.pro)
    try:
        markets = await exchange.load_markets()
        symbol = next(name for name, market in markets.items() if market["id"] == ID)
        said = {}

        async def keep(name, coroutine):
            said[name] = await asyncio.wait_for(coroutine, ASKED["patience_s"])

        await asyncio.gather(*(keep(what.__name__, what(exchange, symbol)) for what in (closed_candle, quotes, mark, trades, depth)))
        return said
    finally:
        await exchange.close()


print(json.dumps({**requests(), "streams": asyncio.run(streams())}))
