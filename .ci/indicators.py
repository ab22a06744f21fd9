"""`bot indicators` against TA-Lib on recorded candles: indicators.py BOT FOLDER

Every file of candles in FOLDER, at its own timeframe: each indicator that TA-Lib has equals ours to 1e-9 relative, from
the first value on, and its first value is at the same row. Nothing leaves this machine.

Where the two differ on purpose (it does not happen in these files):
- RSI without any move in its period is 50 here, neither oversold nor overbought, and 0 in TA-Lib, which would read as
  the deepest fall there is.
What TA-Lib does not have, and what tests of our own compare with its definition: percentile rank, regime.
"""

import csv
import glob
import io
import os
import subprocess
import sys

import numpy
import talib

SAME = 1e-9
LEAST_FILES, LEAST_VALUES = 20, 500_000


def theirs(row):
    """Columns by TA-Lib; not-a-number where there is no value yet."""
    high, low, close, volume = (row[name] for name in ("high", "low", "close", "volume"))
    columns = {f"ema_{period}": talib.EMA(close, period) for period in (3, 21, 50, 200)}
    columns |= {f"sma_{period}": talib.SMA(close, period) for period in (1, 20, 200)}
    columns |= {f"rsi_{period}": talib.RSI(close, period) for period in (5, 14)}
    columns |= {f"atr_{period}": talib.ATR(high, low, close, period) for period in (5, 14)}
    columns |= {f"deviation_{period}": talib.STDDEV(close, period) for period in (20, 100)}
    columns |= {f"correlation_{period}": talib.CORREL(close, volume, period) for period in (20, 100)}
    # the change over ten candles, first to last, is one of nine steps
    columns |= {f"change_{period}": talib.ROCP(close, period - 1) for period in (10, 50)}
    average = columns["ema_21"]
    columns["slope_20"] = numpy.append(average[:20], talib.ROCP(average[20:], 19))
    return columns


NAMES = list(theirs(dict.fromkeys(("high", "low", "close", "volume"), numpy.ones(300))))


def ours(bot, path, columns):
    only = ",".join(name.replace("_", ":") for name in columns)
    run = subprocess.run([bot, "indicators", path, "--only", only], capture_output=True, text=True)
    assert run.returncode == 0, f"{path}: exit code {run.returncode}: {run.stderr}"
    head, *rows = csv.reader(io.StringIO(run.stdout))
    table = numpy.array([[float(cell) if cell else numpy.nan for cell in row] for row in rows])
    return dict(zip(head, table.T))


def compare(name, got, want):
    """How many values were compared, and the largest difference in relation to their size."""
    begun = ~numpy.isnan(want)
    if not begun.any():  # a file that is shorter than the period
        assert numpy.isnan(got).all(), f"{name}: there is a value, and TA-Lib has none"
        return 0, 0.0
    first = numpy.argmax(begun)
    assert begun[first:].all() and (numpy.isnan(got) == ~begun).all(), f"{name}: not as TA-Lib from row {first} on"
    got, want = got[first:], want[first:]
    # a correlation near 0 is the rest of products that cancel out: its scale is 1
    scale = numpy.ones_like(want) if "correlation" in name else numpy.where(want == 0, 1.0, numpy.abs(want))
    apart = numpy.abs(got - want) / scale
    most = numpy.argmax(apart)
    assert apart[most] <= SAME, f"{name}: {got[most]!r} at row {first + most}, and TA-Lib has {want[most]!r}"
    return len(want), apart[most]


def main(bot, folder):
    files = sorted(path for path in glob.glob(os.path.join(folder, "*.csv.gz")) if "funding" not in path)
    assert len(files) >= LEAST_FILES, f"only {len(files)} files of candles in {folder}"
    compared, worst = {}, {}
    for path in files:
        told, mine = os.path.basename(path), ours(bot, path, NAMES)
        for name, want in theirs(mine).items():
            count, most = compare(f"{told}: {name}", mine[name], want)
            compared[name] = compared.get(name, 0) + count
            worst[name] = max(worst.get(name, 0.0), most)
    for name, count in compared.items():
        print(f"{name:16} {count:7} values, at most {worst[name]:.1e} apart")
    total = sum(compared.values())
    assert total >= LEAST_VALUES and all(compared.values()), f"only {total} values compared"
    print(f"{len(files)} files, {total} values: the same as TA-Lib {talib.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
