from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from striate.core import reading
from striate.core.errors import StriateError
from striate.core.reading import Share, read_record


@dataclass(frozen=True)
class Inner:
    sides: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Record:
    classes: Annotated[int, Meta(ge=1)]
    inner: Inner
    kind: Literal["a", "b"] = "a"
    share: Share | None = None
    names: tuple[str, ...] = ()
    by_name: dict[str, Inner] | None = None

    def __post_init__(self):
        if self.classes == 13:
            raise StriateError("classes must not be 13")


GOOD = {"classes": 2, "inner": {"sides": [3, 4]}}


def written(tmp_path, text):
    (tmp_path / "record.json").write_text(text if isinstance(text, str) else json.dumps(text))
    return tmp_path / "record.json"


def test_defaults_are_filled_in_and_unknown_fields_passed_over(tmp_path):
    assert read_record(written(tmp_path, {**GOOD, "later": [1]}), Record) == Record(2, Inner((3, 4)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "ten"}, 'classes must be a whole number of at least 1, got "ten"'),
        ({"classes": 0}, "classes must be a whole number of at least 1, got 0"),
        ({"classes": True}, "classes must be a whole number of at least 1, got true"),
        ({"classes": 13}, "classes must not be 13"),
        ({"inner": None}, "inner must be a record, got null"),
        ({"inner": {"sides": [1]}}, "inner.sides must be a list of 2, got [1]"),
        ({"inner": {"sides": [1, "x"]}}, 'inner.sides[1] must be a whole number, got "x"'),
        ({"kind": "c"}, 'kind must be "a" or "b", got "c"'),
        ({"kind": 3}, 'kind must be "a" or "b", got 3'),
        ({"share": 2}, "share must be a number between 0 and 1 or null, got 2"),
        ({"share": float("nan")}, "NaN is not allowed as a number here"),
        ({"share": float("-inf")}, "-Infinity is not allowed as a number here"),
        ({"names": ["x", 1]}, "names[1] must be a text, got 1"),
        ({"names": "x" * 1000}, f'names must be a list, got "{"x" * 59}...'),
        ({"by_name": {"x": 1}}, "each of by_name values must be a record"),
    ],
)
def test_the_message_names_file_field_value_and_what_is_allowed(tmp_path, change, message):
    file = written(tmp_path, {**GOOD, **change})
    with pytest.raises(StriateError) as raised:
        read_record(file, Record)
    assert str(raised.value) == f"{file} is damaged: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "is damaged: it must be a record, got []"),
        ("{}", "is damaged: classes is missing"),
        ('{"classes": 1, "inner"', "is damaged: Expecting"),
        ('{"classes": 1e999, "inner": {}}', "is damaged: classes must be a whole number of at least 1, got Infinity"),
        ('{"classes": ' + "[" * 100_000, "is damaged: classes must be a whole number of at least 1"),
        ('{"later": ' + "[" * 100_000, "is damaged: it is nested beyond reason"),
        ("\0", "is damaged: Expecting value"),
    ],
)
def test_what_is_no_json_is_damaged(tmp_path, text, message):
    file = written(tmp_path, text)
    with pytest.raises(StriateError) as raised:
        read_record(file, Record)
    assert str(raised.value).startswith(f"{file} {message}")


def test_bytes_that_are_no_text_are_damaged(tmp_path):
    (tmp_path / "record.json").write_bytes(b'{"names": ["\xff"], "classes": 1, "inner": {}}')
    with pytest.raises(StriateError, match="record.json is damaged: 'utf-8' codec can't decode"):
        read_record(tmp_path / "record.json", Record)


def test_what_python_writes_beyond_json_is_read(tmp_path):
    file = written(tmp_path, {"loss": float("inf"), "rate": float("nan")})
    assert read_record(file, dict[str, float], allow_nan=True)["loss"] == float("inf")
    stray = written(tmp_path, {**GOOD, "names": ["caf\udce9"]})  # of a file name that is no UTF-8
    assert read_record(stray, Record).names == ("caf\udce9",)


def test_only_regular_files_of_a_reasonable_size_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StriateError, match=r"pipe is a pipe, not a file"):
        read_record(tmp_path / "pipe", Record)
    with pytest.raises(StriateError, match=r"/dev/zero is a device, not a file"):
        read_record(reading.Path("/dev/zero"), Record)
    with pytest.raises(StriateError, match=r" is a folder, not a file"):
        read_record(tmp_path, Record)
    with pytest.raises(StriateError, match=r"gone.json is missing; .* is not a complete run folder"):
        read_record(tmp_path / "gone.json", Record)
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    with pytest.raises(StriateError, match=r"record.json is damaged: it has 42 bytes, and at most 10 are read"):
        read_record(written(tmp_path, GOOD), Record)
