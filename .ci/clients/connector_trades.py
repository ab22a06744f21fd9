"""What binance-futures-connector does with an account: connector_trades.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import json
import sys
import time
from decimal import Decimal

import binance.api
import raw_account
import steps
from binance.error import ClientError
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

ASKED = json.loads(sys.argv[1])
STAMP = binance.api.get_timestamp


def refusable(call):
    def called(self, *arguments, **named):
        binance.api.get_timestamp = lambda: STAMP() + self.ahead_ms  # the client has no setting for it
        try:
            return call(self, *arguments, **named)
        except ClientError as error:
            raise steps.Refused(error.error_code) from error

    return called


class Client:
    def __init__(self, key, secret, ahead_ms=0):
        self.key, self.secret, self.ahead_ms = key, secret, ahead_ms
        self.api = UMFutures(key=key, secret=secret, base_url=ASKED["http"], timeout=ASKED["patience_s"])

    def other(self, key=None, secret=None, ahead_ms=0):
        return Client(key or self.key, secret or self.secret, ahead_ms)

    def algo(self, method, path, **params):
        """The client does not know the service of conditional orders: its own way to sign is used."""
        return self.api.sign_request(method, "/fapi/v1/" + path, params)

    @refusable
    def balance(self):
        return raw_account.wallet(self.api.balance())

    @refusable
    def settings(self, symbol):
        return raw_account.settings(self.api.symbol_configuration(), symbol)

    @refusable
    def isolate(self, symbol):
        self.api.change_margin_type(symbol=symbol, marginType="ISOLATED")

    @refusable
    def set_leverage(self, symbol, leverage):
        return self.api.change_leverage(symbol=symbol, leverage=leverage)["leverage"]

    set_leverage_raw = set_leverage

    @refusable
    def quote(self, symbol):
        row = self.api.book_ticker(symbol=symbol)
        return Decimal(row["bidPrice"]), Decimal(row["askPrice"])

    @refusable
    def order(self, **params):
        return self.api.new_order(**params)

    def stop_among_orders(self, params):
        return self.order(**params)

    @refusable
    def place(self, symbol, side, kind, qty, id, price=None, until=None, reduce=False):
        terms = {"price": price, "timeInForce": until or "GTC"} if kind == "LIMIT" else {}
        reduce = {"reduceOnly": "true"} if reduce else {}
        row = self.api.new_order(
            symbol=symbol, side=side, type=kind, quantity=qty, newClientOrderId=id, newOrderRespType="RESULT", **terms, **reduce,
        )
        return raw_account.order(row)

    @refusable
    def protect(self, symbol, side, kind, id, qty=None, trigger=None, callback=None, close=False):
        size = {"closePosition": "true"} if close else {"quantity": qty, "reduceOnly": "true"}
        terms = {"callbackRate": callback} if callback else {"triggerPrice": trigger}
        row = self.algo("POST", "algoOrder", algoType="CONDITIONAL", symbol=symbol, side=side, type=kind, clientAlgoId=id, **size, **terms)
        return raw_account.order(row)

    @refusable
    def look(self, symbol, id):
        return raw_account.order(self.api.query_order(symbol, origClientOrderId=id))

    @refusable
    def look_conditional(self, id):
        return raw_account.order(self.algo("GET", "algoOrder", clientAlgoId=id))

    @refusable
    def cancel(self, symbol, id):
        return raw_account.order(self.api.cancel_order(symbol, origClientOrderId=id))

    @refusable
    def cancel_conditional(self, id):
        self.algo("DELETE", "algoOrder", clientAlgoId=id)

    @refusable
    def cancel_all(self, symbol):
        self.api.cancel_open_orders(symbol)

    @refusable
    def cancel_all_conditionals(self, symbol):
        self.algo("DELETE", "algoOpenOrders", symbol=symbol)

    @refusable
    def open_orders(self, symbol):
        return [raw_account.order(row) for row in self.api.get_orders(symbol=symbol)]

    @refusable
    def open_conditionals(self, symbol):
        return [raw_account.order(row) for row in self.algo("GET", "openAlgoOrders", symbol=symbol)]

    @refusable
    def positions(self):
        return raw_account.positions(self.api.get_position_risk())

    @refusable
    def trades(self, symbol):
        return raw_account.trades(self.api.get_account_trades(symbol))


class Stream(raw_account.Stream):
    """Subscribed on a private connection."""

    def __init__(self, client):
        super().__init__()
        key, self.opened = client.api.new_listen_key()["listenKey"], False
        self.socket = UMFuturesWebsocketClient(
            stream_url=ASKED["ws"] + "/private", on_message=lambda _, text: self.hear(json.loads(text)),
        )
        self.socket.user_data(key, id=1)
        steps.eventually(lambda: self.opened, ASKED["patience_s"], "answer to the subscription")
        client.api.renew_listen_key(key)

    def hear(self, message):
        self.opened = self.opened or message.get("id") == 1
        self.take(message)

    def close(self):
        self.socket.stop()


print(json.dumps(steps.said(ASKED, Client, lambda account: Stream(Client(**account)))))
