"""A stream of an account that a client hears in a thread of its own."""

import asyncio
import threading


class Listener:
    """`listen`, a coroutine of the heir's, sets `opened` once it hears, and ends once `done` is set."""

    def begin(self, asked, key, secret):
        self.opened, self.failure, self.loop = threading.Event(), None, asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, args=(key, secret), daemon=True)
        self.thread.start()
        if not self.opened.wait(asked["patience_s"]) or self.failure:
            raise RuntimeError(f"no user stream: {self.failure!r}")

    def run(self, key, secret):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.listen(key, secret))
        except Exception as failure:
            self.failure = failure
        self.opened.set()

    def close(self):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join(5)
        if self.failure:
            raise RuntimeError(f"the user stream failed: {self.failure!r}")
