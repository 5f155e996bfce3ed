"""How long `striate look` takes and how large its page is: minutes of clock and processor by part, and megabytes.

    python benchmarks/look.py PHOTOS [--pictures 1000] [NETWORK ...]

PHOTOS: a dataset of classes. LeNet-5 looks at the digits that come with Striate instead. quick_regnet26 has its
packaged weights; the others have drawn ones, with which nothing takes another way. Last result: benchmarks/look.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from striate.data.scan import Progress
from striate.data.sources import open_data
from striate.deploy.run import Run, load
from striate.models import Network, create_model
from striate.report.look.look import look

NETWORKS = ("lenet5", "quick_regnet26", "resnet18", "vgg16")
PACKAGED = {"quick_regnet26": "embedded"}


def opened(name: str, classes: tuple[str, ...]) -> Run | Network:
    """The packaged network, or one with drawn weights."""
    if name in PACKAGED:
        return load(PACKAGED[name], "fp32")
    network = create_model(name, len(classes))
    network.class_names = classes
    return network


def measure(name: str, source: str, pictures: int, folder: Path) -> None:
    """Look at one network, and print a line for each part and one for all."""
    looked_at = opened(name, open_data(source).targets.names)

    @contextmanager
    def timed(part: str) -> Iterator[Progress]:
        clock, processor = time.monotonic(), time.process_time()
        yield lambda done, total: None
        print(f"  {part:18} {minutes(clock, time.monotonic())} {minutes(processor, time.process_time())}", flush=True)

    clock, processor = time.monotonic(), time.process_time()
    print(name, flush=True)
    found = look(looked_at, source, most=pictures, watching=timed)
    page = folder / f"{name}.html"
    found.write(page)
    left_out = [f"{part.name}: {what}" for part, what in found.parts if isinstance(what, str)]
    print(f"  {'all':18} {minutes(clock, time.monotonic())} {minutes(processor, time.process_time())}", end="")
    print(
        f"  {page.stat().st_size / 1e6:.1f} MB, {found.to_dict()['pictures']} pictures", *left_out, sep="; ", flush=True
    )


def minutes(begin: float, end: float) -> str:
    """For a column."""
    return f"{(end - begin) / 60:6.2f} min"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--pictures", type=int, default=1000)
    given = parser.parse_args()
    print(f"  {'part':18} {'clock':>10} {'processor':>10}")
    with tempfile.TemporaryDirectory() as made:
        for each in given.networks:
            measure(each, "digits" if each == "lenet5" else given.photos, given.pictures, Path(made))
