"""`export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.answers.classes import CLASSIFICATION
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, say, tell
from striate.cli.using import MODEL
from striate.core.units import in_bytes

if TYPE_CHECKING:
    from striate.deploy.export.exported_file import ExportedFile

SHOWN_TIES = 5


def export(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar="NETWORK",
            help="A run folder, embedded, a weight file, or a network's name; several runs: their mean.",
        ),
    ],
    format: Annotated[
        str | None, typer.Option(help="onnx, openvino or pt2; by default by the ending of --output, else onnx.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The file to write: .onnx, .xml or .pt2.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, bf16 (openvino, pt2) or int8 (onnx, openvino).")] = "fp32",
    with_preprocessing: Annotated[
        bool, typer.Option("--with-preprocessing", help="Take uint8 pictures: cutting and normalising are in the file.")
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="Pictures to try it on; those that validated the run if not given.")
    ] = None,
    model: MODEL = None,
    classes: Annotated[int | None, typer.Option(help="Of a network by its name: how many classes.")] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            min=0, help="Points that int8 may cost: of accuracy, mean IoU, mAP or localisation error; 0.5 unless set."
        ),
    ] = None,
    json: JSON = False,
) -> None:
    """Write a network to a file that other programs open.

    Its input is called images, its output logits; of several runs, which are averaged, the logarithms of their mean
    probabilities, whose softmax is that mean. The file is tried on pictures in its own runtime before it is kept:
    the likeliest class must be that of the network on each. It carries the names of the classes, the preprocessing and
    the SHA-256 of the weights, so that `striate predict FILE photos/` needs nothing else.

    Examples:

    striate export runs/cats --output cats.onnx

    striate export runs/cats --format openvino --precision bf16

    striate export runs/a runs/b runs/c --output together.onnx     (logits of their mean probabilities)

    striate export embedded --with-preprocessing --output photos.onnx --data photos/
    """
    from striate.deploy.export.asked import Asked, export_named, export_together
    from striate.deploy.export.exporting import Audience

    asked = Asked(output, format, precision, with_preprocessing, data, max_drop)
    with bar("trying", "pictures") as progress:
        audience = Audience(lambda line: tell(f"{line} ..."), progress)
        if len(networks) > 1:
            found = export_together(networks, asked, audience, model, classes)
        else:
            found = export_named(networks[0], asked, audience, model, classes)
    if json:
        print_json(found.to_dict())
    else:
        _show(found)


def _show(found: ExportedFile) -> None:
    record, proof = found.record, found.record.proof
    height, width = record.preprocess.resize if record.with_preprocessing else record.preprocess.size
    sides = "any size" if found.any_size else f"{height}x{width} px"
    takes = f"uint8 pictures of {sides}" if record.with_preprocessing else f"normalised pictures of {sides}"
    say(f"{found.path}: {in_bytes(found.size_bytes)}, {record.precision}, takes {takes}")
    if proof is None:
        return
    if found.drop is not None:
        say(f"tried on {found.tried_on}: {found.drop}")
        return
    same, numbers = ("class", "logits") if record.task == CLASSIFICATION else ("answer", "its numbers")
    differ = f"{numbers} differ by at most {proof.largest_difference:.2g}"
    say(f"the same {same} as the network on {found.tried_on}; {differ}")
    if proof.near_ties:
        named = ", ".join(proof.near_ties[:SHOWN_TIES])
        say(f"but for near ties, {len(proof.near_ties)}: {named}{' ...' if proof.near_ties[SHOWN_TIES:] else ''}")
