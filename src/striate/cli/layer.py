"""`layer`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from striate.cli.networks import JSON
from striate.cli.output import print_json, print_text
from striate.core.errors import StriateError


def layer(
    kind: Annotated[str, typer.Argument(help="conv, pool or deconv (transposed convolution).")],
    in_: Annotated[str, typer.Option("--in", help="CHANNELSxHEIGHTxWIDTH that comes in.")],
    kernel: Annotated[str, typer.Option(help="Size of the window: K or HxW.")],
    filters: Annotated[int | None, typer.Option(help="Channels that come out; conv and deconv need it.")] = None,
    stride: Annotated[str | None, typer.Option(help="S or HxW; 1, for pool the kernel, when not given.")] = None,
    padding: Annotated[str, typer.Option(help="P or HxW at both ends, or same or valid as TensorFlow has it.")] = "0",
    dilation: Annotated[str, typer.Option(help="Pixels from tap to tap: D or HxW.")] = "1",
    groups: Annotated[int, typer.Option(help="Groups that the channels are split into.")] = 1,
    output_padding: Annotated[str, typer.Option(help="deconv: pixels added at the far end, P or HxW.")] = "0",
    bias: Annotated[bool, typer.Option("--bias/--no-bias", help="Whether each filter has a bias.")] = True,
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="pool: round up, by torch's rule.")] = False,
    caffe: Annotated[bool, typer.Option("--caffe", help="pool: round up, by Caffe's rule.")] = False,
    json: JSON = False,
) -> None:
    """Work out one layer as by hand: output, parameters, MACs, memory, whether it fits, where its windows lie.

    Examples:

    striate layer conv --in 3x32x32 --kernel 5 --padding 2 --filters 10

    striate layer pool --in 64x112x112 --kernel 3 --stride 2 --ceil-mode

    striate layer deconv --in 8x7x7 --kernel 3 --stride 2 --padding 1 --output-padding 1 --filters 4
    """
    from striate.ops.layer.arithmetic import Layer, work_out
    from striate.ops.layer.sentences import as_text

    if ceil_mode and caffe:
        raise StriateError("--ceil-mode and --caffe exclude each other: torch's rule or Caffe's")
    question = Layer(
        kind,
        _shape(in_),
        _pair("--kernel", kernel),
        filters,
        None if stride is None else _pair("--stride", stride),
        _padding(padding),
        _pair("--dilation", dilation),
        groups,
        bias,
        "up" if ceil_mode else "caffe" if caffe else "down",
        _pair("--output-padding", output_padding),
    )
    answer = work_out(question)
    if json:
        print_json(answer.to_dict())
    else:
        print_text(as_text(answer))


def _numbers(text: str) -> list[int]:
    parts = text.lower().split("x")
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else []


def _shape(text: str) -> tuple[int, int, int]:
    numbers = _numbers(text)
    if len(numbers) != 3:
        raise StriateError(f"--in takes CHANNELSxHEIGHTxWIDTH, such as 3x32x32, got {text!r}")
    return numbers[0], numbers[1], numbers[2]


def _pair(option: str, text: str) -> tuple[int, int]:
    numbers = _numbers(text)
    if len(numbers) not in (1, 2):
        raise StriateError(f"{option} takes a whole number or HEIGHTxWIDTH, such as 3 or 3x5, got {text!r}")
    return numbers[0], numbers[-1]


def _padding(text: str) -> tuple[int, int] | Literal["same", "valid"]:
    if text.lower() == "same":
        return "same"
    if text.lower() == "valid":
        return "valid"
    numbers = _numbers(text)
    if len(numbers) not in (1, 2):
        raise StriateError(f"--padding takes a whole number, HEIGHTxWIDTH, same or valid, got {text!r}")
    return numbers[0], numbers[-1]
