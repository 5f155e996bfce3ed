"""What a run is begun with, and how a run that goes on comes by the same again: its classes, its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from striate.core.commands import command
from striate.core.errors import StriateError
from striate.core.reading import read_record
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.cache import working_pictures
from striate.data.dataset import Dataset
from striate.data.found_again import Hashing, cannot_be_read, found_again, misplaced, renamed, write_names
from striate.data.from_memory import refuse_other_labels
from striate.data.in_memory import KINDS, Given, in_a_call
from striate.data.manifest import MANIFEST, as_begun
from striate.data.sources import BUILT_IN, open_with_elsewhere
from striate.data.tiled_again import other_names, tiled_again
from striate.data.unreadable import UnreadablePictures
from striate.models.stored import CONFIG, Config
from striate.runtime.runtime import Runtime
from striate.training.amended import note_moved, note_without, without_of
from striate.training.continued import say_what_is_exact
from striate.training.folder.layout import STATE
from striate.training.folder.state import newest_step
from striate.training.monitor.reporter import Reporter
from striate.training.network import build_network
from striate.training.plan import Plan
from striate.training.prepared import Prepared


@dataclass(frozen=True)
class Going:
    """A run that goes on.

    record: its recipe.json. source: where the pictures are now, when a person said so. without_missing: whether to go
    on without those that are gone. elsewhere: where the splits are now that lie elsewhere, by "val" and "test".
    """

    folder: Path
    record: dict[str, Any]
    source: Given | None = None
    without_missing: bool = False
    elsewhere: dict[str, Given] = field(default_factory=dict)

    @property
    def hashing(self) -> Hashing:
        """How its pictures were hashed; earlier versions wrote no classes down, and hashed otherwise at times."""
        preprocess = Preprocess.from_dict(self.record["preprocess"])
        return Hashing(preprocess, earlier="classes" not in self.record["data"])


def reopen(plan: Plan, going: Going, cache_gb: float, reporter: Reporter) -> Prepared:
    """The pictures, classes, network and settings that a run was begun with.

    The pictures may lie elsewhere now, and under other names: their hashes decide. Raises StriateError when one is gone
    (unless `without_missing`) or has become another, or the order of the classes is not certain.
    """
    folder, hashing = going.folder, going.hashing
    now = _open(plan, going, reporter)
    if plan.recipe.tiles:
        now = tiled_again(now, folder / MANIFEST, hashing)
    sizes = {split: each["pictures"] for split, each in going.record["data"].get("elsewhere", {}).items()}
    begun = as_begun(now, folder / MANIFEST, going.record["data"].get("classes"), sizes)
    begun = replace(begun, targets=begun.targets.at(hashing.preprocess))
    refuse_another_order(folder, begun)
    refuse_other_labels(now, begun)
    before = without_of(going.record)
    working, scan = working_pictures(begun, hashing.preprocess, cache_gb, reporter.reading)
    lost = misplaced(begun, scan, folder / MANIFEST, hashing, set(before))
    if names := found_again(now, begun, lost, hashing) if lost else {}:
        begun = renamed(begun, names)
        working, scan = working_pictures(begun, hashing.preprocess, cache_gb, reporter.reading)
        lost = misplaced(begun, scan, folder / MANIFEST, hashing, set(before))
    names = other_names(begun, folder / MANIFEST) if plan.recipe.tiles else names
    gone = cannot_be_read(begun, scan, lost, folder / MANIFEST)
    if gone and not going.without_missing:
        raise _missing(going, now.source, [str(error) for error in gone.values()])
    reporter.log = folder
    if plan.continued and newest_step(folder / STATE) == plan.continued[-1].from_step:
        say_what_is_exact(plan.continued[-1], reporter.say)
    if gone:
        step = newest_step(folder / STATE)
        note_without(folder, gone, step)
        count = f"{counted(len(gone), 'picture')} that cannot be read any more"
        reporter.say(
            f"warning: from step {step:,} on without {count}, as --without-missing has it, so "
            f"not to the weights that the run would have reached: {next(iter(gone.values()))}"
        )
    if names:
        write_names(folder / MANIFEST, names)
    for split, source in ((None, going.source), *going.elsewhere.items()):
        if isinstance(source, str) and note_moved(folder, source, split):
            reporter.say(f"the pictures are in {source} now; their hashes are those that the run was begun with")
    unreadable = UnreadablePictures(len(begun.pictures), reporter.say, {*before, *gone})
    network = build_network(plan, begun, hashing.preprocess)
    preprocess = replace(hashing.preprocess, mirrored=plan.recipe.test_flip)
    return Prepared(
        plan,
        begun,
        network,
        preprocess,
        same_runtime(going.record["machine"], plan.options.device),
        working,
        scan,
        unreadable,
    )


def _open(plan: Plan, going: Going, reporter: Reporter) -> Dataset:
    """The data where it is now. Raises StriateError, with the way to say where it is, when it has gone."""
    if unknown := going.elsewhere.keys() - plan.elsewhere.keys():
        flag = f"--{min(unknown)}"
        raise StriateError(f"{going.folder} was begun without {flag}; leave that out to go on with it")
    source = source_now(going, going.source, going.record["data"]["source"])
    others = {
        split: source_now(going, going.elsewhere.get(split), str(before), split)
        for split, before in plan.elsewhere.items()
    }
    asked = plan.recipe.split_seed, reporter.reading, plan.recipe.ignore_class, plan.learns_from
    return open_with_elsewhere(source, others, *asked)


def source_now(going: Going, given: Given | None, before: str, split: str | None = None) -> Given:
    """Where the pictures, or those of a split elsewhere, are now. Raises StriateError where nobody knows."""
    if given is not None:
        return given
    if before in KINDS:
        raise StriateError(
            f"{going.folder} was trained on data in memory ({before}), which it does not hold; give it again: "
            f"striate.resume({str(going.folder)!r}, {split or 'data'}={in_a_call(before, split)})"
        )
    if before not in BUILT_IN and not Path(before).exists():
        how = f"--{split}, beside " if split else ""
        place = () if split else ("PLACE",)
        raise StriateError(
            f"{before}, where the pictures of {going.folder} were, is not there any more; if they are elsewhere now, "
            f"name the place: {how}{command('train', *place, '--run', going.folder, '--resume')}"
        )
    return before


def _missing(going: Going, source: str, gone: list[str]) -> StriateError:
    """The error for pictures that are gone, with the ways to go on."""
    count = f"{len(gone):,} pictures of {going.folder} cannot" if len(gone) > 1 else f"a picture of {going.folder} can"
    return StriateError(
        f"{count}{'' if len(gone) > 1 else 'not'} be read any more in {source} ({gone[0]}), so it cannot go on to the "
        "same weights; bring back what is missing, name the place where the pictures are now "
        f"({command('train', 'PLACE', '--run', going.folder, '--resume')}), or go on to other weights by "
        "--without-missing"
    )


def refuse_another_order(folder: Path, begun: Dataset) -> None:
    """Raise StriateError where the weights that a run has kept number the classes otherwise.

    Versions that did not write the order down took that of the alphabet when they resumed a run: 1, 10, 11, 2.
    """
    if not (folder / CONFIG).exists():
        return
    names, here = read_record(folder / CONFIG, Config).label_names, begun.targets.names
    if names == here:
        return
    raise StriateError(
        f"{folder / CONFIG} has not the classes in the order that the run was begun with ({_begins(here)}), "
        f"but as {_begins(names)}; an earlier version that resumed it may have numbered them anew, so that its weights "
        "mix them up: start a new run"
    )


def _begins(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def same_runtime(machine: dict[str, Any], device: str = "auto") -> Runtime:
    """The runtime that a run was begun with; all of it decides the last bits. device: as it was asked for."""
    if device == "auto":
        device = "cpu" if machine["device"] == "cpu" else "cuda"
    names = [field.name for field in fields(Runtime) if field.name != "device" and field.name in machine]
    return Runtime(device, **{name: machine[name] for name in names})
