"""What ccxt does with an account, and what ccxt.pro hears of it: ccxt_trades.py ASKED (JSON, see ../clients.py)"""

import local_only  # before the others

import asyncio
import json
import re
import sys
from decimal import Decimal

import ccxt
import ccxt.pro
import steps
from ccxt_local import point
from listener import Listener

ASKED = json.loads(sys.argv[1])
CODE = re.compile(r'"code":\s*(-?\d+)')


def made(module, key, secret):
    return point(module.binanceusdm({"apiKey": key, "secret": secret, "options": {"fetchCurrencies": False}}), ASKED)


def refusable(call):
    def called(*arguments, **named):
        try:
            return call(*arguments, **named)
        except ccxt.BaseError as error:
            found = CODE.search(str(error))
            if not found:
                raise
            raise steps.Refused(int(found[1]), type(error).__name__) from error

    return called


def row(order):
    """ccxt's own words, but for the type: to ccxt a stop is an order at market."""
    kind = order["info"].get("orderType", order["type"]).lower()
    return [order["clientOrderId"], order["status"], order["side"], kind, order["amount"], order["filled"], order["reduceOnly"]]


class Client:
    def __init__(self, key, secret, ahead_ms=0):
        self.key, self.secret = key, secret
        self.api = made(ccxt, key, secret)
        now = self.api.milliseconds
        self.api.nonce = lambda: now() + ahead_ms
        self.names = {market["id"]: market["symbol"] for market in self.api.load_markets().values()}

    def other(self, key=None, secret=None, ahead_ms=0):
        return Client(key or self.key, secret or self.secret, ahead_ms)

    @refusable
    def balance(self):
        said = self.api.fetch_balance()
        return next(asset["walletBalance"] for asset in said["info"]["assets"] if asset["asset"] == "USDT")

    @refusable
    def settings(self, symbol):
        name = self.names[symbol]
        leverage = self.api.fetch_leverages([name])[name]
        mode = self.api.fetch_margin_modes([name])[name]["marginMode"]
        return [leverage["longLeverage"], {"cross": "crossed"}.get(mode, mode)]

    @refusable
    def isolate(self, symbol):
        said = self.api.set_margin_mode("isolated", self.names[symbol], {"throwMarginModeAlreadySet": True})
        if said.get("code") == -4046:  # ccxt takes it for success
            raise steps.Refused(-4046)

    @refusable
    def set_leverage(self, symbol, leverage):
        return self.api.set_leverage(leverage, self.names[symbol])["leverage"]

    @refusable
    def set_leverage_raw(self, symbol, leverage):
        """ccxt itself refuses what is above 125."""
        return self.api.fapiPrivatePostLeverage({"symbol": symbol, "leverage": leverage})

    @refusable
    def quote(self, symbol):
        said = self.api.fetch_bids_asks([self.names[symbol]])[self.names[symbol]]
        return Decimal(str(said["bid"])), Decimal(str(said["ask"]))

    @refusable
    def order(self, **params):
        """As it is, since ccxt would round it."""
        return self.api.fapiPrivatePostOrder(params)

    def stop_among_orders(self, params):
        return self.order(**params)

    @refusable
    def place(self, symbol, side, kind, qty, id, price=None, until=None, reduce=False):
        params = {"clientOrderId": id}
        if reduce:
            params["reduceOnly"] = True
        if until == "GTX":
            params["postOnly"] = True
        elif until:
            params["timeInForce"] = until
        price = None if price is None else float(price)
        return row(self.api.create_order(self.names[symbol], kind.lower(), side.lower(), float(qty), price, params))

    @refusable
    def protect(self, symbol, side, kind, id, qty=None, trigger=None, callback=None, close=False):
        params = {"clientOrderId": id, **({"closePosition": True} if close else {"reduceOnly": True})}
        if callback:
            params["trailingPercent"] = callback
        else:
            params["stopLossPrice" if kind == "STOP_MARKET" else "takeProfitPrice"] = float(trigger)
        qty = None if qty is None else float(qty)
        return row(self.api.create_order(self.names[symbol], "market", side.lower(), qty, None, params))

    @refusable
    def look(self, symbol, id):
        return row(self.api.fetch_order(None, self.names[symbol], {"clientOrderId": id}))

    @refusable
    def look_conditional(self, id):
        return row(self.api.fetch_order(None, self.names[steps.BTC], {"clientOrderId": id, "trigger": True}))

    @refusable
    def cancel(self, symbol, id):
        return row(self.api.cancel_order(None, self.names[symbol], {"clientOrderId": id}))

    @refusable
    def cancel_conditional(self, id):
        self.api.cancel_order(None, self.names[steps.BTC], {"clientOrderId": id, "trigger": True})

    @refusable
    def cancel_all(self, symbol):
        self.api.cancel_all_orders(self.names[symbol])

    @refusable
    def cancel_all_conditionals(self, symbol):
        self.api.cancel_all_orders(self.names[symbol], {"trigger": True})

    @refusable
    def open_orders(self, symbol):
        return [row(order) for order in self.api.fetch_open_orders(self.names[symbol])]

    @refusable
    def open_conditionals(self, symbol):
        return [row(order) for order in self.api.fetch_open_orders(self.names[symbol], params={"trigger": True})]

    @refusable
    def positions(self):
        sign = {"long": 1, "short": -1}
        said = self.api.fetch_positions()
        return {one["info"]["symbol"]: [sign[one["side"]] * one["contracts"], one["entryPrice"]] for one in said}

    @refusable
    def trades(self, symbol):
        return [
            [
                int(trade["id"]), int(trade["order"]), trade["side"], trade["price"], trade["amount"], trade["fee"]["cost"],
                trade["info"]["realizedPnl"], trade["takerOrMaker"] == "maker", trade["timestamp"],
            ]
            for trade in self.api.fetch_my_trades(self.names[symbol])
        ]


class Stream(Listener):
    """Orders, trades, balance and positions as ccxt.pro tells them, in a thread of its own."""

    def __init__(self, key, secret):
        self.trades, self.orders, self.wallet, self.positions = [], {}, None, {}
        self.begin(ASKED, key, secret)

    async def listen(self, key, secret):
        api = made(ccxt.pro, key, secret)
        self.done = asyncio.Event()
        watching = [self.watch_orders(api), self.watch_trades(api), self.watch_balance(api), self.watch_positions(api)]
        try:
            await api.load_markets()
            tasks = [asyncio.create_task(one) for one in watching]
            private = lambda: [client for client in api.clients.values() if "/private/" in client.url]
            while not any(client.connected.done() for client in private()) and not any(task.done() for task in tasks):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)  # so that all four wait
            if not any(task.done() and task.exception() for task in tasks):
                self.opened.set()
            done = asyncio.create_task(self.done.wait())
            ended, _ = await asyncio.wait((done, *tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task in ended:
                    task.result()
                task.cancel()
        finally:
            await api.close()

    async def watch_orders(self, api):
        while True:
            for order in await api.watch_orders():
                self.orders[order["clientOrderId"]] = order["status"]

    async def watch_trades(self, api):
        while True:
            self.trades += [int(trade["id"]) for trade in await api.watch_my_trades()]

    async def watch_balance(self, api):
        while True:
            self.wallet = (await api.watch_balance())["USDT"]["total"]

    async def watch_positions(self, api):
        while True:
            for one in await api.watch_positions():
                sign = -1 if one["side"] == "short" else 1
                self.positions[one["info"]["s"]] = sign * one["contracts"]


print(json.dumps(steps.said(ASKED, Client, lambda account: Stream(**account))))
