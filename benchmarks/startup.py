"""How long `striate predict` of one picture takes as a whole process, beside `import torch`.

    python benchmarks/startup.py [FILE ...] [--times 7] [--json]

FILE: exported files to answer by too. The processes run in turns, so that whatever else the machine does falls on all;
seconds are medians, those of the processor are of all threads together.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def run(command: list[str]) -> tuple[float, float]:
    """Seconds of a process, and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="exported files")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder) / "picture.jpg")
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (375, 500, 3), np.uint8)).save(picture)
        commands = {"import torch": [sys.executable, "-c", "import torch"]}
        for name in ("embedded", *arguments.files):
            commands[f"predict {name}"] = [sys.executable, "-m", "striate", "predict", name, picture]
        for command in commands.values():
            run(command)  # so that all is compiled, and read once
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(arguments.times):
            for name, command in commands.items():
                took[name].append(run(command))
    rows = [
        {"process": name, "seconds": round(statistics.median(wall), 3), "processor_s": round(statistics.median(cpu), 3)}
        for name, (wall, cpu) in ((name, zip(*each, strict=True)) for name, each in took.items())
    ]
    print(json.dumps(rows, indent=2) if arguments.json else "\n".join(map(str, rows)))


if __name__ == "__main__":
    main()
