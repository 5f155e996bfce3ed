"""Kill a training run at random moments with SIGKILL, resume it, and compare the final weights with an unkilled run's.

    python benchmarks/kill.py --kills 10 [--data digits --recipe digits_lenet5 --epochs 12 ...]

Everything after the known options goes to `striate train`. Exits with 1 unless every SHA-256 is equal.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def sha256(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def newest_state(run: Path) -> str:
    newest = max((run / "state").glob("step-*"))
    return hashlib.sha256((newest / "tensors.safetensors").read_bytes()).hexdigest()


def train(arguments: list[str], run: Path, kill_after_s: float | None = None) -> None:
    """Run to the end; or kill it after some seconds, then resume until it is through."""
    command = [sys.executable, "-m", "striate", "train", "--run", str(run)]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if kill_after_s is None:
        assert process.wait() == 0
        return
    try:
        process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    begun = (run / "recipe.json").exists()
    subprocess.run(
        [*command, *(["--resume"] if begun else arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options, arguments = parser.parse_known_args()
    arguments = arguments or ["digits", "--recipe", "digits_lenet5", "--epochs", "12"]
    moments = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp())
    start = time.monotonic()
    train(arguments, folder / "whole")
    whole_s = time.monotonic() - start
    expected = sha256(folder / "whole"), newest_state(folder / "whole")
    print(f"{' '.join(arguments)}: {whole_s:.1f} s unkilled, model {expected[0][:16]}, last state {expected[1][:16]}")
    equal = 0
    for kill in range(options.kills):
        run, moment_s = folder / f"kill-{kill}", moments.uniform(0.1, 1.0) * whole_s
        train(arguments, run, moment_s)
        same = (sha256(run), newest_state(run)) == expected
        equal += same
        print(
            f"killed after {moment_s:6.1f} s: model {sha256(run)[:16]} {'equal' if same else 'DIFFERENT'}", flush=True
        )
        shutil.rmtree(run)
    print(f"{equal} of {options.kills} equal")
    shutil.rmtree(folder)
    return 0 if equal == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
