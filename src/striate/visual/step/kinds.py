"""The kinds of operations that are worked out, in a literal that anyone can read."""

from __future__ import annotations

from collections.abc import Callable

from striate.core.errors import StriateError
from striate.visual.step import norms, pointwise, windows
from striate.visual.step.calls import Call
from striate.visual.step.moves import moved
from striate.visual.step.worked import Place, Worked

Kind = Callable[[Call, Place], Worked]

# fmt: off
KINDS: dict[str, dict[str, Kind]] = {
    "convolution": dict.fromkeys(("conv1d", "conv2d", "conv3d"), windows.convolution),
    "transposed convolution": dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), windows.transposed_convolution),
    "linear": {"linear": windows.linear, **dict.fromkeys(("matmul", "bmm", "mm"), windows.matmul)},
    "max pooling": {
        **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), windows.max_pool),
        **dict.fromkeys(
            ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"), windows.adaptive_max_pool)},
    "average pooling": {
        **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), windows.average_pool),
        **dict.fromkeys(
            ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"), windows.adaptive_average_pool)},
    "batch, layer, group and instance norm": {
        "batch_norm": norms.batch_norm, "layer_norm": norms.layer_norm, "group_norm": norms.group_norm,
        "instance_norm": norms.instance_norm},
    "local response normalisation": {"local_response_norm": norms.local_response_norm},
    "softmax": {"softmax": norms.softmax, "log_softmax": norms.log_softmax},
    "activations": {**dict.fromkeys(pointwise.CURVES, pointwise.pointwise), "prelu": pointwise.prelu},
    "dropout in use": dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), pointwise.dropout),
    "sums, products and means": {
        **dict.fromkeys(("add", "sub", "mul", "div", "rsub", "rdiv", "rtruediv", "iadd", "isub", "imul", "itruediv",
                         "truediv", "true_divide", "multiply", "subtract"), pointwise.combined),
        "sum": pointwise.total, "mean": pointwise.total},
    "upsampling": {"interpolate": windows.upsample},
    "concatenation, padding and other moves": dict.fromkeys(
        ("cat", "concat", "stack", "pad", "getitem", "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze",
         "permute", "transpose", "movedim", "T", "mT", "t", "contiguous", "clone", "expand", "repeat",
         "repeat_interleave", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "roll", "flip", "narrow", "select",
         "detach", "double", "to"), moved),
}
# fmt: on
BY_FUNCTION = {function: kind for kinds in KINDS.values() for function, kind in kinds.items()}


def worked_out(call: Call, label: str, place: Place) -> Worked:
    """The arithmetic of one number of an operation's output.

    Raises StriateError for an operation of a kind that is not known, and where it gives no finite number or derivative.
    """
    if call.name not in BY_FUNCTION:
        raise StriateError(
            f"{label} is {call.name}, whose arithmetic is not known here; known are {', '.join(KINDS)}; choose another "
            "layer"
        )
    try:
        return BY_FUNCTION[call.name](call, place)
    except StriateError:
        raise
    except (ArithmeticError, ValueError) as error:  # such as the slope of a root at 0, the logarithm of 0
        raise StriateError(
            f"{label} ({call.name}) has no finite number or derivative at {','.join(map(str, place))}; choose another "
            "place"
        ) from error
