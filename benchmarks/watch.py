"""What `striate watch` costs a training: its steps a second alone, watched from another core, and watched from its own.

    python benchmarks/watch.py [rounds [seconds]]

LeNet-5 learns digits on one core and saves its state after every epoch. In turns of so many seconds nobody watches, or
`striate watch` does on another core, or on the core of the training; what the page asks is asked every second, drawings
included. Prints for each way the median of steps a second, and what share of a core the watching process took. Linux.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

WAYS = ("alone", "watched from another core", "watched from its own core")
SETTLED_SECONDS = 3.0  # at the begin of a turn, for the watcher to have started


def train(run: Path, times: Path) -> None:
    """Train for as long as nobody stops it, and write down when each epoch ended."""
    import striate

    def note(moment: Any) -> None:
        with times.open("a") as file:
            file.write(f"{time.monotonic()} {moment.step}\n")

    striate.train("digits", recipe="digits_lenet5", run=run, epochs=100_000, threads=1, callbacks=[note], quiet=True)


def started(core: int, *words: str, **more: Any) -> subprocess.Popen[str]:
    """A process on a core of its own."""
    return subprocess.Popen(
        [sys.executable, *words], text=True, preexec_fn=partial(os.sched_setaffinity, 0, {core}), **more
    )


def processor_seconds(process: int) -> float:
    """What a process has used of the processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(runs: Path, core: int) -> Iterator[tuple[str, int]]:
    """The address of `striate watch`, and its process."""
    watcher = started(core, "-m", "striate", "watch", str(runs), "--port", "0", stdout=subprocess.PIPE)
    try:
        assert watcher.stdout is not None
        found = re.search(r"http://\S+/", watcher.stdout.readline())
        assert found is not None
        yield found[0], watcher.pid
    finally:
        watcher.send_signal(signal.SIGTERM)
        watcher.wait()


def asked_until(end: float, server: str) -> None:
    """Ask what the page asks, every second."""
    while time.monotonic() < end:
        for path in ("runs", "curves?run=run", "looks?run=run"):
            with urllib.request.urlopen(server + path) as answer:
                told = json.load(answer)
        if told["looks"]:
            at, sheets = told["looks"][-1]["at"], told["looks"][-1]["sheets"]
            for sheet in range(len(sheets)):
                urllib.request.urlopen(f"{server}look?run=run&at={at}&sheet={sheet}").read()
        time.sleep(1)


def rate(times: Path, begin: float, end: float) -> float:
    """Steps a second between two moments, by the first and the last epoch that ended between them."""
    rows = [(float(when), int(step)) for when, step in map(str.split, times.read_text().splitlines())]
    within = [row for row in rows if begin <= row[0] <= end]
    (first, before), (last, after) = within[0], within[-1]
    return (after - before) / (last - first)


def turn(way: str, runs: Path, times: Path, seconds: float, cores: list[int]) -> tuple[float, float]:
    """Steps a second in one turn, and the share of a core that the watcher took meanwhile."""
    if way == WAYS[0]:
        begin = time.monotonic()
        time.sleep(seconds)
        return rate(times, begin, time.monotonic()), 0.0
    with watching(runs, cores[0] if way == WAYS[2] else cores[1]) as (server, process):
        asked_until(time.monotonic() + SETTLED_SECONDS, server)
        begin, used = time.monotonic(), processor_seconds(process)
        asked_until(begin + seconds, server)
        end = time.monotonic()
        return rate(times, begin, end), (processor_seconds(process) - used) / (end - begin)


def main(rounds: int, seconds: float) -> None:
    """All turns, and a line for each way."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        runs, times = Path(folder) / "runs", Path(folder) / "times"
        training = started(cores[0], __file__, "--train", str(runs / "run"), str(times))
        try:
            while not times.exists() or len(times.read_text().splitlines()) < 3:
                time.sleep(0.2)
            for _ in range(rounds):
                for way in WAYS:
                    found[way].append(turn(way, runs, times, seconds, cores))
        finally:
            training.kill()
            training.wait()
    alone = statistics.median(steps for steps, _ in found[WAYS[0]])
    for way, turns in found.items():
        steps, share = (statistics.median(values) for values in zip(*turns, strict=True))
        rates = ", ".join(f"{each:.1f}" for each, _ in turns)
        print(f"{way:27} {steps:6.1f} steps/s ({rates}), {steps / alone - 1:+.1%}; the watcher: {share:.2%} of a core")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, float(sys.argv[2]) if len(sys.argv) > 2 else 30.0)
