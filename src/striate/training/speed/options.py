"""What a person settles about how a training runs on the machine; the rest is measured."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from striate.core.bounds import BATCH_PICTURES, THREADS, require_within
from striate.core.errors import unknown_name
from striate.core.values import convert_fields
from striate.runtime.runtime import PRECISIONS, Runtime, default_runtime, device_named

LAYOUTS = ("auto", "channels-last", "contiguous")


@dataclass(frozen=True)
class RuntimeOptions:
    """How a person wants a training to run; "auto" and None leave it to measuring.

    precision: "auto", "bf16", "fp16" or "fp32". layout: "auto", "channels-last" or "contiguous". threads: of the
    processor, in all epochs and beside whatever other programs. micro_batch: pictures that go through the network at
    once. compile: whether torch.compile translates the step. fused_norms: whether batch norms train in compiled
    kernels. winograd: whether 3x3 convolutions do, which is not done unless asked for: it doubles bf16's rounding.
    autotune: False takes the rule of `default_runtime` for what is left open and measures nothing.
    device: "auto", which is the GPU if there is one, "cpu", "cuda", or a GPU by its number, such as "cuda:1".
    Raises StriateError for anything else.

    >>> RuntimeOptions(layout="nhwc")
    Traceback (most recent call last):
    striate.core.errors.StriateError: unknown layout 'nhwc'; known are auto, channels-last, contiguous
    """

    precision: str = "auto"
    layout: str = "auto"
    threads: int | None = None
    micro_batch: int | None = None
    compile: bool | None = None
    fused_norms: bool | None = None
    winograd: bool | None = None
    autotune: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", self.device if isinstance(self.device, str) else str(self.device))
        convert_fields(self)
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if self.layout not in LAYOUTS:
            raise unknown_name("layout", self.layout, LAYOUTS)
        require_within("threads", self.threads, THREADS)
        require_within("micro_batch", self.micro_batch, BATCH_PICTURES)

    @classmethod
    def exactly(cls, runtime: Runtime) -> RuntimeOptions:
        """The options that leave nothing but these settings, on whatever device."""
        # Without measuring, what is not asked for is not done, so that False is as good as open.
        alike: dict[str, Any] = {name: getattr(runtime, name) or None for name in ALIKE}
        layout = "channels-last" if runtime.channels_last else "contiguous"
        return cls(**alike, layout=layout, compile=runtime.compiled or None, autotune=False)

    def settled(self) -> dict[str, Any]:
        """The options that are not left open.

        >>> RuntimeOptions(threads=2, compile=False).settled()
        {'threads': 2, 'compile': False}
        """
        values = ((each, getattr(self, each.name)) for each in fields(self))
        return {each.name: value for each, value in values if value != each.default}

    def rule(self, macs: int) -> Runtime:
        """The settings asked for, and the rule of `default_runtime` for the others; `macs` as there."""
        return self.imposed_on(default_runtime(self.precision, macs, device_named(self.device)))

    def imposed_on(self, runtime: Runtime) -> Runtime:
        """A runtime with everything replaced that was asked for."""
        settled = self.settled()
        changed = {name: value for name, value in settled.items() if name in ALIKE}
        if "layout" in settled:
            changed["channels_last"] = self.layout == "channels-last"
        if "compile" in settled:
            changed["compiled"] = self.compile
        if "threads" in settled:
            changed["threads_by_load"] = False
        return replace(runtime, **changed)

    def flags(self) -> list[str]:
        """The words of the command line that say the same.

        >>> RuntimeOptions(threads=2, compile=False).flags()
        ['--threads', '2', '--no-compile']
        """
        words: list[str] = []
        for name, value in self.settled().items():
            flag = name.replace("_", "-")
            words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
        return words


# Those that a runtime has by the same name, and that may be imposed on one.
ALIKE = tuple(
    each.name for each in fields(RuntimeOptions) if each.name in Runtime.__dataclass_fields__.keys() - {"device"}
)
