"""From the command to the report: `striate train` on 250 photographs of about 500x375, the whole process.

    python benchmarks/start_to_report.py TINY_IMAGENET --threads 2

Two insects of Tiny-ImageNet, enlarged to the sizes of photographs, saved as JPEG: their accuracy says nothing, for the
embedded weights know them, and there is no more detail in them than before. Nothing is cached. Also takes the time to
the first step, by the last line that a run says before it, and that which reading the embedded weights needs, the
median of nine.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

KINDS = {"bee": "n02206856", "grasshopper": "n02226429"}
SIZES = {(500, 375): 0.6, (300, 400): 0.1, (500, 333): 0.1, (375, 500): 0.1, (640, 480): 0.05, (1024, 683): 0.05}
PICTURES_OF_A_KIND = 125
LAST_BEFORE_STEPS = "the head alone"  # of the lines that a run says
LOAD = """
import time, statistics, torch
from striate.models import create_model
create_model("quick_regnet26")
def once():
    begun = time.perf_counter(); create_model("quick_regnet26", weights="embedded"); return time.perf_counter() - begun
print(statistics.median(once() for _ in range(9)))
"""


def photographs(tiny: Path, to: Path) -> None:
    """Pictures cut to the shape of a photograph and enlarged."""
    for name, folder in KINDS.items():
        (to / name).mkdir(parents=True)
        chooser = random.Random(name)
        for number, file in enumerate(sorted((tiny / "train" / folder).iterdir())[:PICTURES_OF_A_KIND]):
            width, height = chooser.choices(list(SIZES), list(SIZES.values()))[0]
            small = Image.open(file).convert("RGB")
            scale = min(small.width / width, small.height / height)
            left, top = (small.width - width * scale) / 2, (small.height - height * scale) / 2
            box = (left, top, left + width * scale, top + height * scale)
            picture = small.resize((width, height), Image.Resampling.BICUBIC, box=box)
            picture.save(to / name / f"{number:03}.jpg", quality=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiny_imagenet", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        photographs(options.tiny_imagenet, Path(place) / "insects")
        environment = os.environ | {"STRIATE_CACHE": f"{place}/cache", "OMP_NUM_THREADS": str(options.threads)}
        command = [sys.executable, "-m", "striate", "train", "insects", "--weights", "embedded", "--run", "run"]
        begun, first = time.perf_counter(), None
        made = subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True)
        for line in made.stderr or ():
            if line.startswith(LAST_BEFORE_STEPS):
                first = time.perf_counter() - begun
        if made.wait() or first is None:
            raise SystemExit(f"{' '.join(command)} ended with {made.returncode}")
        taken, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"start to the first step: {first:.1f} s")
        print(f"start to report: {taken:.1f} s; {used.ru_utime + used.ru_stime:.1f} s of the processor")
        load = subprocess.run([sys.executable, "-c", LOAD], env=environment, check=True, capture_output=True, text=True)
        print(f"embedded weights, read and checked by their hash: {float(load.stdout):.3f} s")


if __name__ == "__main__":
    main()
