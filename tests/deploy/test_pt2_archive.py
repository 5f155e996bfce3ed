"""A .pt2 file of a stranger runs nothing of theirs."""

from __future__ import annotations

import io
import json
import logging
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

import striate
from factories import network_of
from striate.deploy.bundle import Bundle
from striate.deploy.engines import open_engine
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.pictures import drawn

PROGRAM = "models/model.json"
SAMPLES = "data/sample_inputs/model.pt"
WEIGHTS = "data/weights/model_weights_config.json"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A file as `striate export` writes it."""
    network = network_of("resnet20", 32).eval()
    path = tmp_path_factory.mktemp("sound") / "net.pt2"
    export(
        Bundle(network, network.preprocess, tuple("abcd"), {}),
        Wanted.of(path, None, ""),
        Trials(drawn(network.preprocess)),
        Audience(),
    )
    return path


class Runs:
    """An object that makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def rewritten(sound: Path, path: Path, changes: dict[str, object]) -> Path:
    """A copy with other content in some of its members: bytes, or a function of their JSON."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            content, change = old.read(name), changes.get(name.partition("/")[2])
            if callable(change):
                record = json.loads(content)
                change(record)
                content = json.dumps(record).encode()
            new.writestr(name, change if isinstance(change, bytes) else content)
        for name, change in changes.items():
            if f"{root}/{name}" not in old.namelist():
                new.writestr(f"{root}/{name}", change)
    return path


def pickled(file: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save((Runs(file),), buffer)
    return buffer.getvalue()


def test_a_copy_is_run(sound, tmp_path):
    engine = open_engine(rewritten(sound, tmp_path / "copy.pt2", {}))
    assert engine(torch.zeros(1, 3, 32, 32).numpy()).shape == (1, 4)


def test_torch_alone_would_run_a_strangers_code(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("torch._export.serde.serialize"), "disabled", True)  # its warning raises
    path = rewritten(sound, tmp_path / "bad.pt2", {SAMPLES: pickled(tmp_path / "ran")})
    torch.export.load(path)
    assert (tmp_path / "ran").exists()


def attacks(marker: Path) -> dict[str, tuple[dict[str, object], str]]:
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"

    def pickles(config):
        next(iter(config["config"].values()))["use_pickle"] = True

    def evaluates(program):
        value = next(iter(program["graph_module"]["graph"]["sym_int_values"].values()))
        value["as_expr"]["expr_str"] = code

    def calls(program):
        program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.load"

    def opens(program):
        program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"

    def guards(program):
        program["guards_code"] = [code]

    def names(program):
        program["graph_module"]["graph"]["nodes"][0]["metadata"]["source_fn_stack"] = "a,torch.load"

    return {
        "pickled pictures": ({SAMPLES: pickled(marker)}, "it holds pickled pictures"),
        "pickled weights": ({WEIGHTS: pickles}, "is pickled"),
        "an object": (
            {"data/constants/custom_obj_0": pickle.dumps(Runs(marker))},
            "it holds 'data/constants/custom_obj_0'",
        ),
        "older weights": ({"data/weights/model.pt": pickled(marker)}, "it holds 'data/weights/model.pt'"),
        "an expression": ({PROGRAM: evaluates}, "it computes"),
        "a function of torch": ({PROGRAM: calls}, "it calls torch.load"),
        "an operator that reads files": ({PROGRAM: opens}, "it calls torch.ops.aten.from_file.default"),
        "guards": ({PROGRAM: guards}, "it holds code"),
        "metadata": ({PROGRAM: names}, "source_fn_stack"),
        "two of a name": ({"models/MODEL.json": b"{}"}, "two files of one name"),
        "no JSON": ({PROGRAM: b"{"}, "is damaged or no program"),
    }


@pytest.mark.parametrize("attack", sorted(attacks(Path())))
def test_what_could_run_code_is_refused(sound, tmp_path, attack):
    changes, words = attacks(tmp_path / "ran")[attack]
    path = rewritten(sound, tmp_path / "bad.pt2", changes)
    with pytest.raises(striate.StriateError, match=words):
        open_engine(path)
    assert not (tmp_path / "ran").exists()


def test_any_other_zip_archive_is_told_what_it_lacks(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.pt2", "w") as archive:
        archive.writestr("cat.jpg", b"")
    with pytest.raises(striate.StriateError, match=r"no program of torch's: it lacks models/model\.json$"):
        open_engine(tmp_path / "photos.pt2")
