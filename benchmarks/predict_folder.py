"""A folder of photographs through `striate predict`, beside what decoding and the network cost alone.

    python benchmarks/predict_folder.py [NETWORK ...] [--folder FOLDER] [--pictures 1000] [--rounds 3] [--json]

NETWORK: "embedded", or what else `striate predict` takes, an exported file too. FOLDER holds photographs; without it
they are cut, 500 x 375 px, from scikit-learn's two sample photographs, as JPEG files. In every round, one after the
other: decoding and scaling on all cores (the files are in the system's cache); the network, on all cores too, on the
same pictures, which are in memory, in batches of 32; and what `striate predict NETWORK FOLDER --output rows.csv` calls,
given the network that is open in its engine. What opening takes, torch and the first answers included, is a column of
its own.
Medians of the rounds; the ratio is the median of that of each round.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from striate.cli.predicting import predict
from striate.data.streaming import ReadBatch, read_batches
from striate.data.threads import in_threads
from striate.deploy.given import given_pictures
from striate.deploy.opened import load

HEIGHT, WIDTH = 375, 500
JPEG_QUALITY = 90
TOP = 3


def photographs(folder: Path, count: int) -> None:
    """Write cuts of two photographs, every one at another place, some mirrored, lighter or darker."""
    generator, samples = np.random.default_rng(0), load_sample_images().images
    for number in range(count):
        sample = samples[number % len(samples)]
        top, left = (int(generator.integers(0, sample.shape[axis] - (HEIGHT, WIDTH)[axis] + 1)) for axis in (0, 1))
        cut = sample[top : top + HEIGHT, left : left + WIDTH, :]
        lit = np.clip(cut[:, :: generator.choice([1, -1])] * generator.uniform(0.7, 1.2), 0, 255).astype(np.uint8)
        Image.fromarray(lit).save(folder / f"{number:05}.jpg", quality=JPEG_QUALITY)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measured(network: str, folder: Path, rounds: int) -> dict[str, object]:
    """Median seconds of each way, and the ratio of the whole to its parts."""
    start = time.perf_counter()
    opened = load(network)
    opened.choose_engine(pictures=len(given_pictures(folder)))
    first = next(read_batches(given_pictures(folder), opened.preprocess))
    opened.answer(first.pictures, [""] * len(first.pictures), TOP)
    opening = time.perf_counter() - start
    batches = list(read_batches(given_pictures(folder), opened.preprocess))

    def decode() -> None:
        for _ in read_batches(given_pictures(folder), opened.preprocess):
            pass

    def answered(batch: ReadBatch) -> None:
        opened.answer(batch.pictures, [batch.names[place] for place in batch.places], TOP)

    def answer() -> None:
        with opened.computing():
            for _ in in_threads(answered, batches, opened.at_once):
                pass

    def whole() -> None:
        is_open = patch("striate.deploy.opened.load", return_value=opened)
        is_chosen = patch.object(type(opened), "choose_engine")
        with tempfile.TemporaryDirectory() as written, contextlib.redirect_stdout(io.StringIO()), is_open, is_chosen:
            predict(Path(network), [folder], top=TOP, output=Path(written) / "rows.csv")

    ways = {"decode_s": decode, "network_s": answer, "end_to_end_s": whole}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(seconds(way))
    ratios = [end / (decoding + asking) for decoding, asking, end in zip(*found.values(), strict=True)]
    pictures = sum(len(batch.names) for batch in batches)
    row: dict[str, object] = {"network": network, "engine": opened.engine_words, "pictures": pictures}
    row |= {name: round(statistics.median(times), 3) for name, times in found.items()}
    row["opening_s"] = round(opening, 3)
    row["ratio"] = round(statistics.median(ratios), 3)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["embedded"], metavar="NETWORK")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.folder or Path(made)
        if arguments.folder is None:
            photographs(folder, arguments.pictures)
        rows = [measured(network, folder, arguments.rounds) for network in arguments.networks]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| network | engine | pictures | decoding, s | network, s | end to end, s | ratio | opening, s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        parts = " | ".join(
            f"{row[name]:.2f}" for name in ("decode_s", "network_s", "end_to_end_s", "ratio", "opening_s")
        )
        print(f"| {row['network']} | {row['engine']} | {row['pictures']:,} | {parts} |")
    info = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    print(f"\n{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
