"""The report's page in a real browser: on a phone and on a desktop, light and dark.

Makes a report from recorded candles, opens it in headless Chromium and asks the page itself: nothing is wider than the screen, nothing
was loaded from elsewhere, nothing was said in the console, and the charts have drawn something: browser.py BOT CANDLES FOLDER
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
WIDTHS = [400, 1400]
LARGEST = 2_000_000  # bytes of a page

# Years of hourly candles, traded whatever was lost.
CONFIG = """
[risk]
max_drawdown_pct = 100
[[strategy]]
kind = "oversold_bounce"
timeframe = "1h"
[[strategy]]
kind = "short_the_rip"
timeframe = "1h"
"""

ASK = """
const root = document.documentElement;
const drawn = [...document.querySelectorAll('svg')].map((svg) => svg.querySelectorAll('path, line, rect, circle, polyline, polygon').length);
const wide = [...document.querySelectorAll('body *')]
  .filter((each) => !each.closest('svg') && !each.closest('[data-scrolls]') && each.getBoundingClientRect().right > root.clientWidth + 1)
  .map((each) => each.tagName + '.' + each.className);
return {
  width: root.clientWidth, needed: root.scrollWidth, wide, drawn,
  loaded: performance.getEntriesByType('resource').map((each) => each.name),
  headings: document.querySelectorAll('h1, h2').length,
  background: getComputedStyle(document.body).backgroundColor,
};
"""


class Browser:
    """A session of chromedriver, spoken to without a library."""

    def __init__(self, folder):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True, cwd=folder)
        port = None
        for line in self.driver.stdout:
            found = re.search(r"on port (\d+)", line)
            if found and found.group(1) != "0":
                port = found.group(1)
                break
        assert port, "chromedriver has not said where it listens"
        self.url = f"http://127.0.0.1:{port}/session"
        options = {"binary": "/usr/bin/chromium", "args": FLAGS + [f"--user-data-dir={folder}/profile"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.url += "/" + self.ask("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def ask(self, path, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def command(self, name, **parameters):
        return self.ask("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def look(self, page, width, scheme):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("/url", {"url": f"file://{page}"})
        seen = self.ask("/execute/sync", {"script": ASK, "args": []})
        seen["console"] = [entry["message"] for entry in self.ask("/se/log", {"type": "browser"})]
        return seen

    def picture(self, path):
        whole = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(whole["data"]))

    def close(self):
        try:
            self.ask("", None, "DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait(timeout=20)


def main():
    bot, candles, pictures = sys.argv[1:]
    os.makedirs(pictures, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        with open(os.path.join(folder, "bot.toml"), "w") as file:
            file.write(CONFIG)
        began = time.monotonic()
        subprocess.run([bot, "backtest", candles, "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, cwd=folder)
        page = os.path.join(out, "report.html")
        print(f"report of {os.path.getsize(page)} bytes in {time.monotonic() - began:.1f} s")
        assert os.path.getsize(page) < LARGEST, "the page is too large"
        browser = Browser(folder)
        try:
            grounds = set()
            for width in WIDTHS:
                for scheme in ["light", "dark"]:
                    seen = browser.look(page, width, scheme)
                    browser.picture(os.path.join(pictures, f"report-{width}-{scheme}.png"))
                    print(f"{width} {scheme}: {len(seen['drawn'])} charts, {seen['headings']} headings, {seen['background']}")
                    assert seen["needed"] <= seen["width"], f"{seen['needed']} pixels on a screen of {seen['width']}: {seen['wide']}"
                    assert not seen["loaded"], f"loaded from elsewhere: {seen['loaded']}"
                    assert not seen["console"], f"the console says {seen['console']}"
                    # equity, drawdown, price, distribution; labels have layers without a shape
                    assert sum(shapes >= 2 for shapes in seen["drawn"]) >= 4, f"an empty chart: {seen['drawn']}"
                    grounds.add((scheme, seen["background"]))
            assert len(grounds) == 2, f"light and dark look alike: {grounds}"
        finally:
            browser.close()


main()
