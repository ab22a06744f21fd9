"""What python-binance reads, by requests and streams: python_binance_reads.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import asyncio
import json
import sys

import raw
from binance import AsyncClient, BinanceSocketManager, Client
from binance.ws.depthcache import FuturesDepthCacheManager

ASKED = json.loads(sys.argv[1])
SYMBOL, FROM, TO = ASKED["symbol"], ASKED["from"], ASKED["to"]


def pointed(client):
    client.FUTURES_URL = ASKED["http"] + "/fapi"
    return client


def requests():
    client = pointed(Client("key", "secret", ping=False))
    return raw.requests(
        info=client.futures_exchange_info(),
        candles={
            timeframe: client.futures_klines(symbol=SYMBOL, interval=timeframe, startTime=FROM, endTime=TO, limit=500)
            for timeframe in ASKED["timeframes"]
        },
        book=client.futures_order_book(symbol=SYMBOL, limit=20),
        quote=client.futures_orderbook_ticker(symbol=SYMBOL),
        mark=client.futures_mark_price(symbol=SYMBOL),
        settled=client.futures_funding_rate(symbol=SYMBOL, startTime=ASKED["funding_from"], endTime=TO, limit=100),
        trades=client.futures_aggregate_trades(symbol=SYMBOL, limit=50),
    )


async def heard(socket):
    """A socket's messages, without the wrapping of a combined one."""
    async with socket as stream:
        while True:
            message = await stream.recv()
            message = message.get("data", message)
            if message.get("e") == "error":
                raise RuntimeError(message)
            yield message


async def closed_candle(client, manager):
    async for message in heard(manager.kline_futures_socket(SYMBOL)):
        candle = message["k"]
        if candle["x"]:
            [asked] = await client.futures_klines(symbol=SYMBOL, interval="1m", startTime=candle["t"], limit=1)
            return {"said": [candle[name] for name in "tohlcv"], "asked": asked[:6]}


async def quotes(_, manager):
    said = []
    async for message in heard(manager.symbol_ticker_futures_socket(SYMBOL)):
        said.append([message["b"], message["a"]])
        if len(said) == 10:
            return said


async def mark(_, manager):
    async for message in heard(manager.symbol_mark_price_socket(SYMBOL)):
        return {"price": message["p"], "rate": message["r"], "next": message["T"], "at": message["E"]}


async def trades(_, manager):
    said = []
    async for message in heard(manager.aggtrade_futures_socket(SYMBOL)):
        said.append([message["T"], message["p"], message["q"]])
        if len(said) == 10:
            return said


async def depth(client, manager):
    """A book kept from changes as the exchange tells to, against one that is asked for, both at the same number."""
    kept, book, last, waiting, asked = {}, None, None, [], None

    async def ask():
        return await client.futures_order_book(symbol=SYMBOL, limit=1000)

    asking = None
    async for change in heard(manager.futures_multiplex_socket([f"{SYMBOL.lower()}@depth@100ms"], category="public")):
        asking = asking or asyncio.create_task(ask())
        waiting.append(change)
        if book is None and asking.done():
            book, asking = asking.result(), asyncio.create_task(ask())
            sides = {name: dict(book[name]) for name in ("bids", "asks")}
            waiting = [one for one in waiting if one["u"] >= book["lastUpdateId"]]
        if book is None:
            continue
        for one in waiting:
            follows = one["U"] <= book["lastUpdateId"] <= one["u"] if last is None else one["pu"] == last
            if not follows:
                raise RuntimeError(f"the change {one['U']} to {one['u']} does not follow {last or book['lastUpdateId']}")
            last = one["u"]
            for name, key in (("bids", "b"), ("asks", "a")):
                for price, amount in one[key]:
                    sides[name][price] = amount
                    if float(amount) == 0:
                        del sides[name][price]
            kept[last] = {
                name: sorted(([p, q] for p, q in sides[name].items()), key=lambda level: float(level[0]), reverse=name == "bids")[:10]
                for name in sides
            }
        waiting = []
        if asking.done():
            asked = asking.result()
            if asked["lastUpdateId"] in kept and len(kept) >= 20:
                return {"messages": len(kept), "said": kept[asked["lastUpdateId"]], "asked": {name: raw.levels(asked[name]) for name in sides}}
            if last > asked["lastUpdateId"]:
                asking = asyncio.create_task(ask())


async def cache(client, manager):
    """The client's own keeper of a book."""
    async with FuturesDepthCacheManager(client, SYMBOL, bm=manager) as keeper:
        for _ in range(5):
            book = await keeper.recv()
        return {"bids": raw.levels(book.get_bids()), "asks": raw.levels(book.get_asks())}


async def streams():
    client = pointed(AsyncClient("key", "secret"))
    try:
        manager = BinanceSocketManager(client, max_queue_size=10_000)
        manager.FSTREAM_URL = ASKED["ws"] + "/"
        said = {}

        async def keep(what):
            said[what.__name__] = await asyncio.wait_for(what(client, manager), ASKED["patience_s"])

        await asyncio.gather(*(keep(what) for what in (closed_candle, quotes, mark, trades, depth, cache)))
        return said
    finally:
        await client.close_connection()


print(json.dumps({**requests(), "streams": asyncio.run(streams())}))
