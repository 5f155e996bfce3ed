"""Kill training runs with SIGKILL, resume them, and compare the last weights and state with those of an unkilled run.

    python benchmarks/kill.py                              30 kills over seven configurations
    python benchmarks/kill.py --first 12                   go on with one that was interrupted after 12
    python benchmarks/kill.py --kills 10 tiny4/ --model resnet20 --epochs 3
    python benchmarks/kill.py --kills 10 masks/ --model unet_bn --epochs 4 --size 32 --threads 1 --no-autotune

Everything after the known options goes to `striate train`, in place of the seven. Kills come in turn at a random
moment, in a random step, in the middle of writing a state, in the middle of any other file, and in the middle of a
validation; a state is saved after every step. The resumed process has other numbers of loading threads, of cores that
it may use and of cores that it believes to have. Every third is killed again, at a random moment after it was resumed.
Prints the table of kill.md; exits with 1 unless every SHA-256 is equal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

SMALL = "--set batch_size=12 --set size_px=32 --threads 1 --no-autotune"
# At rates that so few pictures bear.
FAST = (
    f"PICTURES --recipe fast --epochs 4 {SMALL} --set start_px=16 --set warmup_epochs=1 --set whiten=true "
    "--set peak_lr=0.02 --set muon_lr=0.005 --set validate_every_epochs=2"
)
CONFIGURATIONS = {
    "LeNet-5, SGD, step, fp32, in parts of 24": (
        "digits --recipe digits_lenet5 --epochs 5 --precision fp32 --micro-batch 24 --set schedule=step "
        "--set flip=true --set jitter=0.3 --set erase=0.5 --set min_area=0.5 --set max_aspect=1.3"
    ),
    "LeNet-5, AdamW, cosine, bf16, averaged": (
        "digits --recipe digits_lenet5 --epochs 5 --precision bf16 --set optimizer=adamw --set peak_lr=0.002 "
        "--set ema_decay=0.98"
    ),
    "fast: Muon, one cycle, whitened, growing, averaged; fp32": f"{FAST} --precision fp32",
    "fast in bf16, in parts of 5, fused norms, CutMix, erasing, colours": (
        f"{FAST} --precision bf16 --micro-batch 5 --fused-norms --set cut_mix=0.5 --set erase=0.5 --set jitter=0.3"
    ),
    "ResNet-20, plateau, bf16, fused norms, Winograd, colours": (
        f"PICTURES --model resnet20 --epochs 5 {SMALL} --precision bf16 --set schedule=plateau --set min_area=1 "
        "--set max_aspect=1 --set patience_epochs=1 --set lighting_std=0.1 --set crop_padding_px=4 --fused-norms "
        "--winograd"
    ),
    "FractalNet, drop-path, decoded anew in each epoch, two threads": (
        "PICTURES --model fractalnet20 --epochs 3 --set batch_size=24 --set size_px=32 --threads 2 --no-autotune "
        "--cache-gb 0 --set dropout=0.3 --set peak_lr=0.001"
    ),
    "finetune: the head, then stages": (
        f"PICTURES --recipe finetune --set weights=WEIGHTS --unfreeze-to layer3 --epochs 4 {SMALL}"
    ),
}
PLACES = ("moment", "step", "state", "file", "validation")


def child(settings: dict[str, Any], words: list[str]) -> None:
    """`striate train` in this process, which kills itself where the settings say so."""
    if settings["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: settings["cores"]])
        os.cpu_count = lambda: settings["cores"] + 2  # how many threads decode
    from striate.cli import main
    from striate.training import clock, loop, prepared

    prepared.batches_of = partial(prepared.batches_of, workers=settings["workers"])
    clock.SAVE_EVERY_SECONDS = 0.0
    left = [settings["after"]]

    def one_more(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    place, step, evaluate = settings["place"], loop.fitting_step, loop.evaluate
    if place == "step":
        loop.fitting_step = lambda *arguments: (one_more(), step(*arguments))[1]
    if place == "validation":
        loop.evaluate = lambda task, network, batches, *more: evaluate(task, network, killing(batches, one_more), *more)
    if place in ("state", "file"):
        run = words[words.index("--run") + 1]

        def asked(event: str, arguments: tuple) -> None:
            writes = event in ("os.mkdir", "os.rename") or (
                event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if writes and str(arguments[0]).startswith(run) and ("/state/" in str(arguments[0])) == (place == "state"):
                one_more()

        sys.addaudithook(asked)
    sys.argv = ["striate", *words]
    main()


def killing(batches, one_more):
    """Batches that die between two of them."""
    for batch in batches:
        yield batch
        one_more()


def train(words: list[str], run: Path, resumed: bool = False, kill_after_s: float | None = None, **settings) -> bool:
    """Run to the end, or to death, so long after the run has begun. Returns whether it lived."""
    settings = {"place": "", "after": 0, "workers": 0, "cores": 0, **settings}
    command = [sys.executable, __file__, "--child", json.dumps(settings), "train", "--run", str(run)]
    log = run.with_suffix(".txt")
    with log.open("w") as output:
        process = subprocess.Popen([*command, *(["--resume"] if resumed else words)], stdout=output, stderr=output)
    while kill_after_s is not None and process.poll() is None and not (run / "recipe.json").exists():
        time.sleep(0.01)  # what comes before would be most of the time of so short a run
    try:
        process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(log.read_text())
    return process.returncode == 0


def result(run: Path) -> tuple[str, str]:
    """SHA-256 of the best weights and of the last state."""
    newest = max((run / "state").glob("step-*")) / "tensors.safetensors"
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in (run / "model.safetensors", newest))


def pictures(folder: Path) -> Path:
    """Two classes of 60 striped pictures."""
    import numpy as np
    from PIL import Image

    numbers = np.random.default_rng(0)
    for name in ("upright", "level"):
        (folder / name).mkdir(parents=True)
        for number in range(60):
            wave = 128 + 60 * np.sin(np.arange(40) * numbers.uniform(0.6, 1.2) + numbers.uniform(0, 6))
            grid = np.tile(wave, (40, 1)) if name == "upright" else np.tile(wave[:, None], (1, 40))
            noisy = grid[:, :, None] * numbers.uniform(0.6, 1, 3) + numbers.normal(0, 30, (40, 40, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


def kill(
    words: list[str], run: Path, place: str, chance: random.Random, steps: int, whole_s: float, again: bool
) -> str:
    """Kill a run once or twice and resume it, with other workers and cores. Returns where, and what was there."""
    # Four calls that write make a state, some 35 the rest of a run; a validation of few pictures is a batch or two.
    limits = {"step": steps, "state": 4 * steps, "file": 35, "validation": 3}
    lived, after = True, 0.0
    while lived:
        shutil.rmtree(run, ignore_errors=True)
        after = chance.uniform(0.0, 0.9) * whole_s if place == "moment" else chance.randrange(limits[place])
        how: dict[str, Any] = {"kill_after_s": after} if place == "moment" else {"place": place, "after": after}
        lived = train(words, run, **how)
    where = {
        "moment": f"after {after:.1f} s",
        "step": f"in step {after + 1}",
        "state": f"writing states, at call {after + 1}",
        "file": f"writing other files, at call {after + 1}",
        "validation": f"validating, after batch {after + 1}",
    }[place]
    saved = newest_step(run)
    elsewhere: dict[str, Any] = {"workers": chance.choice((0, 1, 3)), "cores": chance.choice((0, 1))}
    if not (run / "recipe.json").exists():  # killed before it had begun: a person starts it again
        elsewhere = {"workers": 0, "cores": 0}
        train(words, run)
    elif again:
        after = chance.uniform(0.2, 0.6) * whole_s
        lived = train([], run, resumed=True, kill_after_s=after, **elsewhere)
        where += f", and again {after:.1f} s later{', which was too late' if lived else ''}"
        saved = newest_step(run)
    train([], run, resumed=True, **elsewhere)
    return f"{where} | {saved or ''} | {', '.join(map(str, elsewhere.values()))}"


def newest_step(run: Path) -> int:
    """Updates made up to the newest state; 0 when there is none."""
    return max((int(path.name.removeprefix("step-")) for path in (run / "state").glob("step-*")), default=0)


def kills(words: list[str], name: str, folder: Path, turns: range, seed: int) -> int:
    """Some kills of one configuration, each a row. Returns how many ended equal."""
    train(words, folder / "whole")
    whole_s = (folder / "whole" / "report.html").stat().st_mtime - (folder / "whole" / "recipe.json").stat().st_mtime
    expected = result(folder / "whole")
    steps = newest_step(folder / "whole")
    print(f"| {name} | never | {steps} | 0, all | {' '.join(part[:12] for part in expected)} |", flush=True)
    equal = 0
    for turn in turns:
        chance = random.Random(f"{seed} {turn}")
        told = kill(words, folder / "killed", PLACES[turn % len(PLACES)], chance, steps, whole_s, turn % 3 == 2)
        same = result(folder / "killed") == expected
        equal += same
        print(f"| | {told} | {'equal' if same else 'DIFFERENT'} |", flush=True)
        shutil.rmtree(folder / "killed")
    shutil.rmtree(folder / "whole")
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="in all, those of --first among them")
    parser.add_argument("--first", type=int, default=0, help="kills that were made before")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options, words = parser.parse_known_args()
    if options.child:
        child(json.loads(options.child), words)
    folder, equal = Path(tempfile.mkdtemp()), 0
    os.environ["STRIATE_CACHE"] = str(folder / "cache")
    places = {"PICTURES": str(pictures(folder / "pictures")), "WEIGHTS": str(folder / "weights")}
    runs = {" ".join(words): " ".join(words)} if words else CONFIGURATIONS
    if not words:
        first = f"{places['PICTURES']} --model quick_regnet26 --epochs 1 {SMALL}"
        train(first.split(), folder / "weights")
    print("| configuration | killed | newest state, step | resumed with workers, cores | SHA-256 of weights, state |")
    print("|---|---|---|---|---|")
    for number, (name, text) in enumerate(runs.items()):
        for place, path in places.items():
            text = text.replace(place, path)
        turns = range(options.kills * number // len(runs), options.kills * (number + 1) // len(runs))
        turns = range(max(options.first, turns.start), turns.stop)
        equal += kills(text.split(), name, folder, turns, options.seed) if turns else 0
    print(f"\n{equal} of {options.kills - options.first} equal")
    shutil.rmtree(folder)
    return 0 if equal == options.kills - options.first else 1


if __name__ == "__main__":
    sys.exit(main())
