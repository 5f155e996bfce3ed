"""Large pictures as tiles: what each shows, which of the boxes it has, and that every object is found again once."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from mortal import weights
from striate.answers.detections import joined, read
from striate.cli import main
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.shapes import write_shapes
from striate.data.sources import open_data
from striate.data.tiled import tiled, whole_pictures
from striate.tasks.detection.metric import DetectionMetric
from striate.tasks.detection.tiles import Answered
from striate.tasks.detection.tiles import whole_pictures as merged
from striate.training.watching.examples import examples_of

SIDE, TILE = 150, 64
SEEN = Preprocess((TILE, TILE), (TILE, TILE), fit="stretch")
QUICK = {
    "model": "quick_detector", "weights": None, "size_px": TILE, "tiles": True, "epochs": 2, "batch_size": 32,
    "peak_lr": 1e-3, "threads": 1, "precision": "fp32", "autotune": False, "cache_gb": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Pictures larger than a tile, with shapes of which each is whole in a tile."""
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder, train=3, val=1, size_px=SIDE, sides=(0.05, 0.1))
    return folder


@pytest.fixture(scope="module")
def data(shapes):
    return open_data(shapes, task="detection")


@pytest.fixture(scope="module")
def tiles(data):
    dataset = tiled(data, SEEN)
    return replace(dataset, targets=dataset.targets.at(SEEN))


def test_tiles_show_their_part_of_the_picture_and_stay_in_its_split(data, tiles):
    assert len(tiles.pictures) == 16 * 4 and len(tiles.splits["train"]) == 16 * 3
    for index in (0, 4, 63):
        tile, owner = tiles.pictures.tiles[index], int(tiles.pictures.owner[index])
        whole = data.pictures.decode(owner, 3)
        part = whole[tile.top : tile.top + TILE, tile.left : tile.left + TILE]
        assert (tiles.pictures.decode(index, 3, (8, 8)) == part).all()
        assert tiles.pictures.name(index) == f"{data.pictures.name(owner)} from {tile.left},{tile.top}"
        split = next(name for name, numbers in data.splits.items() if owner in numbers)
        assert index in tiles.splits[split]
    assert len({tiles.pictures.key(index) for index in range(64)}) == 64


def test_a_picture_smaller_than_a_tile_is_one_with_the_mean_colour_around_it(tmp_path):
    write_shapes(tmp_path, train=1, val=1, size_px=40)
    dataset = tiled(open_data(tmp_path, task="detection"), SEEN)
    pixels = dataset.pictures.decode(0, 3)
    assert (len(dataset.pictures), pixels.shape) == (2, (TILE, TILE, 3))
    assert (pixels[40:] == SEEN.mean_colour).all() and (pixels[:40, 40:] == SEEN.mean_colour).all()


def test_a_tile_has_what_reaches_into_it_and_asks_nothing_of_what_is_mostly_outside(tmp_path):
    Image.new("RGB", (100, 64)).save(tmp_path / "a.png")
    rows = ["a.png,ant,60,10,70,20", "a.png,ant,62,30,72,40", "a.png,ant,80,50,90,60", "a.png,ant,5,5,15,15"]
    (tmp_path / "boxes.csv").write_text("\n".join(["path,label,x0,y0,x1,y1", *rows]))
    dataset = tiled(open_data(tmp_path / "boxes.csv", task="detection"), SEEN)
    assert [tile.left for tile in dataset.pictures.tiles] == [0, 32, 36]
    left = dataset.targets.at(SEEN).take(np.array([0]))
    assert left.boxes.tolist() == [[60, 10, 64, 20], [62, 30, 64, 40], [5, 5, 15, 15]]
    assert left.ignored.tolist() == [False, True, False]


def found_as_it_is(tiles, numbers):
    """A detector that finds in each tile what is in it, and is told so."""
    batch = tiles.targets.take(numbers)
    rows = torch.zeros(len(numbers), 30, 6)
    for place in range(len(numbers)):
        own = (batch.picture == place) & ~batch.ignored
        boxes = batch.boxes[own] / TILE
        score = torch.full((len(boxes), 1), 0.9)
        rows[place, : len(boxes)] = torch.cat([boxes, score, batch.labels[own][:, None].float()], 1)
    return rows, batch


def test_what_is_found_in_tiles_is_measured_on_pictures_with_each_object_once(data, tiles):
    metric, numbers = DetectionMetric(data.targets.names), tiles.splits["train"]
    for part in np.array_split(numbers, 4):  # batches that end within a picture
        metric.add(*found_as_it_is(tiles, part))
    result, (whole, owners) = metric.result(), whole_pictures(tiles, numbers)
    assert result.total == len(owners) == 3 and whole.pictures is data.pictures
    there = data.targets.at(Preprocess((SIDE, SIDE), (SIDE, SIDE), fit="stretch")).take(owners)
    ours = np.column_stack([result.pictures.truth.picture, result.pictures.truth.label, result.pictures.boxes])
    theirs = np.column_stack([there.picture, there.labels, there.boxes])
    np.testing.assert_allclose(sorted(ours.tolist()), sorted(theirs.tolist()), atol=1e-3)
    assert metric.figures() == {"map": 1.0, "map50": 1.0, "map75": 1.0}
    nothing = DetectionMetric(data.targets.names)
    nothing.add(torch.zeros(len(numbers), 30, 6), tiles.targets.take(numbers))
    assert nothing.figures()["map"] == 0


def test_objects_are_put_together_as_predict_does(data, tiles):
    generator = torch.Generator().manual_seed(0)
    numbers = np.arange(16)
    corner, side = torch.rand(16, 12, 2, generator=generator), torch.rand(16, 12, 2, generator=generator) * 0.4
    score, label = torch.rand(16, 12, 1, generator=generator), torch.randint(0, 3, (16, 12, 1), generator=generator)
    rows = torch.cat([corner, (corner + side).clamp(max=1), score, label.float()], 2)
    ((ours, _),) = merged([Answered(rows, tiles.targets.take(numbers))])
    answers = read(rows.double().numpy(), data.targets.names, ["a.png"] * 16, 1)
    theirs = joined("a.png", (SIDE, SIDE), zip(tiles.pictures.tiles[:16], answers, strict=True)).objects
    assert 20 < len(theirs) == ours.shape[1]
    np.testing.assert_allclose(ours[0, :, :4], [each.box for each in theirs], atol=1e-9)
    assert ours[0, :, 4].tolist() == [each.score for each in theirs]


def renamed_and_joined(folder):
    """The first picture to train on has another name, and there is one more before it."""
    file = folder / "annotations" / "instances_train.json"
    record = json.loads(file.read_text())
    record["images"][0]["file_name"] = "z.png"
    (folder / "train" / "000000.png").rename(folder / "train" / "z.png")
    shutil.copy(folder / "val" / "000003.png", folder / "train" / "a.png")
    record["images"].insert(0, {"id": 99, "file_name": "a.png", "height": SIDE, "width": SIDE})
    file.write_text(json.dumps(record))


def test_a_run_on_tiles_goes_on_to_equal_weights_and_is_evaluated_as_it_was_tested(
    shapes, tmp_path, death_in_place_of, monkeypatch, capsys
):
    data = shutil.copytree(shapes, tmp_path / "data")
    with death_in_place_of("save", 1):
        striate.train(data, run=tmp_path / "killed", **QUICK)
    renamed_and_joined(data)
    whole = striate.train(shapes, run=tmp_path / "whole", **QUICK)
    assert weights(striate.resume(tmp_path / "killed", cache_gb=0).path) == weights(whole.path)
    lists = [(tmp_path / name / "data.tsv").read_text() for name in ("killed", "whole")]
    assert lists[0] == lists[1].replace("000000.png from", "z.png from")
    (data / "train" / "z.png").unlink()
    with pytest.raises(StriateError, match="are not those that .* was begun with"):
        striate.resume(tmp_path / "killed", cache_gb=0, epochs=3)
    found = whole.evaluate(shapes, split="val")
    assert found.total == 1
    assert found.to_dict()["map"] == whole.metrics["val_map"]
    words = ["striate", "evaluate", str(whole.path), str(shapes), "--split", "val", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    capsys.readouterr()  # what training said
    with pytest.raises(SystemExit):
        main()
    assert json.loads(capsys.readouterr().out)["map"] == whole.metrics["val_map"]
    shown = examples_of(whole.path, whole.preprocess)
    assert all(" from " in name for name in shown.names) and shown.pixels.shape[1:] == (TILE, TILE, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"size_px": None}, "tiles does nothing here: it needs size_px"),
        ({"task": "instances"}, "tiles are for detection, and .* is for instances; leave tiles=True out"),
        ({"size_px": 8}, "quick_detector: a 8x8 picture is too small: .* the smallest that works is"),
    ],
)
def test_what_cannot_be_tiled_is_said(shapes, tmp_path, words, said):
    settings = {**QUICK, **words}
    if words.get("task"):
        settings["model"] = "mask_rcnn_quick_regnet26_fpn"
    with pytest.raises(striate.StriateError, match=said):
        striate.train(shapes, run=tmp_path / "run", **settings)
