"""Whether the files of a run are whole, told without reading its weights or all of its list of pictures."""

from __future__ import annotations

from pathlib import Path

from striate.core.errors import StriateError
from striate.core.reading import read_record
from striate.data.manifest import MANIFEST, refuse_cut_off
from striate.models.stored import CONFIG, WEIGHTS, Config
from striate.models.weight_files import refuse_damaged_header
from striate.training.folder.layout import lines_of


def refuse_damaged(run: Path, *, finished: bool) -> None:
    """Raise StriateError, which names the file, for a run of which one is damaged, or missing though it is finished.

    Of weights the header and the size of the file are looked at, of data.tsv its first and its last line. The last
    line of metrics.jsonl may be half-written as long as the run is unfinished.
    """
    if finished or (run / CONFIG).exists():
        read_record(run / CONFIG, Config)
    if finished or (run / WEIGHTS).exists():
        refuse_damaged_header(run / WEIGHTS)
    if (run / MANIFEST).exists():
        refuse_cut_off(run / MANIFEST)
    lines = list(lines_of(run))
    for line in lines if finished else lines[:-1]:
        if isinstance(line, StriateError):
            raise line
