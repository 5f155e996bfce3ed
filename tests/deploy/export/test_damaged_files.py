"""Exported files that are not what they say of themselves are refused in one sentence that names them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate.core.errors import StriateError
from striate.deploy.engines.torch_engine import TorchEngine
from striate.deploy.export_record import KEY
from striate.deploy.exported import Exported
from striate.deploy.opened import load
from striate.models import create_model

PICTURE = np.zeros((16, 16, 3), np.uint8)


class Fixed(nn.Module):
    """A network of one's own, which takes pictures of one size."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 16 * 16, 3)

    def forward(self, images):
        return self.head(images.flatten(1))


class OneOfMany(nn.Module):
    """Takes pictures of any size, and a number that small ones do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 3)
        self.register_buffer("place", torch.tensor([3 * 16 * 16 - 1]))

    def forward(self, images):
        return self.head(images.flatten(1)[:, self.place])


def test_a_pt2_file_whose_numbers_do_not_fit_its_sizes_is_one_sentence(tmp_path):
    sides = dict.fromkeys((2, 3), torch.export.Dim.DYNAMIC)
    program = torch.export.export(OneOfMany(), (torch.zeros(1, 3, 16, 16),), dynamic_shapes=(sides,))
    program.example_inputs = None  # which are pickled
    torch.export.save(program, tmp_path / "net.pt2")
    engine = TorchEngine(tmp_path / "net.pt2")
    assert engine(np.zeros((1, 3, 20, 20), np.float32)).shape == (1, 3)
    with pytest.raises(StriateError, match=r"net\.pt2 cannot be run by torch: index 767 is out of bounds"):
        engine(np.zeros((1, 3, 8, 8), np.float32))


def altered(text: str, **fields: object) -> str:
    record = json.loads(text)
    record["preprocess"] |= fields.pop("preprocess", {})
    return json.dumps(record | fields)


def alter(path: Path, **fields: object) -> None:
    """Have an .onnx or .pt2 file say something else of itself."""
    if path.suffix == ".onnx":
        import onnx

        model = onnx.load(path)
        (entry,) = (each for each in model.metadata_props if each.key == KEY)
        entry.value = altered(entry.value, **fields)
        onnx.save(model, path)
        return
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            is_record = name.endswith(f"{KEY}.json")
            archive.writestr(name, altered(content.decode(), **fields) if is_record else content)


@pytest.mark.parametrize(
    ("name", "engine"), [("net.onnx", "onnxruntime"), ("net.onnx", "openvino"), ("net.pt2", "torch")]
)
def test_a_file_that_takes_other_sizes_than_it_says(exported, name, engine):
    path = exported(create_model(Fixed(), size=(16, 16)), name).path
    assert Exported(path, engine).predict(PICTURE)[0].label
    alter(path, preprocess={"size": [8, 8], "resize": [8, 8]})
    with pytest.raises(StriateError, match=rf"{name} cannot be run by ") as refused:
        Exported(path, engine).predict(PICTURE)
    assert "\n" not in str(refused.value)


def test_a_file_that_names_too_few_classes(exported):
    path = exported(create_model(Fixed(), size=(16, 16))).path
    alter(path, classes=["a", "b"])
    with pytest.raises(StriateError, match="must be 2 numbers for each"):
        Exported(path).predict(PICTURE)


def test_a_text_named_as_a_file_of_openvino_is_not_offered_to_its_other_readers(tmp_path, capfd):
    path = tmp_path / "net.xml"
    path.write_text("hello")
    with pytest.raises(StriateError, match="does not begin as XML"):
        Exported(path)
    assert capfd.readouterr().err == ""


def test_a_cut_onnx_file_is_told_in_words(exported, tmp_path):
    pytest.importorskip("onnxruntime")
    path = exported(create_model(Fixed(), size=(16, 16))).path
    for content in (path.read_bytes()[:-100], b"", b"hello\n"):
        path.write_bytes(content)
        with pytest.raises(StriateError, match=r"net\.onnx is damaged or no ONNX file$"):
            Exported(path, "onnxruntime")


def test_an_openvino_file_without_its_weights_names_them(tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "net.xml").write_text("<net/>")
    with pytest.raises(
        StriateError, match=r"net\.bin is missing; it has the weights of \S+net\.xml and belongs beside it"
    ):
        Exported(tmp_path / "net.xml")
    (tmp_path / "net.bin").write_bytes(b"")
    with pytest.raises(
        StriateError, match=r"net\.bin has the weights of an exported file; name that one, \S+net\.xml$"
    ):
        load(tmp_path / "net.bin")
