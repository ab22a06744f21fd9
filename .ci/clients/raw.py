"""The exchange's rows as what ../clients.py compares, for clients that pass them on as they came."""


def levels(side, count=10):
    return [list(level[:2]) for level in side[:count]]


def rules(market):
    filters = {rule["filterType"]: rule for rule in market["filters"]}
    return [filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"], filters["MIN_NOTIONAL"]["notional"]]


def requests(info, candles, book, quote, mark, settled, trades):
    """`candles`: rows by timeframe."""
    return {
        "markets": {market["symbol"]: rules(market) for market in info["symbols"]},
        "candles": {timeframe: [row[:6] for row in rows] for timeframe, rows in candles.items()},
        "book": {"bids": levels(book["bids"]), "asks": levels(book["asks"])},
        "quotes": [[quote["bidPrice"], quote["askPrice"]]],
        "mark": {"price": mark["markPrice"], "rate": mark["lastFundingRate"], "next": mark["nextFundingTime"], "at": mark["time"]},
        "funding": [[row["fundingTime"], row["fundingRate"]] for row in settled],
        "trades": [[trade["T"], trade["p"], trade["q"]] for trade in trades],
    }
