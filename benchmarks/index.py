"""What a folder of many pictures costs before the first is decoded: seconds to list, bytes of memory per picture.

    python benchmarks/index.py [--pictures 1000000] [--folder /dev/shm]

Makes that many empty files in a thousand class folders, opens them as `striate train` does, names their cache entry
(one `stat` per file), makes the scan's arrays, checks, and removes the files. Two processes, because tracemalloc slows
what it watches: the first is timed and its resident memory read, the second gives the bytes that stay and the peak.
Seconds are given by the clock and, as a busy machine does not change these, of the processor.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from striate.data.cache import _name
from striate.data.check import check_data
from striate.data.scan import Scan
from striate.data.sources import open_data

CLASSES = 1000


def make(root: Path, pictures: int) -> None:
    for number in range(CLASSES):
        folder = root / f"n{number:08}"
        folder.mkdir()
        for place in range(pictures // CLASSES):
            (folder / f"n{number:08}_{place:05}.JPEG").touch()


def resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Moment:
    """A moment to measure from."""

    def __init__(self) -> None:
        self.by_clock, self.of_processor = time.perf_counter(), time.process_time()

    def since(self) -> str:
        """What has passed."""
        by_clock, of_processor = time.perf_counter() - self.by_clock, time.process_time() - self.of_processor
        return f"{by_clock:.1f} s ({of_processor:.1f} s of the processor)"


def measure(root: Path, traced: bool) -> None:
    if traced:
        tracemalloc.start()
    before, start = resident_bytes(), Moment()
    dataset = open_data(root)
    listed, count = start.since(), len(dataset.pictures)
    if traced:
        opened = tracemalloc.get_traced_memory()[1]
    start = Moment()
    _name(dataset.pictures, None)
    named = start.since()
    generator = np.random.default_rng(0)
    scan = Scan(
        np.full((count, 2), 64, np.int32), np.frombuffer(generator.bytes(16 * count), np.uint8).reshape(count, 16), {}
    )
    report = check_data(dataset, scan)
    assert not report.problems
    if traced:
        stays, peak = tracemalloc.get_traced_memory()
        print(
            f"- memory per picture: {stays / count:.0f} bytes stay (paths, labels, splits, sizes, digests); "
            f"at the most {opened / count:.0f} while listing, {peak / count:.0f} while checking"
        )
    else:
        print(f"{count:,} pictures in {CLASSES:,} classes\n")
        print(f"- listed and split in {listed}")
        print(f"- the name of its cache entry, a `stat` of each, in {named}")
        print(f"- {(resident_bytes() - before) / count:.0f} bytes of resident memory each, at its highest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are made for the while; needs an inode for each")
    parser.add_argument("--made", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--traced", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.made:
        measure(arguments.made, arguments.traced)
        return
    root = Path(tempfile.mkdtemp(dir=arguments.folder, prefix="striate-index-"))
    try:
        make(root, arguments.pictures)
        for extra in ([], ["--traced"]):
            subprocess.run([sys.executable, __file__, "--made", str(root), *extra], check=True)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
