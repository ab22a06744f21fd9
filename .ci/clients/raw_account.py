"""The account's rows as the exchange sends them, as what ../clients.py compares; for clients that pass them on as they came."""

STATUS = {
    "NEW": "open", "PARTIALLY_FILLED": "open", "FILLED": "closed", "CANCELED": "canceled", "EXPIRED": "expired",
    "TRIGGERING": "open", "TRIGGERED": "closed", "FINISHED": "closed", "REJECTED": "rejected",
}


def order(row):
    """One of either service."""
    status, kind = row.get("status") or row["algoStatus"], row.get("type") or row["orderType"]
    amount, filled = row.get("origQty") or row["quantity"], row.get("executedQty", "0")
    identity = row.get("clientOrderId") or row["clientAlgoId"]
    return [identity, STATUS[status], row["side"].lower(), kind.lower(), amount, filled, row["reduceOnly"]]


def wallet(balances):
    return next(row["balance"] for row in balances if row["asset"] == "USDT")


def positions(rows):
    return {row["symbol"]: [row["positionAmt"], row["entryPrice"]] for row in rows if float(row["positionAmt"]) != 0}


def trades(rows):
    return [
        [row["id"], row["orderId"], row["side"].lower(), row["price"], row["qty"], row["commission"], row["realizedPnl"], row["maker"], row["time"]]
        for row in rows
    ]


def settings(rows, symbol):
    row = next(row for row in rows if row["symbol"] == symbol)
    return [row["leverage"], row["marginType"].lower()]


class Stream:
    """What the account's stream says."""

    def __init__(self):
        self.trades, self.orders, self.wallet, self.positions = [], {}, None, {}

    def take(self, message):
        kind = message.get("e")
        if kind == "ORDER_TRADE_UPDATE":
            row = message["o"]
            self.orders[row["c"]] = STATUS[row["X"]]
            if row["x"] == "TRADE":
                self.trades.append(row["t"])
        elif kind == "ACCOUNT_UPDATE":
            for row in message["a"]["B"]:
                if row["a"] == "USDT":
                    self.wallet = row["wb"]
            for row in message["a"]["P"]:
                self.positions[row["s"]] = row["pa"]
