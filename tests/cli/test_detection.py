"""`striate predict` of a network that finds objects: tables, drawings, files of annotations."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate as package
from factories import tinted_objects, trial_of
from of_pycocotools import figures_of_files
from striate.data.sources import open_data
from striate.data.streaming import BATCH_SIZE

HEADER = ["path", "label", "score", "x0", "y0", "x1", "y1", "objects", "problem"]


@pytest.fixture(scope="module")
def detector(tmp_path_factory) -> tuple[Path, Path]:
    """A run of few steps, and a folder of pictures of three sizes, one of which is none."""
    folder = tmp_path_factory.mktemp("objects")
    data = tinted_objects(folder / "data")
    run = package.train(data, run=folder / "run", autotune=False, threads=1, epochs=1, **trial_of("detection").settings)
    photos = folder / "photos"
    photos.mkdir()
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (48 + number % 3, 80, 3), np.uint8)
        Image.fromarray(pixels).save(photos / f"{number:02}.png")
    (photos / "07.png").write_bytes(b"none")
    return run.path, photos


def rows_of(file: Path, least: str = "_from_0") -> list[list[str]]:
    header, *rows = csv.reader(file.read_text("utf-8-sig").splitlines())
    assert header == [f"objects{least}" if name == "objects" else name for name in HEADER]
    return rows


def test_each_object_has_a_row_in_pixels_that_train_reads(striate, detector, tmp_path):
    run, photos = detector
    file = tmp_path / "found.csv"
    answer = striate("predict", run, photos, "--score", 0, "--output", file)
    assert answer.status == 1 and "07.png" in answer.err
    rows = rows_of(file)
    counts = Counter(row[0] for row in rows)
    assert len(counts) == 40
    for row in rows:
        assert counts[row[0]] == max(1, int(row[7] or 0))
    objects = [row for row in rows if row[1]]
    (expected,) = package.load(run).predict(objects[0][0])
    height = 48 + int(Path(objects[0][0]).stem) % 3
    assert [float(cell) for cell in objects[0][3:7]] == pytest.approx(expected.objects[0].box_at(height, 80), abs=0.006)
    assert len(objects) == sum(
        len(each.objects) for each in package.load(run).predict(photos) if not hasattr(each, "problem")
    )
    table = "\n".join(line for line in file.read_text("utf-8-sig").splitlines() if "07.png" not in line)
    file.write_text(table)
    assert open_data(str(file)).targets.task == "detection"


def test_what_was_torn_goes_on_to_the_same_bytes(striate, detector, tmp_path):
    run, photos = detector
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    words = ("predict", run, photos / "00.png", photos / "00.png", photos, "--score", 0, "--output")
    striate(*words, whole)
    content = whole.read_bytes()
    ends = [place for place, byte in enumerate(content) if byte == 10]
    pictures = [row[0] for row in rows_of(whole)]
    assert len(ends) > BATCH_SIZE < len(set(pictures))
    for length in (0, ends[0] + 1, ends[3] + 1, ends[3] + 5, ends[-2] + 1, len(content) // 2, len(content)):
        part.write_bytes(content[:length])
        assert striate(*words, part, "--resume").out.endswith("42 pictures\n")
        assert part.read_bytes() == content, length
    lines = content.split(b"\n")
    part.write_bytes(b"\n".join([lines[0], lines[1].replace(b",", b",", 1).rsplit(b",", 2)[0] + b",many,", b""]))
    assert "'many' is no number of objects" in striate(*words, part, "--resume").mistake()


def test_a_file_of_another_score_does_not_go_on(striate, detector, tmp_path):
    run, photos = detector
    file = tmp_path / "found.csv"
    striate("predict", run, photos / "00.png", "--score", 0.5, "--output", file)
    rows_of(file, "_from_0.5")
    said = striate("predict", run, photos, "--output", file, "--resume").mistake()
    assert "has other columns (path, label, score, x0, y0, x1, y1, objects_from_0.5, ...) than this call writes" in said
    assert "give the --top or --score that it was begun with" in said
    striate("predict", run, photos / "00.png", "--output", file)
    rows_of(file, "")


def test_the_least_score_holds_for_all_that_is_told(striate, detector, tmp_path):
    run, photos = detector
    all_of_them = json.loads(striate("predict", run, photos / "00.png", "--score", 0, "--json").out)[0]["objects"]
    assert all_of_them
    middle = sorted(each["score"] for each in all_of_them)[len(all_of_them) // 2]
    few = json.loads(striate("predict", run, photos / "00.png", "--score", middle, "--json").out)[0]["objects"]
    assert few == [each for each in all_of_them if each["score"] >= middle]
    assert "nothing" in striate("predict", run, photos / "00.png", "--score", 1).out
    assert striate("predict", run, photos / "00.png", "--score", 2).status == 2


@pytest.mark.parametrize(("form", "where"), [("coco", "a.json"), ("voc", ""), ("yolo", ""), ("csv", "a.csv")])
def test_boxes_are_written_as_others_read_them(striate, detector, tmp_path, form, where):
    run, photos = detector
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    for name in ("00.png", "01.png", "02.png"):
        (data / "images" / name).write_bytes((photos / name).read_bytes())
    place = data / where if where else data
    expected = sum(len(each.objects) for each in package.load(run).predict(data))
    assert striate("predict", run, data, "--score", 0, "--boxes", f"{form}={place}").status == 0
    found = open_data(str(place), task="detection")
    assert len(found.targets.boxes) == expected
    if form in ("voc", "yolo"):
        assert "is there already" in striate("predict", run, data, "--boxes", f"{form}={place}").mistake()


@pytest.fixture
def truth(detector, tmp_path) -> Path:
    """A COCO file of its own numbers of what the detector was trained on; objects fill half of their boxes."""
    pictures = detector[0].parent / "data"
    data, names = open_data(str(pictures / "boxes.csv")), [f"{number:02}.png" for number in range(24)]
    label, edges, owner = data.targets.labels, data.targets.boxes, np.repeat(np.arange(24), data.targets.per_picture)
    record = {
        "images": [{"id": 7 * n + 100, "file_name": name, "width": 64, "height": 64} for n, name in enumerate(names)],
        "categories": [{"id": 90, "name": "cold"}, {"id": 3, "name": "warm"}, {"id": 5, "name": "eel"}],
        "annotations": [
            {"id": n + 1, "image_id": 7 * int(p) + 100, "category_id": (90, 3)[k], "iscrowd": 0, "area": w * h / 2}
            | {"bbox": [x, y, w, h]}
            for n, (p, k, (x, y, w, h)) in enumerate(
                zip(owner, label, (edges - np.tile(edges[:, :2], 2) * [0, 0, 1, 1]).tolist(), strict=True)
            )
        ],
    }
    for name in names:
        (tmp_path / name).write_bytes((pictures / name).read_bytes())
    (tmp_path / "truth.json").write_text(json.dumps(record))
    return tmp_path / "truth.json"


def as_yolo(truth: Path, folder: Path) -> Path:
    """The same data with a text beside each picture: class number, middle, width and height in shares."""
    record, names = json.loads(truth.read_text()), {90: 0, 3: 1}
    for part in ("images/train", "labels/train"):
        (folder / part).mkdir(parents=True)
    (folder / "data.yaml").write_text("train: images/train\nnames: [cold, warm]\n")
    for image in record["images"]:
        name = image["file_name"]
        (folder / "images/train" / name).write_bytes((truth.parent / name).read_bytes())
        own = [each for each in record["annotations"] if each["image_id"] == image["id"]]
        rows = [(names[each["category_id"]], [side / 64 for side in each["bbox"]]) for each in own]
        text = "".join(f"{k} {x + w / 2:.9f} {y + h / 2:.9f} {w:.9f} {h:.9f}\n" for k, (x, y, w, h) in rows)
        (folder / "labels/train" / name).with_suffix(".txt").write_text(text)
    return folder


def test_results_by_the_numbers_of_the_truth_are_what_pycocotools_evaluates(striate, detector, truth, tmp_path):
    run, file = detector[0], tmp_path / "found" / "results.json"
    asked = ("predict", run, *sorted(tmp_path.glob("*.png")), "--score", 0, "--precision", "fp32", "--ids", truth)
    assert striate(*asked, "--boxes", f"coco_results={file}").status == 0
    expected = figures_of_files(truth, file)
    own = json.loads(striate("evaluate", run, truth, "--split", "all", "--precision", "fp32", "--json").out)
    assert {key: own[key] for key in ("map", "map50", "map_small", "recall_100")} == pytest.approx(
        {key: expected[key] for key in ("map", "map50", "map_small", "recall_100")}, abs=1e-6
    )
    assert own["map_medium"] is None
    yolo = as_yolo(truth, tmp_path / "yolo")
    same = json.loads(striate("evaluate", run, yolo, "--split", "all", "--precision", "fp32", "--json").out)
    assert same["map"] == pytest.approx(expected["map"], abs=1e-6)
    striate(*asked, "--boxes", f"coco={tmp_path / 'found' / 'found.json'}")
    written = json.loads((tmp_path / "found" / "found.json").read_text())
    assert [(each["id"], Path(each["file_name"]).name) for each in written["images"][:2]] == [
        (100, "00.png"),
        (107, "01.png"),
    ]
    assert written["categories"] == [{"id": 90, "name": "cold"}, {"id": 3, "name": "warm"}]


def test_ids_that_do_not_fit_are_one_sentence(striate, detector, truth):
    run, photos = detector
    shorter = json.loads(truth.read_text())
    shorter["categories"] = [{"id": 90, "name": "cold"}]
    (truth.parent / "shorter.json").write_text(json.dumps(shorter))
    for words, line in (
        ((photos / "39.png", "--boxes", "coco=a.json", "--ids", truth), "does not list"),
        (
            (photos / "00.png", "--boxes", "coco=a.json", "--ids", truth.parent / "shorter.json"),
            "has no class 'warm'; it",
        ),
        ((photos / "00.png", "--boxes", "voc=a", "--ids", truth), "--ids are COCO's numbers, and voc has none"),
        ((photos / "00.png", "--ids", truth), "name a file by --boxes coco=FILE too"),
        ((photos / "00.png", "--boxes", "coco_results=a.json"), "name that by --ids"),
        ((photos / "00.png", "--boxes", "coco=a.json", "--ids", photos / "00.png"), "00.png"),
    ):
        assert line in striate("predict", run, *words).mistake()


def test_what_boxes_cannot_be_is_one_sentence(striate, detector, digits_run, scans):
    run, photos = detector
    for words, line in (
        ((run, photos, "--boxes", "xml=a"), "unknown form 'xml'"),
        ((run, photos, "--boxes", "coco"), "takes a form and where to write"),
        ((run, photos, "--boxes", f"coco={photos}"), "is a folder"),
        ((run, photos, "--boxes", "coco=a.json", "--output", "a.csv", "--resume"), "leave one of them out"),
        ((digits_run, scans, "--boxes", "coco=a.json"), "does not say"),
        ((digits_run, scans, "--score", 0.5), "--score is of objects"),
    ):
        assert line in striate("predict", *words).mistake()


def test_tiles_are_answered_and_what_cannot_be_read_is_named(striate, detector, tmp_path):
    run, photos = detector
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)).save(tmp_path / "large.png")
    file = tmp_path / "found.csv"
    answer = striate("predict", run, tmp_path, photos / "07.png", "--tiles", "--score", 0, "--output", file)
    assert answer.status == 1 and "07.png" in answer.err
    rows = [row for row in rows_of(file) if row[1]]
    assert len(rows) > len(package.load(run).predict(tmp_path / "large.png")[0].objects)
    assert max(float(row[5]) for row in rows) > 128  # in pixels of the file
    (expected,) = package.load(run).predict(tmp_path / "large.png", tiles=True)
    assert float(rows[0][2]) == pytest.approx(expected.objects[0].score, abs=1e-6)


def test_objects_are_drawn(striate, detector, tmp_path):
    run, photos = detector
    striate("predict", run, photos / "00.png", "--score", 0, "--draw", tmp_path / "drawn")
    with Image.open(tmp_path / "drawn" / "00.png") as drawing:
        assert drawing.size == (240, 144)


def test_tiles_to_train_on_say_their_size(striate):
    said = striate("train", "slides", "--tiles", "640", "--size", "640").mistake()
    assert said.endswith("--tiles says what size the network sees; leave --size out")
    assert (
        "--tiles must be a whole number of pixels or HEIGHTxWIDTH" in striate("train", "a", "--tiles", "big").mistake()
    )
