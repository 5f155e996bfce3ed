"""A network as torch's exported program: its operators with the weights, without its Python."""

from __future__ import annotations

import inspect
import io
import logging
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from striate.core.errors import StriateError, first_line
from striate.core.records import Preprocess
from striate.deploy.export.ends import Answering

NETWORK = "network."
DEFERRING = "prefer_deferred_runtime_asserts_over_guards"
CLOSE_IN_FP32 = 1e-3  # of the largest logit: sums are taken in another order, which makes 1e-5 and less of the zoo
HOUSES = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))
LOGGERS = ("torch.fx.experimental.symbolic_shapes", "torch.onnx", "onnxscript")
FURTHER_PX = ((32, 64), (5, 19))  # height, width: sizes, even and odd, of other numbers of places than a network's own


@dataclass(frozen=True)
class Traced:
    """A network's operators.

    module: what they are of. other_sizes: heights and widths, besides its own, at which they give what the network
    gives; (): they take its own size only.
    """

    module: Answering
    program: ExportedProgram
    preprocess: Preprocess
    other_sizes: tuple[tuple[int, int], ...] = ()

    @property
    def with_preprocessing(self) -> bool:
        """Whether it takes pixels."""
        return self.module.from_pixels is not None


def traced(module: Answering, preprocess: Preprocess, label: str) -> Traced:
    """The operators of a network, for any number of pictures, and of any size where it takes other sizes than its own.

    label: how messages call it. Raises StriateError that names the layer, that cannot be traced.
    """
    if DEFERRING not in inspect.signature(torch.export.export).parameters:
        raise StriateError(f"to export {label} takes a newer torch than {torch.__version__}; 2.13 does")
    if preprocess.proposals is not None:
        raise StriateError(
            f"{label} looks in the boxes of {preprocess.proposals}, which no file for other programs searches for; "
            "one that was trained without --set proposals=... can be exported"
        )
    if module.from_pixels is None and (program := _of_any_size(module, preprocess)) is not None:
        return Traced(module, program, preprocess, tuple(other_sizes(preprocess)))
    return of_its_size(module, preprocess, label)


def of_its_size(module: Answering, preprocess: Preprocess, label: str) -> Traced:
    """The same, for pictures of the network's own size only."""
    images = example(module, preprocess)
    with quietly():
        try:
            return Traced(module, _program(module, images, any_size=False), preprocess)
        except Exception as error:
            raise StriateError(_refusal(module, images, label, error)) from error


def _of_any_size(module: Answering, preprocess: Preprocess) -> ExportedProgram | None:
    """The operators for pictures of any size; None where the network, or what is traced of it, takes only its own."""
    others = [example(module, preprocess, 1, size) for size in other_sizes(preprocess)]
    with torch.inference_mode():
        try:
            expected = [module(other) for other in others]
        except Exception:  # of whatever kind
            return None
    try:
        with quietly():
            program = _program(module, example(module, preprocess), any_size=True)
            answers = [program.module()(other) for other in others]
    except Exception:  # likewise
        return None
    alike = all(
        torch.allclose(theirs, ours, rtol=CLOSE_IN_FP32, atol=CLOSE_IN_FP32 * float(ours.abs().max()))
        for theirs, ours in zip(answers, expected, strict=True)
    )
    return program if alike and not _pools_to_a_size(program) else None


def _pools_to_a_size(program: ExportedProgram) -> bool:
    """Whether maps are pooled to so many places, such as 7x7: ONNX has that for maps of a known size only."""
    poolings = [node for node in program.graph.nodes if "adaptive_" in str(node.target)]
    return any(set(node.args[1]) != {1} for node in poolings)


def other_sizes(preprocess: Preprocess) -> list[tuple[int, int]]:
    """Height and width of pictures that are larger than a network's."""
    height, width = preprocess.size
    return [(height + further, width + more) for further, more in FURTHER_PX]


def _program(module: Answering, images: Tensor, *, any_size: bool) -> ExportedProgram:
    shape: dict[int, Any] = {0: Dim("batch", min=1)}
    if any_size:
        shape |= {2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    deferring: dict[str, Any] = {DEFERRING: True}
    with torch.no_grad():  # or a network's own `no_grad` would become an operator that no engine has
        program = torch.export.export(module, (images,), dynamic_shapes=(shape,), **deferring)
    for node in program.graph.nodes:  # paths on this machine, which are nobody's business
        node.meta.pop("stack_trace", None)
    return program


def example(module: Answering, preprocess: Preprocess, count: int = 2, size: tuple[int, int] | None = None) -> Tensor:
    """Pictures that a module takes; what they show is drawn."""
    generator = torch.Generator().manual_seed(0)
    if module.from_pixels is not None:
        shape = (count, preprocess.channels, *preprocess.resize)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return torch.randn((count, preprocess.channels, *(size or preprocess.size)), generator=generator)


@contextmanager
def quietly() -> Iterator[None]:
    """torch's exporters warn of themselves, log what they try, and print what they cannot do."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def _refusal(module: Answering, images: Tensor, label: str, error: Exception) -> str:
    """Which layer it is, what it asked for, and what torch says."""
    path = _entered_last(module, images)
    where = f"its layer {path!r} ({_kind(module, path)})" if path else "its own code"
    return f"{label} cannot be exported: {where} {_reason(error)}"


def _kind(module: Answering, path: str) -> str:
    return type(dict(module.network.named_modules())[path]).__name__


def _reason(error: Exception) -> str:
    if "data-dependent" in str(error):
        return f"decides by the numbers in the pictures what it computes, which no file can hold{_line(error)}"
    return f"does what torch cannot write down{_line(error)}: {first_line(error)}"


def _line(error: BaseException) -> str:
    """The innermost line of code that is neither torch's nor ours, in brackets."""
    frames = traceback.extract_tb(error.__traceback__)
    others = [frame for frame in frames if not frame.filename.startswith(HOUSES)]
    if not others or not others[-1].line:
        return ""
    return f" ({Path(others[-1].filename).name}, line {others[-1].lineno}: {others[-1].line})"


def _entered_last(module: Answering, images: Tensor) -> str:
    """The innermost layer that was entered and not left when tracing failed; "" for the network's own code."""
    entered: list[str] = []
    with ExitStack() as hooks:
        for path, layer in module.network.named_modules():
            if path:
                hooks.enter_context(_noting(layer, path, entered))
        try:
            _program(module, images, any_size=False)
        except Exception:
            return entered[-1] if entered else ""
    return ""


@contextmanager
def _noting(layer: nn.Module, path: str, entered: list[str]) -> Iterator[None]:
    def enter(_module: nn.Module, _inputs: Any) -> None:
        entered.append(path)

    def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        while entered and entered.pop() != path:
            pass

    hooks = layer.register_forward_pre_hook(enter), layer.register_forward_hook(leave)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
