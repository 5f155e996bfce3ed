"""The command line as a person uses it, in this process; and one small trained run that all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

import striate as package
from striate.cli import main
from striate.data.sources import open_data


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str

    def mistake(self) -> str:
        """The one line that a person's mistake is told in."""
        assert self.status == 2, self
        assert self.out == ""
        assert self.err.startswith("striate: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()

    def usage_box(self) -> str:
        """What typer says of words that are no command, as one line without its frame."""
        assert self.status == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        return " ".join(self.err.replace("│", " ").split())


@pytest.fixture
def striate(monkeypatch, capsys):
    """Call the command line with words; returns an `Answer`."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # --max-megapixels ends with the test
    threads, interrupt = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    torch.set_num_threads(1)

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["striate", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Answer(ended.value.code or 0, said.out, said.err)

    yield call
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, interrupt)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory) -> Path:
    """LeNet-5 after two epochs of digits. Only to look at; `run_copy` may be damaged."""
    folder = tmp_path_factory.mktemp("shared")
    before = os.environ.get("STRIATE_CACHE")
    os.environ["STRIATE_CACHE"] = str(folder / "cache")
    package.train("digits", recipe="digits_lenet5", run=folder / "run", epochs=2)
    if before is not None:
        os.environ["STRIATE_CACHE"] = before
    return folder / "run"


@pytest.fixture
def run_copy(digits_run, tmp_path) -> Path:
    """The shared run, to be damaged."""
    return Path(shutil.copytree(digits_run, tmp_path / "run"))


@pytest.fixture
def scans(tmp_path) -> Path:
    """A folder with three held-out digits, named by what they are."""
    digits = open_data("digits")
    folder = tmp_path / "scans"
    folder.mkdir()
    for index in digits.splits["test"][[0, 100, 200]].tolist():
        pixels = digits.pictures.decode(index, 1)[:, :, 0]
        Image.fromarray(pixels).save(folder / f"{digits.classes[digits.labels[index]]}.png")
    return folder


@pytest.fixture
def digit_folder(tmp_path) -> Path:
    """A folder per digit with 10 scans in each, as files."""
    digits = open_data("digits")
    for label, name in enumerate(digits.classes):
        folder = tmp_path / "written" / name
        folder.mkdir(parents=True)
        for index in (digits.labels == label).nonzero()[0][:10].tolist():
            Image.fromarray(digits.pictures.decode(index, 1)[:, :, 0]).save(folder / f"{index}.png")
    return tmp_path / "written"


@pytest.fixture
def warm_cache(digits_run, monkeypatch) -> None:
    """The decoded digits of the shared run, so that a test's own run begins at once."""
    monkeypatch.setenv("STRIATE_CACHE", str(digits_run.parent / "cache"))
