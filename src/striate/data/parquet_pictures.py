"""Pictures in the rows of Parquet files: decoded by number, a few row groups in memory at a time."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.files import regular_file
from striate.data.dataset import Pictures
from striate.data.decode import DecodeError, Numbers, decode_numbers, is_wide, size_of

ROWS = 64  # read at once
READ_AHEAD_BYTES = 1 << 20
KEPT_BYTES = 256 << 20  # of row groups in memory, of which there is always one
MOST_GROUP_BYTES = 2 << 30  # of the pictures of one row group: little packed may unpack to any memory


class Group(NamedTuple):
    """Rows that are read at once: the place of their file in a list, the row group there, its first row."""

    file: int
    number: int
    first_row: int


@contextmanager
def parquet_file(file: Path) -> Iterator[Any]:
    """pyarrow's reader of a file. Raises StriateError, in here too, for what is damaged or no Parquet."""
    import pyarrow
    import pyarrow.parquet

    try:
        with regular_file(file) as opened:
            yield pyarrow.parquet.ParquetFile(opened, buffer_size=READ_AHEAD_BYTES)
    except MemoryError:
        raise
    except (OSError, EOFError, UnicodeDecodeError, pyarrow.ArrowException) as error:
        told = " ".join(str(error).split()).rstrip(".")
        raise StriateError(f"{file} cannot be read as a Parquet file ({told}); is it all there?") from error


def columns_in(reader: Any, group: int, picture: str, label: str | None = None) -> Iterator[tuple[Any, Any]]:
    """Some rows of a row group after the other: arrays of pyarrow's of the pictures and of the labels, if asked for.

    Raises StriateError where the pictures of the group unpack to more than may be in memory.
    """
    names = [picture] if label is None else [picture, label]
    told = reader.metadata.row_group(group)
    columns = [told.column(number) for number in range(told.num_columns)]
    size = sum(column.total_uncompressed_size for column in columns if column.path_in_schema == picture)
    if size > MOST_GROUP_BYTES:
        raise _too_large(reader, group)
    # One picture may stand in all rows and be stored once.
    rows = max(1, min(ROWS, MOST_GROUP_BYTES // max(1, size)))
    unpacked = 0
    for batch in reader.iter_batches(batch_size=rows, row_groups=[group], columns=names):
        labels = None if label is None else batch.column(batch.schema.get_field_index(label))
        place = next(index for index, name in enumerate(batch.schema.names) if name != label)
        pictures = batch.column(place)
        if batch.schema.names[place] != picture:  # a struct, of which one part was read
            pictures = pictures.flatten()[0]
        unpacked += pictures.nbytes
        if unpacked > MOST_GROUP_BYTES:
            raise _too_large(reader, group)
        yield pictures, labels


def _too_large(reader: Any, group: int) -> StriateError:
    return StriateError(
        f"row group {group} of {reader.metadata.num_row_groups} in a Parquet file unpacks to more than "
        f"{MOST_GROUP_BYTES:,} bytes, which are read at once; write it with fewer rows per group, such as "
        "row_group_size=100"
    )


class ParquetPictures(Pictures):
    """Pictures whose files are in the rows of Parquet files; a key is the hash of the file's bytes.

    root: the folder of the files. files: their names below it. columns: which column of each holds the bytes. groups:
    the row groups, in order. starts: number of the first row of each, of all rows. rows: those of the pictures, (N,),
    ascending. keys: uint8 (N, 16), zeros where a row has no bytes.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[str],
        columns: Sequence[str],
        groups: Sequence[Group],
        starts: Sequence[int],
        rows: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint8],
    ) -> None:
        self.root, self.files = root, tuple(files)
        self._columns, self._groups, self._starts, self._rows, self._keys = columns, groups, starts, rows, keys
        self._lock = threading.Lock()
        self._kept: dict[int, Any] = {}  # the one that was used last is the last
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        """The file and the row in it, such as "data/train.parquet[17]"."""
        return str(self.root / self.listed_name(index))

    def listed_name(self, index: int) -> str:
        """The same, the file by its path below the folder."""
        group, row = self._at(index)
        return f"{self.files[self._groups[group].file]}[{self._groups[group].first_row + row}]"

    def key(self, index: int) -> bytes:
        """The content, hashed."""
        return bytes(self._keys[index])

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """Upright uint8 (H, W, channels), or wide grey (H, W). Raises DecodeError."""
        return decode_numbers(self.content(index), self.name(index), channels, cover)

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, upright, by the header of the picture."""
        return size_of(self.content(index), self.name(index))

    def is_wide(self, index: int) -> bool:
        """Whether the header of the picture says wide grey."""
        return is_wide(self.content(index), self.name(index))

    def content(self, index: int) -> bytes:
        """The bytes of a picture's file. Raises DecodeError where the row has none, or cannot be read any more."""
        place, row = self._at(index)
        try:
            with self._lock:
                pictures = self._read(place)
            content = pictures[row].as_py()
        except (StriateError, IndexError) as error:
            raise DecodeError(self.name(index), f"cannot be read any more ({error})") from error
        if content is None:
            raise DecodeError(self.name(index), "has no bytes in its row")
        return bytes(content)

    def _at(self, index: int) -> tuple[int, int]:
        """The group of a picture, and its row there."""
        row = int(self._rows[index])
        group = bisect_right(self._starts, row) - 1
        return group, row - self._starts[group]

    def _read(self, place: int) -> Any:
        """The pictures of a row group, as pyarrow's array in chunks."""
        import pyarrow

        kept = self._kept.pop(place, None)
        if kept is None:
            group = self._groups[place]
            with parquet_file(self.root / self.files[group.file]) as reader:
                batches = columns_in(reader, group.number, self._columns[group.file])
                kept = pyarrow.chunked_array([pictures for pictures, _ in batches])
            self._kept_bytes += kept.nbytes
        self._kept[place] = kept
        while len(self._kept) > 1 and self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= self._kept.pop(next(iter(self._kept))).nbytes
        return kept
