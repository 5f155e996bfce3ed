"""kill -9 at an exact point of a training in another process."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
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


def weights(run: Path) -> str:
    """The hash of the weights that a run has kept."""
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
