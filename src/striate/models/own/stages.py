"""The stages of a network that has no names for them: where the maps become smaller, or by equal parts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from striate.core.records import Feature
from striate.models.own.walk import Call
from striate.models.places import places_of
from striate.models.stages import HEAD, is_one

PARTS = 4  # of a chain of blocks that keep one size, as a transformer's do


def stages_of(calls: Sequence[Call], size: tuple[int, int], classifier: str) -> tuple[Feature, ...]:
    """The module that each stage ends with: of all that give maps of one size, the last of the outermost.

    calls: of a run on pictures of `size` = height, width. classifier: path of the last layer, which is of no stage.
    """
    by_size: dict[int, list[Call]] = {}
    for call in calls:
        if call.path and call.gave is not None and len(call.gave) == 4:
            height, width = (call.gave[axis] for axis in places_of(call.gave, size))
            if max(height, width) > 1:
                by_size.setdefault(height, []).append(call)
    found: list[tuple[Call, int]] = []
    for height, of_size in sorted(by_size.items(), reverse=True):
        # The last part of a body rather than all of it, as it holds the stages before.
        fitting = [call for call in of_size if _is_behind(call, found)] or of_size
        outermost = min(call.path.count(".") for call in fitting)
        end = [call for call in fitting if call.path.count(".") == outermost][-1]
        trains = any(call.path != classifier and _is_trained(call) for call in calls if _within(call, end, found))
        if trains and (not found or end.ended > found[-1][0].ended):
            found.append((end, round(size[0] / height)))
    if len(found) < 2:
        found = [(call, 1) for call in _equal_parts(calls, classifier)]
    return tuple(Feature(call.path, _channels(call, size), stride) for call, stride in found)


def modules_by_stage(
    network: nn.Module, calls: Sequence[Call], features: Sequence[Feature]
) -> dict[str, tuple[str, ...]]:
    """Paths of modules by stage, from the top: HEAD, then each stage with what leads to it from the one below.

    What is not called when the network answers, as auxiliary heads, belongs to HEAD.
    """
    ended = {call.path: call.ended for call in reversed(calls)}
    ends = {call.path: call.ended for call in calls}
    paths = [path for path, module in network.named_modules() if path and is_one(module)]
    groups: dict[str, tuple[str, ...]] = {}
    rest = sorted((path for path in paths if path in ended), key=lambda path: ended[path])
    for feature in features:
        groups[feature.name] = tuple(path for path in rest if ended[path] <= ends[feature.name])
        rest = [path for path in rest if ended[path] > ends[feature.name]]
    groups[HEAD] = (*rest, *(path for path in paths if path not in ended))
    return dict(reversed(groups.items()))


def _is_behind(call: Call, found: list[tuple[Call, int]]) -> bool:
    """Whether a call comes after all stages that were found, and holds none of them."""
    return all(call.ended > end.ended and not end.path.startswith(f"{call.path}.") for end, _ in found)


def _is_trained(call: Call) -> bool:
    return next(call.module.parameters(recurse=False), None) is not None


def _within(call: Call, end: Call, found: list[tuple[Call, int]]) -> bool:
    return (found[-1][0].ended if found else -1) < call.ended <= end.ended


def _equal_parts(calls: Sequence[Call], classifier: str) -> list[Call]:
    """The ends of PARTS equal parts of the outermost row of modules that is long enough; of a shorter row, all."""
    rows: dict[int, dict[str, Call]] = {}
    for call in calls:
        if call.path and call.path != classifier and next(call.module.parameters(), None) is not None:
            rows.setdefault(call.path.count("."), {})[call.path] = call
    row = next((list(rows[depth].values()) for depth in sorted(rows) if len(rows[depth]) >= PARTS), None)
    if row is None:
        return list(rows[min(rows)].values()) if rows else []
    return [row[(part + 1) * len(row) // PARTS - 1] for part in range(PARTS)]


def _channels(call: Call, size: tuple[int, int]) -> int:
    shape = call.gave or (0, 0)
    if len(shape) == 4:
        return shape[6 - sum(places_of(shape, size))]
    return shape[2] if len(shape) == 3 else shape[1] if len(shape) > 1 else 0
