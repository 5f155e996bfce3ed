"""How busy other programs keep the processor's cores, and how many threads it has room for beside them.

Threads of one computation wait for each other after every operator, spinning. Where other programs have the cores,
those that spin keep the core from the one that is waited for, and two threads take several times as long as one does
(benchmarks/busy.md). So a computation has as many threads as there are cores that nobody else uses, one at the least.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import NamedTuple

LOOK_SECONDS = 0.1  # the system counts in hundredths of a second
LOOK_AGAIN_SECONDS = 20.0  # so that looking takes half a percent of the time at the most
# Of a core: what is always going on beside a computation, and less than what any busy program gets beside our threads.
UNNOTICED = 0.4
LOWEST_PRIORITY = 19


class Look(NamedTuple):
    """What was seen: when, on the monotonic clock, and how many cores other programs kept busy then."""

    when_s: float
    busy: float


class Counters(NamedTuple):
    """Where they stand: the monotonic clock, and the seconds that the cores were used, by all and by this process."""

    when_s: float
    used_s: float
    own_s: float


_last: Look | None = None
_begun: Counters | None = None


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_beside_others(most: int) -> int:
    """How many of so many threads find a core that other programs leave them; 1 at the least.

    >>> threads_beside_others(1)
    1
    """
    return 1 if most == 1 else threads_for(most, busy_lately(), cores())


def threads_for(most: int, busy: float, cores: int) -> int:
    """The same, given how many cores of how many are busy.

    >>> [threads_for(2, busy, cores=2) for busy in (0.1, 0.5, 1.0, 2.0)]
    [2, 1, 1, 1]
    >>> [threads_for(8, busy, cores=16) for busy in (2.0, 12.0)]
    [8, 4]
    """
    return most if busy <= UNNOTICED else max(1, min(most, math.floor(cores - busy + UNNOTICED)))


def give_way() -> None:
    """Have this process take what no other one wants of the processor, where the system knows priorities.

    A computation beside it does not count it as busy (`busy_cores`).
    """
    if hasattr(os, "nice"):
        os.nice(LOWEST_PRIORITY)


def look_from_now() -> None:
    """Have the first look begin now, while this program has something else to do: it then takes no time of its own."""
    global _begun
    _begun = _counters()


def busy_lately() -> float:
    """Cores that other programs keep busy; where the last look is too old, looking again takes a tenth of a second."""
    global _last, _begun
    if _last is None or time.monotonic() - _last.when_s > LOOK_AGAIN_SECONDS:
        _last = Look(time.monotonic(), busy_cores(since=_begun))
        _begun = None
    return _last.busy


def busy_cores(seconds: float = LOOK_SECONDS, since: Counters | None = None) -> float:
    """Cores that programs other than this one keep busy, the mean over some time, of which what is left is slept.

    since: where the counters stood when it began; now, if not given.

    Programs of a lower priority than ours give way and do not count. Where the system does not say who uses its cores,
    the number of programs that were ready to run during the last minute; 0 where it does not say that either.
    """
    before = since or _counters()
    if before is None:
        return max(0.0, os.getloadavg()[0] - _own_cores()) if hasattr(os, "getloadavg") else 0.0
    left = before.when_s + seconds - time.monotonic()
    if left > 0:
        time.sleep(left)
    now = _counters() or before
    passed = max(now.when_s - before.when_s, seconds)
    return max(0.0, (now.used_s - before.used_s - (now.own_s - before.own_s)) / passed)


def _counters() -> Counters | None:
    """Where they stand now; None where the system does not say."""
    used = _used_seconds()
    return None if used is None else Counters(time.monotonic(), used, time.process_time())


def _own_cores() -> float:
    """Cores that this process has used, on average since the last look, its threads together; 0 before the first."""
    global _own
    now, used = time.monotonic(), time.process_time()
    then, before = _own or (now, used)
    _own = now, used
    return (used - before) / max(now - then, 1e-3)


_own: tuple[float, float] | None = None


def _used_seconds() -> float | None:
    """Seconds that the cores of this process have been in use, all together; None where the system does not say."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        rows = {name: values for name, *values in map(str.split, lines) if name.startswith("cpu")}
        everywhere = cores() == os.cpu_count()
        named = ["cpu"] if everywhere else [f"cpu{number}" for number in os.sched_getaffinity(0)]
        return sum(_used(rows[name]) for name in named) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, KeyError, IndexError, AttributeError):
        return None


def _used(values: list[str]) -> int:
    """Ticks of one line: user, system, interrupts, other machines of the host; low priority where ours is low too."""
    user, nice, system, _, _, interrupts, soft_interrupts, steal = map(int, values[:8])
    return user + system + interrupts + soft_interrupts + steal + (nice if os.nice(0) > 0 else 0)
