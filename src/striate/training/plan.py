"""What a person asked for, what follows from it, and how both are written down so that a run can be repeated."""

from __future__ import annotations

import hashlib
import math
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from striate.core.files import write_json
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.check import DataReport
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import DecodeError
from striate.data.in_memory import KINDS, InMemory
from striate.data.manifest import MANIFEST, write_manifest
from striate.data.scan import Scan
from striate.data.working import Bad
from striate.meta.weightless import blueprint
from striate.models import Network, create_model
from striate.models.linear_probe import LinearProbe
from striate.models.network import set_dropout
from striate.models.stages import stages_down_to
from striate.runtime.machine import describe_machine
from striate.runtime.runtime import Runtime
from striate.tasks import task_named
from striate.tasks.task import Task
from striate.training.folder.begun import read_begun
from striate.training.folder.layout import RECIPE
from striate.training.monitor.status import FEW_PICTURES, LEAST_BATCH, are_photographs
from striate.training.recipe import Recipe
from striate.training.speed.options import RuntimeOptions

SAMPLED_PICTURES = 100
SIZE_STEP_PX = 32
ROWS_AT_ONCE = 65_536
CUSTOM, BASIS = "custom", "default"  # what a record of the caller's own is called, and the recipe it is told by
ENOUGH_STEPS = 200  # fewer, where each is a whole epoch, end before the rate has come up and down again


@dataclass(frozen=True)
class Plan:
    """What decides a run.

    source: the data as the person named it. recipe: to train by. changed: what it has otherwise than that of its name;
    a record of the caller's own is CUSTOM, told by what it has otherwise than BASIS. options: how it should run on the
    machine. in_memory: the data itself, where that is not on the disk. task: None for that of the data.
    """

    source: str
    recipe_name: str
    recipe: Recipe
    changed: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    in_memory: InMemory | None = None
    task: str | None = None

    def task_of(self, dataset: Dataset) -> Task:
        """What the network learns of the pictures. Raises StriateError for a task that there is not."""
        return task_named(self.task or dataset.targets.task)

    def command(self, folder: Path, runtime: Runtime) -> str:
        """What repeats the run into another folder, with the settings that it ran in: a command line, or of pictures
        that are in memory a call of Python's.
        """
        options = replace(RuntimeOptions.exactly(runtime), device=self.options.device)
        named = BASIS if self.recipe_name == CUSTOM else self.recipe_name
        parts = ["striate", "train", self.source, "--recipe", named]
        parts += [] if self.task is None else ["--task", self.task]
        acting = {n: v for n, v in self.changed.items() if self.recipe.needed_by(n) is None}
        if self.in_memory is not None:
            task = {} if self.task is None else {"task": self.task}
            given = {"recipe": named, **task, **acting, "seed": self.seed, **options.settled()}
            given["run"] = f"{folder}-again"
            return f"striate.train({KINDS[self.source]}, {', '.join(f'{n}={v!r}' for n, v in given.items())})"
        for name, value in acting.items():
            between = "x" if name == "size_px" else ","
            text = between.join(map(str, value)) if isinstance(value, tuple) else str(value)
            own = value is not None and name in ("model", "epochs", "weights")
            parts += [f"--{name}", text] if own else ["--set", f"{name}={text}"]
        parts += ["--seed", str(self.seed), *options.flags(), "--run", f"{folder}-again"]
        return shlex.join(parts)


def build_network(plan: Plan, dataset: Dataset, begun: Preprocess | None = None) -> Network:
    """The network of a plan, its weights drawn from the plan's seed, its size fitted to the pictures.

    begun: the preprocessing of a run that goes on, whatever the pictures are now.
    """
    recipe, task = plan.recipe, plan.task_of(dataset)
    classes = task.outputs(dataset.targets.names)
    if recipe.weights is not None:
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, weights=recipe.weights)
        preprocess = begun or fit_size(network, recipe, dataset.pictures)
        network.require_size(*preprocess.size)
    else:
        draft = blueprint(lambda: create_model(recipe.model))  # its preprocessing and smallest size, before any draw
        preprocess = begun or fit_size(draft, recipe, dataset.pictures)
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, size=preprocess.size)
    network.preprocess = preprocess
    if recipe.layers:
        network = LinearProbe(network, recipe.layers, classes)
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if recipe.unfreeze_to is not None:
        stages_down_to(network, recipe.unfreeze_to)  # a misspelt stage is refused before anything is decoded
    return network


def fit_size(network: Network, recipe: Recipe, pictures: Pictures) -> Preprocess:
    """The network's preprocessing at the recipe's size, or at a smaller one where the pictures are smaller.

    Small pictures are not blown up to 224 px: the size becomes the next multiple of 32 that holds half of them, which
    costs a fraction and loses nothing, unless the weights were trained on larger ones; `least_px` at least, and times
    `test_enlargement`. Where the pictures do not fill the usual margin, there is none, and the working size is what
    training ends at, or that multiple of 32: what is larger is enlarged from it on the way into the network. Where
    pictures are not cut (`fit`), their longer side counts, and there is no margin either: all of them is to be seen.
    """
    own = network.preprocess if recipe.fit is None else replace(network.preprocess, fit=recipe.fit)
    cut = own.fit == "cover"
    typical_px = typical_side_px(pictures, longer=not cut)
    holding_px = SIZE_STEP_PX * math.ceil(max(typical_px, network.smallest_px) / SIZE_STEP_PX)
    if recipe.size_px is not None:
        size = recipe.size
    elif recipe.weights is not None:  # at the size that they were last used at
        size = own.size
    else:
        side = max(holding_px, recipe.least_px)
        # A network for tiny pictures is made for its one size.
        height, width = (min(side, own_px) if own_px >= 2 * SIZE_STEP_PX else own_px for own_px in own.size)
        size = (round(height * recipe.test_enlargement), round(width * recipe.test_enlargement))
    height, width = (round(s * r / o) if cut else s for s, r, o in zip(size, own.resize, own.size, strict=True))
    if typical_px < max(height, width):
        end = min(round(side / recipe.test_enlargement) for side in size)
        least = min(height, width, end, holding_px)  # the shorter side; the longer one keeps the shape
        height, width = (round(side * least / min(size)) for side in size)
    return own.at(size, (height, width))


def typical_side_px(pictures: Pictures, *, longer: bool = False) -> int:
    """Median of the shorter (or longer) sides of up to 100 pictures, evenly spread; unreadable ones left out."""
    sides = []
    for index in np.linspace(0, len(pictures) - 1, min(len(pictures), SAMPLED_PICTURES)).round().astype(int).tolist():
        with suppress(DecodeError):
            sides.append((max if longer else min)(pictures.size(index)))
    return int(np.median(sides)) if sides else 0


def advice_before(recipe: Recipe, dataset: Dataset, preprocess: Preprocess) -> list[str]:
    """What a person should know of a run before its first step, beside what there is to say of the pictures."""
    pictures = len(dataset.splits["train"])
    remarks = (
        few_pictures(recipe, pictures, preprocess),
        few_steps(recipe, pictures),
        much_enlarged(recipe, preprocess, typical_side_px(dataset.pictures)),
    )
    return [remark for remark in remarks if remark is not None]


def few_pictures(recipe: Recipe, pictures: int, preprocess: Preprocess) -> str | None:
    """What to do about a run from drawn weights on few photographs; None: nothing. pictures: to train on.

    >>> few_pictures(Recipe(model="resnet18"), 250, Preprocess((224, 224)))
    '250 pictures teach weights drawn at random little; --weights embedded begins with trained ones and usually \
reaches far more in less time'
    """
    if recipe.weights is not None or pictures >= FEW_PICTURES or not are_photographs(preprocess):
        return None
    return (
        f"{pictures:,} pictures teach weights drawn at random little; --weights embedded begins with trained ones and "
        "usually reaches far more in less time"
    )


def much_enlarged(recipe: Recipe, preprocess: Preprocess, typical_px: int) -> str | None:
    """What to say of pictures that are enlarged because weights were used at a larger size; None: nothing.

    typical_px: their usual shorter side.

    >>> much_enlarged(Recipe(model="resnet18", weights="imagenet"), Preprocess((224, 224)), 32)
    'pictures of 32 px are enlarged to 224 px, the size that these weights were used at; --size 64 takes about a \
twelfth of the time'
    """
    side = min(preprocess.size)
    smaller = SIZE_STEP_PX * math.ceil(2 * typical_px / SIZE_STEP_PX)
    if recipe.weights is None or recipe.size_px is not None or smaller > side / 1.5:
        return None
    times = round((side / smaller) ** 2)
    part = {2: "half", 3: "a third", 4: "a quarter", 12: "a twelfth"}.get(times, f"1/{times}")
    return (
        f"pictures of {typical_px} px are enlarged to {side} px, the size that these weights were used at; "
        f"--size {smaller} takes about {part} of the time"
    )


def few_steps(recipe: Recipe, pictures: int) -> str | None:
    """What to do about a run from drawn weights whose epochs are single steps, too few to learn; None: nothing.

    pictures: to train on.

    >>> few_steps(Recipe(model="resnet18", epochs=18, batch_size=256), 68)
    'one batch of 256 holds all 68 pictures, so that 18 epochs are 18 steps, too few to learn from drawn weights: take \
a smaller batch_size (--set batch_size=8), more --epochs, or --recipe finetune, which begins with trained weights'
    """
    if recipe.weights is not None or recipe.batch_size < pictures or recipe.epochs >= ENOUGH_STEPS:
        return None
    smaller = max(LEAST_BATCH, 2 ** int(math.log2(max(1, pictures / 8))))
    batches = (
        f"a smaller batch_size (--set batch_size={smaller}), " if smaller < min(pictures, recipe.batch_size) else ""
    )
    return (
        f"one batch of {recipe.batch_size} holds all {pictures:,} pictures, so that {counted(recipe.epochs, 'epoch')} "
        f"{'is' if recipe.epochs == 1 else 'are'} {counted(recipe.epochs, 'step')}, too few to learn from drawn "
        f"weights: take {batches}more --epochs, or --recipe finetune, which begins with trained weights"
    )


def data_fingerprint(dataset: Dataset, scan: Scan) -> str:
    """A hash of names, splits, targets and pixels: the same for the same pictures on every machine."""
    digest = hashlib.blake2b("\0".join(dataset.targets.names).encode("utf-8", "surrogateescape"), digest_size=16)
    for split, indices in sorted(dataset.splits.items()):
        digest.update(split.encode())
        for content in (dataset.targets.content, lambda part: scan.digests[part].tobytes()):
            for part in np.array_split(indices, 1 + len(indices) // ROWS_AT_ONCE):
                digest.update(content(part))
    return digest.hexdigest()


def write_plan(
    folder: Path,
    plan: Plan,
    runtime: Runtime,
    preprocess: Preprocess,
    dataset: Dataset,
    scan: Scan,
    report: DataReport,
) -> None:
    """Write recipe.json and, beside it, the list of pictures."""
    write_manifest(folder / MANIFEST, dataset, scan)
    record = {
        "source": plan.source,
        "recipe_name": plan.recipe_name,
        "recipe": plan.recipe.to_dict(),
        "changed": plan.changed,
        "seed": plan.seed,
        "options": asdict(plan.options),
        "command": plan.command(folder, runtime),
        "preprocess": preprocess.to_dict(),
        "machine": describe_machine(runtime),
        "data": {
            "source": _whole_source(plan),
            "split_rule": dataset.split_rule,
            "counts": report.counts,
            "warnings": report.warnings,
            "left_out": [each.to_dict() for each in report.left_out],
            "notes": list(report.notes),
            "fingerprint": data_fingerprint(dataset, scan),
            "manifest": MANIFEST,
            "classes": list(dataset.targets.names),
        },
        "task": plan.task_of(dataset).name,
    }
    write_json(folder / RECIPE, record)


def _whole_source(plan: Plan) -> str:
    """The data's name, a path as a whole one."""
    in_files = plan.in_memory is None and Path(plan.source).exists()
    return str(Path(plan.source).resolve()) if in_files else plan.source


def read_plan(folder: Path) -> tuple[Plan, dict[str, Any]]:
    """The plan of a run folder, and all of recipe.json. Raises StriateError when it is missing or damaged."""
    begun, record = read_begun(folder)
    return Plan(begun.source, begun.recipe_name, begun.recipe, {}, begun.seed, begun.options, task=begun.task), record


def without_of(record: dict[str, Any]) -> list[int]:
    """Numbers of the pictures that a run goes on without, by its recipe.json."""
    return [int(entry["number"]) for entry in record["data"].get("without", [])]


def note_without(folder: Path, bad: Bad, from_step: int) -> None:
    """Write into recipe.json which pictures a run goes on without, and from which step on."""
    _, record = read_begun(folder)
    record["data"].setdefault("without", []).extend(
        {"number": number, "name": error.name, "reason": error.reason, "from_step": from_step}
        for number, error in sorted(bad.items())
    )
    write_json(folder / RECIPE, record)


def note_moved(folder: Path, source: str) -> bool:
    """Write into recipe.json where the pictures are now, and where they were; False when they were there before."""
    (_, record), now = read_begun(folder), str(Path(source).resolve())
    data = record["data"]
    if data["source"] == now:
        return False
    data["moved_from"] = [*data.get("moved_from", []), data["source"]]
    parts = shlex.split(record["command"])
    record["command"] = shlex.join(now if part == record["source"] else part for part in parts)
    data["source"] = record["source"] = now
    write_json(folder / RECIPE, record)
    return True
