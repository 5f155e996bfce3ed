"""What `striate plan` forecasts of ten networks, against what training them then takes: seconds of an epoch and memory.

    python benchmarks/plan.py PICTURES --seconds 120
    python benchmarks/plan.py PICTURES --budget 5m              (how near `train --budget` ends to its time)

PICTURES: a folder of classes. Plans with an empty cache; then trains each network in a process of its own, for two
epochs with their validations, in the settings that training chooses, and compares: a validation and the second epoch,
in which nothing is compiled any more, and the peak of the process's memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NETWORKS = (
    *("lenet5", "nin_cifar", "resnet20", "resnet56", "resnet18", "resnet50"),
    *("googlenet_tv", "vgg11_bn", "densenet121", "quick_regnet26"),
)
EPOCHS = 2
CHILD = """
import resource, sys
from striate.cli import main
try:
    main()
finally:
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}", file=sys.stderr)
"""


def striate(words: list[str], environment: dict[str, str]) -> tuple[str, int]:
    """The standard output of a command, and the most memory that it had."""
    made = subprocess.run(
        [sys.executable, "-c", CHILD, *words], env=environment, check=True, capture_output=True, text=True
    )
    return made.stdout, int(made.stderr.rsplit("peak ", 1)[1])


def epoch_seconds(run: Path) -> float:
    """Seconds of an epoch: from the end of the first one's steps to that of the second's, with a validation between."""
    first, second = (json.loads(line)["seconds"] for line in (run / "metrics.jsonl").read_text().splitlines())
    return float(second - first)


def row(network: dict[str, Any], pictures: str, place: Path, environment: dict[str, str]) -> str:
    """A line of the table."""
    run = place / str(network["model"])
    words = ["train", pictures, "--model", str(network["model"]), "--epochs", str(EPOCHS), "--run", str(run)]
    peak = striate([*words, "--set", "warmup_epochs=0.2"], environment)[1]
    took, forecast, memory = epoch_seconds(run), float(network["epoch_s"]), int(network["memory_bytes"])
    how = "tried" if network["tried"] else "estimated"
    return (
        f"| {network['model']} | {how} | {forecast:.1f} | {took:.1f} | {forecast / took:.2f} | {memory / 1e6:,.0f} | "
        f"{peak / 1e6:,.0f} | {memory / peak:.2f} |"
    )


def compare(pictures: str, seconds: float, place: Path, environment: dict[str, str]) -> None:
    """The table of forecasts and measurements."""
    begun = time.perf_counter()
    told, _ = striate(["plan", pictures, "--budget", "1h", "--seconds", str(seconds), "--json"], environment)
    print(f"planned in {time.perf_counter() - begun:.0f} s\n")
    print("| network | | epoch, s | measured | ratio | memory, MB | measured | ratio |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    plain = [each for each in json.loads(told)["networks"] if each["recipe"] == "default"]
    for network in plain:
        if network["model"] in NETWORKS:
            print(row(network, pictures, place, environment), flush=True)


def within(pictures: str, budget: str, place: Path, environment: dict[str, str]) -> None:
    """How long `train --budget` takes."""
    from striate.core.durations import seconds_of

    begun = time.perf_counter()
    striate(["train", pictures, "--budget", budget, "--run", str(place / "budget")], environment)
    taken = time.perf_counter() - begun
    print(f"--budget {budget}: {taken:.1f} s, {taken / seconds_of(budget):.1%} of it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("--seconds", type=float, default=120, help="that the plan may take to time steps")
    parser.add_argument("--budget", help="train for this long instead, such as 5m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        environment = os.environ | {"STRIATE_CACHE": f"{name}/cache"}
        if options.budget:
            within(options.pictures, options.budget, place, environment)
        else:
            compare(options.pictures, options.seconds, place, environment)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"\n{used.ru_utime + used.ru_stime:.0f} s of the processor")


if __name__ == "__main__":
    main()
