"""What a person settles about how a training runs on the machine; the rest is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from striate.core.bounds import BATCH_PICTURES, THREADS, require_within
from striate.core.errors import unknown_name
from striate.core.values import convert_fields
from striate.runtime.runtime import PRECISIONS, Runtime, default_runtime

LAYOUTS = ("auto", "channels-last", "contiguous")


@dataclass(frozen=True)
class RuntimeOptions:
    """How a person wants a training to run; "auto" and None leave it to measuring.

    precision: "auto", "bf16", "fp16" or "fp32". layout: "auto", "channels-last" or "contiguous". threads: of the
    processor, in all epochs and beside whatever other programs. micro_batch: pictures that go through the network at
    once. compile: whether torch.compile translates the step. fused_norms: whether batch norms train in compiled
    kernels. winograd: whether 3x3 convolutions do, which is not done unless asked for: it doubles bf16's rounding.
    autotune: False takes the rule of `place` for what is left open and measures nothing.
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

    def __post_init__(self) -> None:
        convert_fields(self)
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if self.layout not in LAYOUTS:
            raise unknown_name("layout", self.layout, LAYOUTS)
        require_within("threads", self.threads, THREADS)
        require_within("micro_batch", self.micro_batch, BATCH_PICTURES)

    @classmethod
    def exactly(cls, runtime: Runtime) -> RuntimeOptions:
        """The wish for just these settings."""
        layout = "channels-last" if runtime.channels_last else "contiguous"
        return cls(
            precision=runtime.precision,
            layout=layout,
            threads=runtime.threads,
            micro_batch=runtime.micro_batch,
            compile=runtime.compiled or None,  # without measuring, what is not asked for is not done
            fused_norms=runtime.fused_norms or None,
            winograd=runtime.winograd or None,
            autotune=False,
        )

    def rule(self, macs: int) -> Runtime:
        """The settings wished for, and the rule of `place` for the others; `macs` as there."""
        return self.imposed_on(default_runtime(self.precision, macs))

    def imposed_on(self, runtime: Runtime) -> Runtime:
        """A runtime with everything replaced that was wished for."""
        return replace(
            runtime,
            precision=runtime.precision if self.precision == "auto" else self.precision,  # type: ignore[arg-type]
            channels_last=runtime.channels_last if self.layout == "auto" else self.layout == "channels-last",
            threads=self.threads or runtime.threads,
            threads_by_load=runtime.threads_by_load and self.threads is None,
            micro_batch=self.micro_batch or runtime.micro_batch,
            compiled=runtime.compiled if self.compile is None else self.compile,
            fused_norms=runtime.fused_norms if self.fused_norms is None else self.fused_norms,
            winograd=runtime.winograd if self.winograd is None else self.winograd,
        )

    def flags(self) -> list[str]:
        """The words of the command line that say the same.

        >>> RuntimeOptions(threads=2, compile=False).flags()
        ['--precision', 'auto', '--threads', '2', '--no-compile']
        """
        words = ["--precision", self.precision] + (["--layout", self.layout] if self.layout != "auto" else [])
        words += ["--threads", str(self.threads)] if self.threads else []
        words += ["--micro-batch", str(self.micro_batch)] if self.micro_batch else []
        for name in ("compile", "fused_norms", "winograd"):
            wish, flag = getattr(self, name), name.replace("_", "-")
            words += [] if wish is None else [f"--{flag}" if wish else f"--no-{flag}"]
        return words if self.autotune else [*words, "--no-autotune"]
