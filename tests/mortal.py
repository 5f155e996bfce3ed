"""kill -9 at an exact point of a training in another process."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

# Runs `striate train` and kills itself at the n-th step, or at the n-th write of a state or of another file.
MORTAL = """
import os, signal, sys
from striate.training import clock, loop
from striate.cli import main
place, left, run = sys.argv[1], int(sys.argv[2]), sys.argv[4]
clock.SAVE_EVERY_SECONDS = 0.0
step = loop.fitting_step

def one_more():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def mortal(*arguments):
    one_more()
    return step(*arguments)

def asked(event, arguments):
    writes = event in ("os.mkdir", "os.rename") or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes and str(arguments[0]).startswith(run) and ("/state/" in str(arguments[0])) == (place == "state"):
        one_more()

if place == "step":
    loop.fitting_step = mortal
else:
    sys.addaudithook(asked)
sys.argv = ["striate", "train", "--run", run, *sys.argv[5:]]
main()
"""


def killed(place: str, after: int, run: Path, *words: str | Path) -> Path:
    """A run folder as kill -9 left it. place: "step", "state" or "file"; after: how many of these were made."""
    done = subprocess.run(
        [sys.executable, "-c", MORTAL, place, str(after), "--run", str(run), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list((run / "state").glob("step-*"))
    return run


# Makes the trainings of this process die at their n-th step, and save a state after every one.
DYING = """
import json, os, signal, sys
from striate.training import clock, loop
clock.SAVE_EVERY_SECONDS = 0.0
step, left = loop.fitting_step, int(sys.argv[1])

def mortal(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*arguments)

loop.fitting_step = mortal
"""


def killed_in(program: str, after: int, *arguments: str | Path) -> None:
    """A program of Python that trains is killed after so many steps. arguments: its sys.argv, from the second on."""
    done = subprocess.run(
        [sys.executable, "-c", DYING + program, str(after), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


# Every one of several trainings dies, each in a process that shares what is imported.
MORTALS = f"""{DYING}
from striate.cli import main
from striate.core.own_code import load_code
trainings = json.loads(sys.argv[2])
for words in trainings:
    load_code(words[words.index("--model") + 1])
for words in trainings:
    child = os.fork()
    if child == 0:
        sys.argv = ["striate", "train", *words]
        main()
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit(f"{{words}} ended with {{status}}")
"""


def all_killed(after: int, folder: Path, trainings: Mapping[str, Sequence[str | Path]]) -> dict[str, Path]:
    """Run folders in `folder` as kill -9 left them after a number of steps. trainings: the words of each, by name."""
    runs = {name: folder / name for name in trainings}
    words = [["--run", str(runs[name]), *map(str, given)] for name, given in trainings.items()]
    done = subprocess.run(
        [sys.executable, "-c", MORTALS, str(after), json.dumps(words)], capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert all(list((run / "state").glob("step-*")) for run in runs.values())
    return runs


def weights(run: str | Path | PathLike[str]) -> str:
    """The hash of the weights that a run has kept."""
    return hashlib.sha256((Path(run) / "model.safetensors").read_bytes()).hexdigest()


def last_state(run: str | Path | PathLike[str]) -> bytes:
    """The tensors of the newest state of a run."""
    return (max((Path(run) / "state").iterdir()) / "tensors.safetensors").read_bytes()
