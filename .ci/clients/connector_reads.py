"""What binance-futures-connector reads, by requests and streams: connector_reads.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import json
import queue
import sys
import time

import raw
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

ASKED = json.loads(sys.argv[1])
SYMBOL, FROM, TO = ASKED["symbol"], ASKED["from"], ASKED["to"]
CLIENT = UMFutures(base_url=ASKED["http"], timeout=ASKED["patience_s"])


def requests():
    return raw.requests(
        info=CLIENT.exchange_info(),
        candles={
            timeframe: CLIENT.klines(SYMBOL, timeframe, startTime=FROM, endTime=TO, limit=500) for timeframe in ASKED["timeframes"]
        },
        book=CLIENT.depth(SYMBOL, limit=20),
        quote=CLIENT.book_ticker(symbol=SYMBOL),
        mark=CLIENT.mark_price(SYMBOL),
        settled=CLIENT.funding_rate(SYMBOL, startTime=ASKED["funding_from"], endTime=TO, limit=100),
        trades=CLIENT.agg_trades(SYMBOL, limit=50),
    )


def streams():
    """One connection a route, and what came on both until nothing is missing."""
    messages = queue.Queue()

    def connected(route):
        take = lambda _, text: messages.put(json.loads(text))
        fail = lambda _, error: messages.put({"e": "error", "m": repr(error)})
        return UMFuturesWebsocketClient(stream_url=f"{ASKED['ws']}/{route}", on_message=take, on_error=fail)

    market, public = connected("market"), connected("public")
    market.kline(SYMBOL, "1m", id=1)
    market.mark_price(SYMBOL, speed=1, id=2)
    market.agg_trade(SYMBOL, id=3)
    public.book_ticker(SYMBOL, id=4)
    public.diff_book_depth(SYMBOL, speed=100, id=5)
    said = {"quotes": [], "trades": [], "changes": 0}
    last, end = None, time.monotonic() + ASKED["patience_s"]
    while not (
        {"closed_candle", "mark"} <= said.keys() and len(said["quotes"]) >= 10 and len(said["trades"]) >= 10 and said["changes"] >= 20
    ):
        message = messages.get(timeout=max(0.001, end - time.monotonic()))
        kind = message.get("e")
        if kind == "error":
            raise RuntimeError(message["m"])
        if kind == "kline" and message["k"]["x"] and "closed_candle" not in said:
            candle = message["k"]
            [asked] = CLIENT.klines(SYMBOL, "1m", startTime=candle["t"], limit=1)
            said["closed_candle"] = {"said": [candle[name] for name in "tohlcv"], "asked": asked[:6]}
        elif kind == "markPriceUpdate":
            said["mark"] = {"price": message["p"], "rate": message["r"], "next": message["T"], "at": message["E"]}
        elif kind == "aggTrade":
            said["trades"].append([message["T"], message["p"], message["q"]])
        elif kind == "bookTicker":
            said["quotes"].append([message["b"], message["a"]])
        elif kind == "depthUpdate":
            if last is not None and message["pu"] != last:
                raise RuntimeError(f"the change {message['U']} to {message['u']} does not follow {last}")
            last = message["u"]
            said["changes"] += 1
    market.stop()
    public.stop()
    return said


print(json.dumps({**requests(), "streams": streams()}))
