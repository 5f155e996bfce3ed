"""What other programs cost: every verb alone, beside two busy programs, and beside one that is busy half of the time.

    python benchmarks/busy.py

It makes its own load and its own pictures: 240 JPEGs of 400x300 px, two classes, circles and squares in noise. Every
call is a process of its own with an empty cache, from its start to its end, in the settings that it chooses itself.
Needs a machine that has nothing else to do; takes about three and a half minutes on two cores. `--verb train --verb
predict` takes these alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from striate.core.processor import busy_cores, cores
from striate.runtime.machine import processor_name

WANTED = 2.5  # times as long as alone, at the most
SPIN = "while True: pass"
CALL = """
import time
while True:
    begun = time.perf_counter()
    while time.perf_counter() - begun < 0.015: pass
    time.sleep(0.015)
"""
LOADS = {"alone": [], "two busy programs": [SPIN, SPIN], "a video call": [CALL]}
VERBS = {
    "train": "train photos --model resnet18 --epochs 2 --set size_px=96 --set peak_lr=0.01 --no-autotune --run trained",
    "finetune": "train photos --weights embedded --epochs 2 --run tuned",
    "evaluate": "evaluate embedded-run photos --split all",
    "predict": "predict embedded photos --csv",
    "features": "features embedded photos --output features.npz",
    "learning-curve": "learning-curve photos",
    "check-gradients": "check-gradients resnet18 --entries 2",
}
PICTURES_OF_A_KIND = 120


def photographs(to: Path) -> None:
    """Circles and squares of any colour in noise."""
    random = np.random.default_rng(0)
    for name in ("circle", "square"):
        (to / name).mkdir(parents=True)
        for number in range(PICTURES_OF_A_KIND):
            picture = Image.fromarray(random.integers(0, 256, (300, 400, 3), np.uint8))
            left, top, side = random.integers(0, 200), random.integers(0, 100), random.integers(60, 200)
            draw, box = ImageDraw.Draw(picture), (left, top, left + side, top + side)
            (draw.ellipse if name == "circle" else draw.rectangle)(box, fill=tuple(random.integers(0, 256, 3).tolist()))
            picture.save(to / name / f"{number:03}.jpg", quality=90)


@contextmanager
def load(programs: list[str]) -> Iterator[None]:
    """The context in which other programs run."""
    running = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
    try:
        time.sleep(0.5 if running else 0.0)
        yield
    finally:
        for program in running:
            program.kill()
            program.wait()


def seconds(verb: str, place: Path) -> float:
    """Of one call, from the start of its process to its end."""
    with tempfile.TemporaryDirectory(dir=place) as fresh:
        words = VERBS[verb].replace("trained", f"{fresh}/run").replace("tuned", f"{fresh}/run").split()
        begun = time.perf_counter()
        command = [sys.executable, "-m", "striate", *words]
        made = subprocess.run(
            command, cwd=place, env=os.environ | {"STRIATE_CACHE": fresh}, capture_output=True, text=True, check=False
        )
        taken = time.perf_counter() - begun
    if made.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {made.returncode}:\n{made.stderr}")
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verb", action="append", choices=list(VERBS), help="May be repeated; all when not given.")
    options = parser.parse_args()
    print(f"{processor_name()}, {cores()} cores, {busy_cores(1.0):.2f} of them busy before it began\n")
    print("| verb | " + " | ".join(f"{name}, s" for name in LOADS) + " | times as long | a video call |")
    print("|---|" + "--:|" * (len(LOADS) + 2))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        photographs(place / "photos")
        command = [sys.executable, "-m", "striate", "train", "photos", "--weights", "embedded", "--freeze"]
        subprocess.run([*command, "--run", "embedded-run"], cwd=place, check=True, capture_output=True)
        worst = 0.0
        for verb in options.verb or VERBS:
            taken = []
            for programs in LOADS.values():
                with load(programs):
                    taken.append(seconds(verb, place))
            alone, *beside = taken
            worst = max(worst, beside[0] / alone)
            ratios = " | ".join(f"{value / alone:.2f}" for value in beside)
            print(f"| {verb} | {' | '.join(f'{value:.1f}' for value in taken)} | {ratios} |", flush=True)
    print(f"\nbeside two busy programs at most {worst:.2f} times as long as alone; at most {WANTED} are wanted")


if __name__ == "__main__":
    main()
