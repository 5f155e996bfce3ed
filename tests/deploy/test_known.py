"""Figures of pictures that a run was trained on are told from those of pictures that it has never seen."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.core.records import Preprocess
from striate.data.found_again import Hashing
from striate.data.known import known_pictures
from striate.data.manifest import write_manifest
from striate.data.scan import scan_pictures
from striate.data.sources import open_data

QUICK = {"model": "lenet5", "epochs": 1, "batch_size": 16, "size_px": 32, "autotune": False, "test_flip": False}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, striate.Run]:
    """Two classes of 20 pictures, of which 14 train, 3 validate and 3 test, and a run on them."""
    root = tmp_path_factory.mktemp("known")
    add(root / "photos", range(20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(root / "cache"))
        patch.setattr("striate.training.loop.DIVERGED_FACTOR", float("inf"))
        run = striate.train(root / "photos", run=root / "run", **QUICK)
    return root / "photos", run


def add(root: Path, numbers: range, prefix: str = "") -> None:
    for upright, name in ((True, "upright"), (False, "level")):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            random = np.random.default_rng(number + 1000 * upright)
            lines = np.tile(random.integers(0, 256, (24, 1, 3), dtype=np.uint8), (1, 24, 1))
            picture = Image.fromarray(lines.transpose(1, 0, 2).copy() if upright else lines)
            picture.save(root / name / f"{prefix}{number:02}.png")


def counts(found) -> tuple[int, int, int]:
    return found.trained_on, found.chose_weights, found.unseen.total if found.unseen else 0


def test_all_pictures_of_a_run_and_those_it_has_not_seen(trained):
    photos, run = trained
    found = run.evaluate(open_data(photos), "all")
    stored = json.loads((run.path / "evaluation.json").read_text())
    assert (found.total, counts(found)) == (40, (28, 6, 6))
    assert found.unseen.confusion.tolist() == stored["confusion"]
    figures = found.unseen.figures()
    assert figures.pop("loss") == pytest.approx(stored["loss"])
    assert figures == {key: stored[key] for key in figures}
    fields = found.to_dict()
    assert next(iter(fields)) == "unseen"
    assert (fields["unseen"]["top1"], fields["trained_on"], fields["chose_weights"]) == (stored["top1"], 28, 6)
    assert fields["top1"] == found.accuracy


def test_what_the_cache_remembers_need_not_be_hashed_again(trained, monkeypatch):
    photos, run = trained
    monkeypatch.setenv("STRIATE_CACHE", str(run.path.parent / "cache"))
    monkeypatch.setattr("striate.deploy.evaluating.pixel_digest", None)
    assert counts(run.evaluate(open_data(photos), "all")) == (28, 6, 6)


@pytest.mark.parametrize(("split", "expected"), [("train", (28, 0, 0)), ("val", (0, 6, 0)), ("test", (0, 0, 6))])
def test_every_split_says_what_was_done_with_it(trained, split, expected):
    photos, run = trained
    assert counts(run.evaluate(open_data(photos), split)) == expected


def test_pictures_that_were_added_move_none_that_were_there(trained, tmp_path):
    photos, run = trained
    shutil.copytree(photos, tmp_path / "photos")
    add(tmp_path / "photos", range(50, 66), prefix="a")
    drawn_anew = set(open_data(tmp_path / "photos").splits["test"].tolist())
    before = {file for split, file in listed(run.path) if split == "test"}
    dataset = run._known.recorded(open_data(tmp_path / "photos"))
    names = {dataset.pictures.relative_paths[index] for index in dataset.splits["test"].tolist()}
    added = {name for name in names if "/a" in name}
    assert names - added == before
    assert len(added) > 0 and set(dataset.splits["test"].tolist()) != drawn_anew
    found = run.evaluate(open_data(tmp_path / "photos"))
    assert counts(found) == (0, 0, 6 + len(added))
    assert counts(run.evaluate(open_data(tmp_path / "photos"), "all")) == (28, 6, 6 + 32)


def listed(run: Path) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in (run / "data.tsv").read_text().splitlines()]
    return [(row[0], row[3]) for row in rows]


def test_the_hash_decides_not_the_name(trained, tmp_path):
    photos, run = trained
    for file in photos.glob("*/*.png"):
        target = tmp_path / "renamed" / file.parent.name / f"other-{file.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    assert counts(run.evaluate(open_data(tmp_path / "renamed"), "all")) == (28, 6, 6)
    add(tmp_path / "others", range(200, 220))
    for file in sorted((tmp_path / "others").glob("*/*.png")):
        file.rename(file.with_name(f"{int(file.stem) - 200:02}.png"))  # the names of those that were trained on
    assert counts(run.evaluate(open_data(tmp_path / "others"), "all")) == (0, 0, 40)


def test_splits_that_come_with_the_data_stay(trained, tmp_path):
    """Pictures that were trained on, handed out as a test: they are tested, and it is said."""
    photos, run = trained
    shutil.copytree(photos, tmp_path / "data" / "test")
    shutil.copytree(photos, tmp_path / "data" / "train")
    assert counts(run.evaluate(open_data(tmp_path / "data"), "test")) == (28, 6, 6)


@pytest.mark.parametrize("content", [None, b"a\0b"], ids=["gone", "damaged"])
def test_a_run_without_its_list_says_that_it_cannot_tell(trained, tmp_path, caplog, content):
    photos, run = trained
    shutil.copytree(run.path, tmp_path / "run")
    (tmp_path / "run" / "data.tsv").unlink()
    if content is not None:
        (tmp_path / "run" / "data.tsv").write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="striate"):
        found = striate.load(tmp_path / "run").evaluate(open_data(photos), "all")
    assert (found.trained_on, found.chose_weights, found.unseen) == (None, None, None)
    assert "unseen" not in found.to_dict()
    (said,) = (record.getMessage() for record in caplog.records)
    assert str(tmp_path / "run" / "data.tsv") in said
    assert said.endswith("; so nothing tells which of these pictures the run was trained on")


@pytest.mark.parametrize("earlier", [False, True])
def test_hashes_of_an_earlier_version(tmp_path, earlier):
    """Where the cache had no room, it hashed what `check` decodes: three channels, at 256 px."""
    add(tmp_path / "photos", range(4))
    dataset = open_data(tmp_path / "photos")
    write_manifest(tmp_path / "data.tsv", dataset, scan_pictures(dataset.pictures))
    preprocess = Preprocess((32, 32), (32, 32)).for_channels(1)
    known = known_pictures(tmp_path / "data.tsv", Hashing(preprocess, earlier))
    digest = scan_pictures(dataset.pictures, preprocess).digests[0].tobytes()
    recorded = next(number for number, name in enumerate(("train", "val", "test")) if 0 in dataset.splits[name])
    assert known.split_of(dataset, 0, digest) == (recorded if earlier else -1)


def test_equal_pictures_in_two_splits_count_by_their_names_then_as_trained_on(tmp_path):
    add(tmp_path / "photos", range(8))
    dataset = open_data(tmp_path / "photos")
    train, test = int(dataset.splits["train"][0]), int(dataset.splits["test"][0])
    names = dataset.pictures.relative_paths
    shutil.copy(tmp_path / "photos" / names[train], tmp_path / "photos" / names[test])
    scan = scan_pictures(dataset.pictures, Preprocess((32, 32)))
    assert np.array_equal(scan.digests[train], scan.digests[test])
    write_manifest(tmp_path / "data.tsv", dataset, scan)
    known = known_pictures(tmp_path / "data.tsv", Hashing(Preprocess((32, 32))))
    digest = scan.digests[train].tobytes()
    assert [known.split_of(dataset, index, digest) for index in (train, test)] == [0, 2]
    val = int(dataset.splits["val"][0])  # that file has become a copy of them
    assert known.split_of(dataset, val, digest) == 0
