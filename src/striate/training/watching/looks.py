"""What a run looked like inside at the states that were there while it was watched."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from torch import Tensor

from striate.core.errors import StriateError
from striate.data.picture import to_batch
from striate.models import Network
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime
from striate.training.folder.layout import RECIPE
from striate.training.watching.checkpoints import Checkpoint, blank, checkpoints, filled
from striate.training.watching.examples import examples_of
from striate.training.watching.pace import Pace
from striate.training.watching.sheets import Sheet, pictures_sheet, sheets

MOST_LOOKS = 16
HERE = Runtime("cpu", "fp32", channels_last=False, threads=1)


class Looks:
    """The looks into one run.

    by_checkpoint: what was drawn, by the names of checkpoints, the oldest first. names, pictures: those that the layers
    are shown with. problem: the sentence that says why there is no more, "" where there is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._begun: tuple[int, float] | None = None
        self._forget()

    def _forget(self) -> None:
        self.problem, self.names = "", tuple[str, ...]()
        self.pictures: Sheet | None = None
        self.by_checkpoint = dict[str, list[Sheet]]()
        self._seen = set[str]()
        self._ready: tuple[Network, Tensor] | None = None
        self._pace = Pace()

    def look(self) -> None:
        """Draw the oldest checkpoint that is new, unless the last look was a moment ago. One at a time."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._forget_another_run()
            new = [each for each in checkpoints(self.folder) if each.name not in self._seen]
            if new and self._pace.is_due:
                self._look_at(new[0])
        except StriateError as error:
            self.problem = error.in_flags
        except OSError as error:
            self.problem = f"{self.folder} cannot be read ({error.strerror or error})"
        except Exception as error:  # whatever a network raises: the next state may be drawn all the same
            self.problem = f"a state of {self.folder} cannot be drawn ({type(error).__name__}: {error})"
        finally:
            self._lock.release()

    def _look_at(self, checkpoint: Checkpoint) -> None:
        if self._ready is None:
            with self._pace.work():
                self._prepare()
        if self._ready is not None:
            with self._pace.work():
                self._draw(checkpoint, *self._ready)

    def _forget_another_run(self) -> None:
        status = (self.folder / RECIPE).stat()
        begun = status.st_ino, status.st_mtime
        if begun != self._begun:
            self._forget()
            self._begun = begun

    def _prepare(self) -> None:
        """Make the network and read the pictures, once; there is no network before the first validation."""
        network = blank(self.folder)
        if network is None:
            return
        examples = examples_of(self.folder, network.preprocess)
        self.names, self.pictures = examples.names, pictures_sheet(examples.pixels)
        self._ready = network, network_input(to_batch(examples.pixels), network.preprocess, HERE)

    def _draw(self, checkpoint: Checkpoint, network: Network, images: Tensor) -> None:
        self._seen.add(checkpoint.name)
        try:
            drawn = list(sheets(filled(network, checkpoint), images))
        except FileNotFoundError:  # a newer state has taken its place
            return
        if len(self.by_checkpoint) == MOST_LOOKS:  # every second goes, so that those that stay go back to the first
            self.by_checkpoint = dict(list(self.by_checkpoint.items())[::2])
        self.by_checkpoint = {**self.by_checkpoint, checkpoint.name: drawn}
        self.problem = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what is drawn, by checkpoint, with titles."""
        drawn = [
            {"at": name, "sheets": [sheet.title for sheet in found]} for name, found in list(self.by_checkpoint.items())
        ]
        return {"problem": self.problem, "pictures": self.names, "looks": drawn}
