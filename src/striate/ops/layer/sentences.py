"""An answer about one layer in sentences, the arithmetic written out."""

from __future__ import annotations

from collections.abc import Sequence

from striate.core.units import counted
from striate.ops.layer.arithmetic import FLOAT_BYTES, Answer, Axis, Pair
from striate.ops.layer.drawing import SLIDING, WRITING, draw_windows

MOST_PIXELS = 8  # more are counted, not listed
NAMES = {"conv": "convolution", "pool": "pooling", "deconv": "transposed convolution"}


def as_text(answer: Answer) -> str:
    """What a student writes down: shape, parameters, multiply-accumulates, memory, fit, and the windows drawn.

    >>> from striate.ops.layer.arithmetic import Layer, work_out
    >>> for line in as_text(work_out(Layer("pool", (6, 28, 28), kernel=(2, 2)))).splitlines()[:4]:
    ...     print(line)
    pooling of 6x28x28: 2x2, stride 2, padding 0
    output      6x14x14
    sides       (28 - 2) / 2 + 1 = 14
    parameters  none
    """
    shown = draw_windows(answer.width, WRITING if answer.layer.kind == "deconv" else SLIDING)
    facts = [("output", times(answer.out_shape)), *_sides(answer), *_cost(answer), *_fit(answer)]
    width = max(len(name) for name, _ in facts) + 2
    lines = [f"{name:<{width}}{text}" for name, text in facts]
    return "\n".join([_title(answer), *lines, "", f"along the width: {shown[0]}", *shown[1:]])


def times(sides: Sequence[int]) -> str:
    """Sides as they are written: (3, 32, 32) as 3x32x32."""
    return "x".join(map(str, sides))


def _title(answer: Answer) -> str:
    layer = answer.layer
    filters = "" if layer.filters is None else f"{layer.filters} filters of "
    padding = layer.padding if isinstance(layer.padding, str) else _pair(layer.padding)
    more = "".join(
        f", {name} {_pair(pair)}"
        for name, pair, usual in (
            ("dilation", layer.dilation, (1, 1)),
            ("output padding", layer.output_padding, (0, 0)),
        )
        if pair != usual
    )
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    what = f"{NAMES[layer.kind]} of {times(layer.in_shape)}"
    return f"{what}: {filters}{times(layer.kernel)}, stride {_pair(layer.strides)}, padding {padding}{more}{groups}"


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else times(pair)


def _sides(answer: Answer) -> list[tuple[str, str]]:
    """The arithmetic of both axes; one line where they are equal."""
    layer, axes = answer.layer, (answer.height, answer.width)
    spans = {axis.taps[-1] + 1 for axis in axes}
    dilated = [
        ("window", f"{d} x ({k} - 1) + 1 = {d * (k - 1) + 1} pixels from the first to the last tap")
        for k, d in dict(zip(layer.kernel, layer.dilation, strict=True)).items()
        if d > 1
    ]
    texts = [axis.arithmetic + _same_padding(answer, axis) for axis in axes]
    if len(set(texts)) == 1 and len(spans) == 1:
        return [*dilated, ("sides", texts[0])]
    return [*dilated, ("height", texts[0]), ("width", texts[1])]


def _same_padding(answer: Answer, axis: Axis) -> str:
    if answer.layer.padding != "same":
        return ""
    verb = "cut off" if answer.layer.kind == "deconv" else "padding"
    return f"; {verb} {axis.padding[0]} before, {axis.padding[1]} after"


def _cost(answer: Answer) -> list[tuple[str, str]]:
    layer, elements = answer.layer, answer.output_bytes // FLOAT_BYTES
    memory = (
        f"{times(answer.out_shape)} = {counted(elements, 'number')}, {answer.output_bytes:,} bytes as 32-bit floats"
    )
    if layer.filters is None:
        return [("parameters", "none"), ("MACs", "none: it compares or averages"), ("memory", memory)]
    channels = f"({layer.in_shape[0]} / {layer.groups})" if layer.groups > 1 else str(layer.in_shape[0])
    weights = f"{layer.filters} x {channels}x{times(layer.kernel)} = {counted(answer.weights, 'weight')}"
    biases = (
        f" + {counted(answer.biases, 'bias')} = {answer.weights + answer.biases:,}" if answer.biases else ", no biases"
    )
    places = times(layer.in_shape[1:] if layer.kind == "deconv" else answer.out_shape[1:])
    macs = f"{answer.weights:,} x {places} places of the {'input' if layer.kind == 'deconv' else 'output'}"
    return [("parameters", weights + biases), ("MACs", f"{macs} = {answer.macs:,}"), ("memory", memory)]


def _fit(answer: Answer) -> list[tuple[str, str]]:
    if answer.layer.kind == "deconv":
        return [("fits", _missed(answer, "every pixel of the output is written", "never written (bias only)"))]
    left = {name: axis.left_over_px for name, axis in _axes(answer) if axis.left_over_px}
    if not left:
        return [("fits", "yes; " + _missed(answer, "every pixel is seen", "but never seen"))]
    sides = " and ".join(f"{pixels} of the {name}" for name, pixels in left.items())
    return [("fits", f"no, the stride leaves over {sides}; " + _missed(answer, "every pixel is seen", "never seen"))]


def _missed(answer: Answer, none: str, some: str) -> str:
    missed = {name: axis.untouched for name, axis in _axes(answer) if axis.untouched}
    if not missed:
        return none
    parts = {f"{_rows(name)} {_listed(pixels)}" for name, pixels in missed.items()}
    return f"{some}: {' and '.join(sorted(parts, reverse=True))}"


def _rows(name: str) -> str:
    return "rows" if name == "height" else "columns"


def _listed(pixels: Sequence[int]) -> str:
    listed = ", ".join(map(str, pixels[:MOST_PIXELS]))
    return listed if len(pixels) <= MOST_PIXELS else f"{listed} ... ({len(pixels)} of them)"


def _axes(answer: Answer) -> tuple[tuple[str, Axis], tuple[str, Axis]]:
    return (("height", answer.height), ("width", answer.width))
