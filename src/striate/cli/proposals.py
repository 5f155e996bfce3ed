"""`proposals`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say
from striate.cli.using import name_unreadable

if TYPE_CHECKING:
    from striate.data.proposals.measured import Measured

METHODS = (
    "selective_search, selective_search_quality or sliding_window; with the extra classic opencv_selective_search, "
    "opencv_selective_search_quality, edge_boxes or bing"
)


def proposals(
    data: Annotated[str, typer.Argument(help="Pictures with boxes, or with masks that number their objects.")],
    method: Annotated[str, typer.Option(help=f"{METHODS}.")] = "selective_search",
    trained: Annotated[Path | None, typer.Option(help="Of bing, the folder of what it has learned.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many pictures, the first; all if not given.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the boxes of all pictures into this .npz file.")] = None,
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Propose boxes in which objects may be, keep them in the cache, and say how well they cover the objects.

    Recall is the share of objects that a box overlaps by an IoU of 0.5 or more, among the first 100, 1,000 and 2,000 of
    each picture; the average best overlap is of the first 2,000. What is in the cache is not made again, so a command
    that was stopped goes on where it was. A picture that cannot be read is named and left out; exit status 1 says so.

    Examples:

    striate proposals blood_cells/

    striate proposals pedestrians/ --limit 20 --method edge_boxes --json

    striate proposals coco/ --save boxes.npz
    """
    from striate.core.errors import Interrupted
    from striate.core.files import require_writable
    from striate.data.proposals import method_named
    from striate.data.proposals.measured import Measured, boxes_in, measure, write_proposals
    from striate.data.sources import open_to_evaluate

    allow_megapixels(max_megapixels)
    way = method_named(method, trained)
    if save is not None:
        require_writable(save)
    dataset = open_to_evaluate(data, task="detection")
    found, stopped = Measured(method, boxes_in(dataset).names), False
    try:
        with bar("proposing", "pictures") as progress:
            measure(dataset, way, found, limit, progress)
    except KeyboardInterrupt:
        stopped = True
    if save is not None:
        write_proposals(save, found)
    _show(found, save, as_json=json)
    if stopped:
        raise Interrupted("stopped; what was proposed is kept, and the same command goes on", signal.SIGINT)
    name_unreadable(found.unreadable)


def _show(found: Measured, save: Path | None, *, as_json: bool) -> None:
    from striate.data.proposals.measured import said

    figures = found.to_dict()
    if as_json:
        print_json({**figures, "saved": None if save is None else str(save)})
        return
    rows = [(name, *_row(of)) for name, of in figures["by_class"].items()]
    print_table(("class", "objects", "recall", "average best overlap"), rows, numeric=("objects", "recall"))
    say()
    say(said(found))
    if figures["objects"]:
        say(", ".join(f"recall {share:.1%} of {int(n):,}" for n, share in figures["recall"].items()))
        mean, over_classes = figures["average_best_overlap"], figures["mean_average_best_overlap"]
        say(f"average best overlap {mean:.3f}, mean over classes {over_classes:.3f}")
    if save is not None:
        say(f"wrote {save}")


def _row(of: dict[str, Any]) -> tuple[str, str, str]:
    return f"{of['objects']:,}", f"{of['recall']:.1%}", f"{of['average_best_overlap']:.3f}"
