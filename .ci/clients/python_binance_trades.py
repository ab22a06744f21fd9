"""What python-binance does with an account: python_binance_trades.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import asyncio
import json
import sys
from decimal import Decimal

import raw_account
import steps
from binance import AsyncClient, BinanceSocketManager, Client as Api
from binance.exceptions import BinanceAPIException
from listener import Listener

ASKED = json.loads(sys.argv[1])


def pointed(api):
    api.FUTURES_URL = ASKED["http"] + "/fapi"
    return api


def refusable(call):
    def called(*arguments, **named):
        try:
            return call(*arguments, **named)
        except BinanceAPIException as error:
            raise steps.Refused(error.code) from error

    return called


class Client:
    def __init__(self, key, secret, ahead_ms=0):
        self.key, self.secret = key, secret
        self.api = pointed(Api(key, secret, ping=False))
        self.api.timestamp_offset = ahead_ms

    def other(self, key=None, secret=None, ahead_ms=0):
        return Client(key or self.key, secret or self.secret, ahead_ms)

    @refusable
    def balance(self):
        return raw_account.wallet(self.api.futures_account_balance())

    @refusable
    def settings(self, symbol):
        return raw_account.settings(self.api.futures_symbol_config(), symbol)

    @refusable
    def isolate(self, symbol):
        self.api.futures_change_margin_type(symbol=symbol, marginType="ISOLATED")

    @refusable
    def set_leverage(self, symbol, leverage):
        return self.api.futures_change_leverage(symbol=symbol, leverage=leverage)["leverage"]

    set_leverage_raw = set_leverage

    @refusable
    def quote(self, symbol):
        row = self.api.futures_orderbook_ticker(symbol=symbol)
        return Decimal(row["bidPrice"]), Decimal(row["askPrice"])

    @refusable
    def order(self, **params):
        return self.api.futures_create_order(**params)

    @refusable
    def stop_among_orders(self, params):
        """What the client itself would send to the right place."""
        return self.api._request_futures_api("post", "order", True, data=dict(params))

    @refusable
    def place(self, symbol, side, kind, qty, id, price=None, until=None, reduce=False):
        terms = {"price": price, "timeInForce": until or "GTC"} if kind == "LIMIT" else {}
        reduce = {"reduceOnly": "true"} if reduce else {}
        row = self.api.futures_create_order(
            symbol=symbol, side=side, type=kind, quantity=qty, newClientOrderId=id, newOrderRespType="RESULT", **terms, **reduce,
        )
        return raw_account.order(row)

    @refusable
    def protect(self, symbol, side, kind, id, qty=None, trigger=None, callback=None, close=False):
        size = {"closePosition": "true"} if close else {"quantity": qty, "reduceOnly": "true"}
        terms = {"callbackRate": callback} if callback else {"stopPrice": trigger}
        row = self.api.futures_create_order(symbol=symbol, side=side, type=kind, clientAlgoId=id, **size, **terms)
        return raw_account.order(row)

    @refusable
    def look(self, symbol, id):
        return raw_account.order(self.api.futures_get_order(symbol=symbol, origClientOrderId=id))

    @refusable
    def look_conditional(self, id):
        return raw_account.order(self.api.futures_get_order(clientAlgoId=id))

    @refusable
    def cancel(self, symbol, id):
        return raw_account.order(self.api.futures_cancel_order(symbol=symbol, origClientOrderId=id))

    @refusable
    def cancel_conditional(self, id):
        self.api.futures_cancel_order(clientAlgoId=id)

    @refusable
    def cancel_all(self, symbol):
        self.api.futures_cancel_all_open_orders(symbol=symbol)

    @refusable
    def cancel_all_conditionals(self, symbol):
        self.api.futures_cancel_all_open_orders(symbol=symbol, conditional=True)

    @refusable
    def open_orders(self, symbol):
        return [raw_account.order(row) for row in self.api.futures_get_open_orders(symbol=symbol)]

    @refusable
    def open_conditionals(self, symbol):
        return [raw_account.order(row) for row in self.api.futures_get_open_orders(symbol=symbol, conditional=True)]

    @refusable
    def positions(self):
        return raw_account.positions(self.api.futures_position_information())

    @refusable
    def trades(self, symbol):
        return raw_account.trades(self.api.futures_account_trades(symbol=symbol))


class Stream(Listener, raw_account.Stream):
    """The client's own keeper of a user stream, in a thread of its own."""

    def __init__(self, key, secret):
        super().__init__()
        self.begin(ASKED, key, secret)

    async def listen(self, key, secret):
        api = pointed(AsyncClient(key, secret))
        manager = BinanceSocketManager(api)
        manager.FSTREAM_URL = ASKED["ws"] + "/"
        self.done = asyncio.Event()
        try:
            async with manager.futures_user_socket() as socket:
                self.opened.set()
                done = asyncio.create_task(self.done.wait())
                while not done.done():
                    heard = asyncio.create_task(socket.recv())
                    await asyncio.wait((heard, done), return_when=asyncio.FIRST_COMPLETED)
                    if heard.done():
                        message = heard.result()
                        if message.get("e") == "error":
                            raise RuntimeError(message)
                        self.take(message)
                    else:
                        heard.cancel()
        finally:
            await api.close_connection()


print(json.dumps(steps.said(ASKED, Client, lambda account: Stream(**account))))
