"""Programs exported by torch (.pt2), by torch."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

import striate.ops.suppression  # noqa: F401 - which defines an operator of detectors
from striate.core.errors import StriateError, first_line
from striate.deploy.engines.pt2_archive import checked_archive
from striate.deploy.export_record import KEY
from striate.ops.threads import torch_threads

RECORD = f"{KEY}.json"


class TorchEngine:
    """A .pt2 file in torch. Raises StriateError for one that it does not take."""

    def __init__(self, path: Path) -> None:
        extra, content = {RECORD: ""}, checked_archive(path)
        try:
            program = torch.export.load(content, extra_files=extra)
        except (RuntimeError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise StriateError(f"{path} cannot be run by torch: {first_line(error)}") from error
        self.record: str | None = extra[RECORD] or None
        self._path, self._module = path, program.module()
        self.words = f"torch {torch.__version__.split('+')[0]}"

    def __call__(self, images: Any, threads: int = 1) -> Any:
        """The first output for images as the file takes them."""
        try:
            with torch.inference_mode(), torch_threads(threads):
                answer = self._module(torch.from_numpy(images))
        except (
            RuntimeError,
            ValueError,
            AssertionError,
            IndexError,
            TypeError,
        ) as error:  # such as sizes that it was not
            # made for, or that a stranger's file makes of them
            raise StriateError(f"{self._path} cannot be run by torch: {first_line(error)}") from error
        return answer.float().numpy()
