"""Pictures and labels that a person has in memory: predicted, evaluated and trained on as if they lay in files."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import striate
from striate.core.errors import StriateError
from striate.data.in_memory import as_data
from striate.data.sources import open_data
from striate.frozen.table import extract
from striate.training import loop

BUNCH = load_digits()
PIXELS, LABELS = np.round(BUNCH.images * (255 / 16)).astype(np.uint8), BUNCH.target
QUICK = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False, "threads": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of an epoch of digits in fp32."""
    return striate.train("digits", run=tmp_path_factory.mktemp("memory") / "run", precision="fp32", **QUICK)


def answers(predictions):
    return [(prediction.label, prediction.probability) for prediction in predictions]


def test_pictures_arrays_and_files_have_the_same_answers(run, tmp_path):
    image = Image.fromarray(PIXELS[3])
    image.save(tmp_path / "three.png")
    from_file = answers(run.predict(tmp_path / "three.png"))
    rgb = np.stack([PIXELS[3]] * 3, axis=2)
    for picture in (image, PIXELS[3], PIXELS[3][..., None], rgb, torch.from_numpy(PIXELS[3])):
        assert answers(run.predict(picture)) == from_file
    mixed = run.predict([image, str(tmp_path / "three.png"), rgb])
    assert [prediction.path for prediction in mixed] == ["picture 0", str(tmp_path / "three.png"), "picture 2"]
    assert answers(mixed) == from_file * 3
    assert answers(run.predict(np.stack([rgb, rgb]))) == from_file * 2
    assert answers(run.predict(picture for picture in (image, rgb))) == from_file * 2
    assert run.predict([]) == []
    table = extract(run, [image, tmp_path / "three.png"])
    assert table.names == ("picture 0", str(tmp_path / "three.png"))
    assert np.array_equal(table.by_layer["last"][0], table.by_layer["last"][1])


def test_a_picture_in_memory_is_turned_upright_as_its_file_is(run, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS[7]).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert answers(run.predict(opened)) == answers(run.predict(tmp_path / "turned.png"))
    assert answers(run.predict(tmp_path / "turned.png")) == answers(run.predict(np.rot90(PIXELS[7], -1)))


def test_a_damaged_picture_in_memory_is_named_and_the_others_answered(run, tmp_path):
    Image.effect_noise((300, 300), 50).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    with Image.open(tmp_path / "cut.png") as cut:
        bad, good = run.predict([cut, PIXELS[0]])
    assert bad.path == "picture 0"
    assert bad.problem.startswith("is damaged")
    assert good.problem is None


TAKEN = "must be a path, a Pillow picture or an array uint8 (H, W) or (H, W, 3), 0 to 255, got"


@pytest.mark.parametrize(
    ("given", "what", "came"),
    [
        (3, "the argument", "3 (int)"),
        (None, "the argument", "None (NoneType)"),
        ([PIXELS[0], 3], "picture 1", "3 (int)"),
        (PIXELS[0] / 255, "picture 0", "float64 (8, 8)"),
        (np.zeros((3, 8, 8), np.uint8), "picture 0", "uint8 (3, 8, 8)"),
    ],
)
def test_what_is_no_picture_is_named(run, given, what, came):
    with pytest.raises(StriateError) as error:
        run.predict(given)
    assert str(error.value) == f"{what} {TAKEN} {came}; several are given as a list"


def test_top_is_a_whole_number(run):
    assert len(run.predict(PIXELS[0], top=np.int64(2))[0].top) == 2
    with pytest.raises(StriateError, match=r"^top must be a whole number, got '3' \(str\)$"):
        run.predict(PIXELS[0], top="3")


def test_a_run_evaluates_what_a_person_names(run):
    dataset = open_data("digits")
    test = dataset.splits["test"]
    named, whole = run.evaluate("digits"), run.evaluate((PIXELS[test], LABELS[test]))
    assert named.accuracy == run.metrics["test_top1"]
    assert (whole.total, whole.correct) == (len(test), named.correct)
    texts = run.evaluate((PIXELS[test], list(map(str, LABELS[test]))), split="all")
    assert torch.equal(texts.confusion, named.confusion)
    with pytest.raises(StriateError, match=r"^data must be digits, a path, \(pictures, labels\).*got 3 \(int\)$"):
        run.evaluate(3)


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (
            PIXELS / 255,
            LABELS,
            r"in an array are uint8, 0 to 255, .* got float64 \(1797, 8, 8\); numbers from 0 to 1",
        ),
        (np.zeros((2, 3, 8, 8), np.uint8), [0, 1], r"\(N, H, W\) or \(N, H, W, 3\) .* got uint8 \(2, 3, 8, 8\)$"),
        ([np.zeros((8, 8)), np.zeros((9, 9))], [0, 1], r"pictures in an array are uint8"),
        (PIXELS, LABELS[:-1], r"must be as many, got 1,797 pictures and 1,796 labels$"),
        (PIXELS, np.eye(10)[LABELS], r"labels are one whole number or text per picture, got float64 \(1797, 10\)"),
    ],
)
def test_arrays_that_are_no_data_are_refused(pictures, labels, message):
    with pytest.raises(StriateError, match=message):
        as_data((pictures, labels))


def interrupted(step):
    """A training step during which somebody types Ctrl-C."""

    def call(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return step(*given)

    return call


def test_arrays_are_trained_on_and_gone_on_with_by_their_hashes(tmp_path, monkeypatch):
    data, folder = (PIXELS, LABELS), tmp_path / "run"
    whole = striate.train(data, run=tmp_path / "whole", **QUICK)
    assert whole.classes == tuple("0123456789")
    record = json.loads((whole.path / "recipe.json").read_text())
    assert record["data"]["source"] == "arrays"
    assert record["command"].startswith("striate.train((pictures, labels), recipe='digits_lenet5', epochs=1, ")
    assert record["command"].endswith(f"run='{whole.path}-again')")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "fitting_step", interrupted(loop.fitting_step))
        with pytest.raises(striate.Interrupted, match=r"Go on with: striate\.resume\('.*run'\)$"):
            striate.train(data, run=folder, **QUICK)
    with pytest.raises(
        StriateError, match=r"data in memory \(arrays\), .* striate\.resume\('.*', data=\(pictures, labels\)\)$"
    ):
        striate.resume(folder)
    with pytest.raises(
        StriateError, match=r"^the run was begun with other labels of 1 picture, such as arrays\[0\]: 1 now, 0 then"
    ):
        striate.resume(folder, data=(PIXELS, np.array([1, *LABELS[1:]])))
    with pytest.raises(StriateError, match="are not those that .* was begun with"):
        striate.resume(folder, data=(PIXELS[::-1].copy(), LABELS))
    resumed = striate.resume(folder, data=data)
    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_an_open_run_stands_for_its_folder(run):
    assert striate.load(run).path == striate.load(run.path).path == striate.load(str(run.path)).path == run.path
    assert striate.resume(run).path == run.path
    assert striate.create_model("lenet5", weights=run).class_names == run.classes


def test_bytes_given_to_a_network_are_answered_in_a_sentence(run):
    with pytest.raises(StriateError, match=r"^lenet5: pictures must be floating-point numbers .* got torch\.uint8; "):
        run.network(torch.zeros(1, 1, 32, 32, dtype=torch.uint8))
    with pytest.raises(StriateError, match=r"a tensor \(N, 1, H, W\), got ndarray; run\.predict takes arrays"):
        run.network(np.zeros((1, 1, 32, 32), np.float32))
