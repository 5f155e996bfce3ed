"""Whether the output can be written is asked before the work, and what is no file is told as such."""

from __future__ import annotations

import pytest

from striate.core import files


@pytest.fixture
def no_work(monkeypatch):
    """Whoever begins to decode, or to load a network, fails."""
    for name in (
        "striate.data.scan.scan_pictures",
        "striate.deploy.run.load",
        "striate.frozen.of_dataset.extract_features",
    ):
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("work was begun"))


VERBS = {
    "features": ["features", "embedded", "photos", "--output", "OUT.npz"],
    "check --labels": ["check", "photos", "--labels", "--out", "OUT"],
    "summary": ["summary", "resnet50", "--html", "OUT"],
    "learning-curve": ["learning-curve", "photos", "--out", "OUT"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_an_output_below_a_file_is_refused_before_the_work(striate, no_work, photos, tmp_path, verb):
    (tmp_path / "file").write_text("x")
    words = [word.replace("OUT", str(tmp_path / "file" / "x")).replace("photos", str(photos)) for word in VERBS[verb]]
    said = striate(*words).mistake()
    assert said.startswith(f"striate: may not write {tmp_path / 'file' / 'x'}")
    assert said.endswith("a file stands where a folder must be")


@pytest.mark.parametrize("verb", ["check --labels", "summary"])
def test_a_folder_in_the_place_of_a_file_is_told_and_nothing_is_left_behind(striate, no_work, photos, tmp_path, verb):
    folder = tmp_path / "folder"
    folder.mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    words = [word.replace("OUT", str(folder)).replace("photos", str(photos)) for word in VERBS[verb]]
    assert f"{folder} is a folder; name the file that is to be written" in striate(*words).mistake()
    assert sorted(path.name for path in tmp_path.iterdir()) == before and not list(folder.iterdir())


def test_compare_shows_its_table_where_nothing_can_be_written(striate, tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    answer = striate("compare", "alexnet_tv", "resnet18", "--out", tmp_path)
    assert answer.status == 1
    assert "alexnet_tv" in answer.out and "resnet18" in answer.out and "wrote" not in answer.out
    assert (
        f"striate: no page was written: may not write {tmp_path / 'compare.html'}: Permission denied; make"
        in answer.err
    )


def test_a_folder_that_may_not_be_written_is_to_be_made_writable(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    with pytest.raises(
        files.StorageError, match=r"make .* writable and run the command again \(a training .* .*resume"
    ):
        files.write_bytes(tmp_path / "x", b"")


def test_asking_leaves_nothing_and_makes_no_folder(tmp_path):
    files.require_writable(tmp_path / "new" / "deep" / "x.csv")
    assert list(tmp_path.iterdir()) == []
