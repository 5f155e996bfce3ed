"""What a person names, opened to answer questions: torch is imported only where it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from striate.core.errors import StriateError
from striate.deploy.engines import is_exported
from striate.deploy.exported import Exported

if TYPE_CHECKING:
    from striate.deploy.run import Run
    from striate.models import Model


def load(
    folder: str | Path,
    precision: str = "auto",
    model: Model | None = None,
    device: str = "auto",
    engine: str = "auto",
) -> Run | Exported:
    """Open a run folder, "embedded", other weights, or an open run's folder again, for use: see `Run`.

    A file that `striate export` made is opened as `Exported`, which predicts; it has a precision and a network already.
    model: of which network the weights are, where they do not say so; of a run of one's own network that network, its
    class or FILE.py:NAME: a run folder runs no code that nobody has named. engine: what computes, "torch",
    "onnxruntime" or "openvino"; "auto" is torch until `choose_engine` is asked, and of a file what it was made for.
    """
    if is_exported(folder) and not Path(folder).is_dir():
        settled = {"precision": precision != "auto", "model": model is not None, "device": device != "auto"}
        for what, given in settled.items():
            if given:
                flag = f"--{what}"
                raise StriateError(f"{folder} is an exported file, whose {what} is settled; leave {flag} out")
        return Exported(folder, None if engine == "auto" else engine)
    if Path(folder).suffix == ".bin" and (network := Path(folder).with_suffix(".xml")).is_file():
        raise StriateError(f"{folder} has the weights of an exported file; name that one, {network}")
    from striate.deploy.run import load as load_run

    run = load_run(folder, precision, model, device)
    if engine != "auto":
        run.choose_engine(engine)
    return run
