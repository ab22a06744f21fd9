"""A wall clock that jumps must not move a heartbeat (S11).

Runs the bot under libfaketime, sets its wall clock an hour forward and then a day back while it runs, and
holds each heartbeat against a monotonic clock out here: clock.py BOT
"""

import glob
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

DURATION_S, INTERVAL_S, ROOM_S = 12, 2, 0.7
STEPS = [(3.0, "+3600"), (7.0, "-86400")]  # seconds after the start, offset of the wall clock in seconds


def set_clock(path, offset):
    """Replaces the file whole: a half-written one would be read as no offset."""
    with open(path + ".new", "w") as file:
        file.write(offset + "\n")
    os.replace(path + ".new", path)


def observe(bot, folder):
    """The lines of a run with the seconds at which they came, and how it ended."""
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert library, "libfaketimeMT.so.1 is not installed (apt: faketime)"
    offset = os.path.join(folder, "offset")
    set_clock(offset, "+0")
    environment = {
        "LD_PRELOAD": library[0],
        "FAKETIME_TIMESTAMP_FILE": offset,
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
        "RUST_LOG": "info",
        "HEALTH_CHECK_INTERVAL": str(INTERVAL_S),
    }
    start = time.monotonic()
    process = subprocess.Popen(
        [bot, "--paper", "--duration", str(DURATION_S)],
        env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    timers = [threading.Timer(at, set_clock, (offset, value)) for at, value in STEPS]
    timers.append(threading.Timer(3 * DURATION_S, process.kill))  # a bot that fell asleep fails below
    for timer in timers:
        timer.start()
    lines = []
    for line in process.stdout:
        print(f"{time.monotonic() - start:7.3f}  {line}", end="")
        lines.append((time.monotonic() - start, line))
    code = process.wait()
    for timer in timers:
        timer.cancel()
    return lines, code, time.monotonic() - start


def check(lines, code, took):
    assert code == 0, f"exit code {code}"
    assert abs(took - DURATION_S) < ROOM_S, f"ran {took:.2f} s instead of {DURATION_S}"
    beats = [at for at, line in lines if "💓 Heartbeat" in line]
    count = DURATION_S // INTERVAL_S
    assert len(beats) in (count - 1, count), f"{len(beats)} beats instead of {count - 1} or {count}"
    for number, at in enumerate(beats, 1):
        due = number * INTERVAL_S
        assert abs(at - due) < ROOM_S, f"beat {number} came at {at:.2f} s instead of {due}"
    # Only a wall clock that did jump shows anything: the times in front of the lines tell.
    times = [datetime.fromisoformat(line[:19]) for _, line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line)]
    seen = [(time - times[0]).total_seconds() for time in times]
    assert seen and max(seen) > 3500 and min(seen) < -80000, "the bot never saw its wall clock jump both ways"


with tempfile.TemporaryDirectory() as scratch:
    check(*observe(os.path.abspath(sys.argv[1]), scratch))
print("every beat in time while the wall clock jumped")
