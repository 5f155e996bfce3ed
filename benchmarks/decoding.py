"""Pictures per second from the bytes of a JPEG file to uint8 pixels of the working size, by decoder.

    python benchmarks/decoding.py [--pictures FOLDER] [--rounds 9]

Needs the extra `benchmarks`. FOLDER holds JPEG files of about 64 px; without it they are cut from scikit-learn's two
sample photographs, of which the larger ones are made in any case. Decoders take turns, the median of the rounds counts.
Prints the tables of decoding.md.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import PIL
import simplejpeg
from PIL import Image, features
from sklearn.datasets import load_sample_images

from striate.core.records import Preprocess
from striate.data.decode import Pixels, decode_picture
from striate.data.working_size import to_working_size

JPEG_QUALITY = 90
Decoder = Callable[[bytes, int], Pixels]


def simplejpeg_scaled(content: bytes, cover_px: int) -> Pixels:
    return simplejpeg.decode_jpeg(content, "RGB", min_height=cover_px, min_width=cover_px)


def opencv(content: bytes, cover_px: int) -> Pixels:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


DECODERS: dict[str, Decoder] = {
    "Pillow": lambda content, cover_px: decode_picture(content, "x"),
    "Pillow, draft": lambda content, cover_px: decode_picture(content, "x", cover=(cover_px, cover_px)),
    "simplejpeg": lambda content, cover_px: simplejpeg.decode_jpeg(content, "RGB"),
    "simplejpeg, scaled": simplejpeg_scaled,
    "OpenCV": opencv,
}


def photographs(height: int, width: int, count: int) -> Iterator[bytes]:
    """Cuts of the sample photographs at their own scale, mirrored at the edges where they are too small."""
    generator = np.random.default_rng(0)
    samples = load_sample_images().images
    for number in range(count):
        photograph = samples[number % len(samples)]
        missing = [max(0, wanted - there) for wanted, there in zip((height, width), photograph.shape, strict=False)]
        larger = np.pad(photograph, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
        top, left = (
            int(generator.integers(0, larger.shape[axis] - wanted + 1)) for axis, wanted in enumerate((height, width))
        )
        file = io.BytesIO()
        Image.fromarray(larger[top : top + height, left : left + width]).save(file, "JPEG", quality=JPEG_QUALITY)
        yield file.getvalue()


def of_folder(folder: Path, count: int) -> list[bytes]:
    """Evenly taken from all JPEG files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return [path.read_bytes() for path in files[:: max(1, len(files) // count)][:count]]


def rate(pictures: list[bytes], work: Callable[[bytes], Pixels], threads: int) -> float:
    """Pictures per second of one pass; on one thread of its processor time, so that other programs matter less."""
    if threads == 1:
        start = time.process_time()
        for content in pictures:
            work(content)
        return len(pictures) / (time.process_time() - start)
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, pictures))
    return len(pictures) / (time.perf_counter() - start)


def difference(pictures: list[bytes], work: Callable[[bytes], Pixels], plain: Callable[[bytes], Pixels]) -> str:
    """Largest and mean absolute difference of the working-size pixels from plain Pillow's, in levels of 255."""
    gaps = [np.abs(work(content).astype(int) - plain(content)) for content in pictures]
    return f"{max(int(gap.max()) for gap in gaps)} | {statistics.mean(float(gap.mean()) for gap in gaps):.2f}"


def compare(title: str, pictures: list[bytes], working_px: int, rounds: int) -> None:
    """Print the table of one kind of picture."""
    preprocess = Preprocess((working_px, working_px), (working_px, working_px))

    def whole_way(decoder: Decoder) -> Callable[[bytes], Pixels]:
        return lambda content: to_working_size(decoder(content, working_px), preprocess)

    ways = {name: whole_way(decoder) for name, decoder in DECODERS.items()}
    rates: dict[tuple[str, int], list[float]] = {(name, threads): [] for name in ways for threads in (1, 2)}
    for _ in range(rounds):
        for (name, threads), seen in rates.items():
            seen.append(rate(pictures, ways[name], threads))
    print(f"\n### {title}\n\n{len(pictures)} pictures, {sum(map(len, pictures)) / len(pictures) / 1000:,.1f} kB each\n")
    print("| decoder | pictures/s, 1 thread | pictures/s, 2 threads | largest difference | mean difference |")
    print("|---|---:|---:|---:|---:|")
    for name, work in ways.items():
        one, two = (statistics.median(rates[name, threads]) for threads in (1, 2))
        print(f"| {name} | {one:,.1f} | {two:,.1f} | {difference(pictures, work, ways['Pillow'])} |")


def machine() -> str:
    """Processor and versions, as a list."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    jpeg = features.version_feature("libjpeg_turbo")
    return (
        f"- {processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n"
        f"- Python {platform.python_version()}, Pillow {PIL.__version__} (libjpeg-turbo {jpeg}), "
        f"simplejpeg {simplejpeg.__version__}, OpenCV {cv2.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder of JPEG files of about 64 px")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    small = of_folder(arguments.pictures, 500) if arguments.pictures else list(photographs(64, 64, 500))
    compare("64 x 64 to 64 px", small, 64, arguments.rounds)
    compare("500 x 375 to 256 px", list(photographs(375, 500, 60)), 256, arguments.rounds)
    compare("4000 x 3000 (12 megapixels) to 256 px", list(photographs(3000, 4000, 4)), 256, arguments.rounds)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
