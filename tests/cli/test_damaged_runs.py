"""Run folders that lost something, disks that are full, folders that may not be written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from striate.models import create_model

TRAIN = ("train", "digits", "--recipe", "digits_lenet5", "--epochs", 2)


def weights(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("model.safetensors", "no weights at {run}/model.safetensors: no such file"),
        ("config.json", "{run}/config.json is missing; {run} is not a complete run folder"),
    ],
)
@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_missing_file_is_named(striate, run_copy, scans, verb, name, line):
    (run_copy / name).unlink()
    answer = striate(verb, run_copy, "digits" if verb == "evaluate" else scans)
    assert answer.mistake() == f"striate: {line.format(run=run_copy)}"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_truncated_file_is_named(striate, run_copy, scans, verb, name):
    for share in (0, 0.5, 0.99):
        whole = (run_copy / name).read_bytes()
        (run_copy / name).write_bytes(whole[: int(share * len(whole))])
        line = striate(verb, run_copy, "digits" if verb == "evaluate" else scans).mistake()
        assert line.startswith(f"striate: {run_copy / name} is damaged")
        (run_copy / name).write_bytes(whole)


def test_a_flipped_bit_in_the_weights_is_noticed(striate, run_copy, scans):
    content = bytearray((run_copy / "model.safetensors").read_bytes())
    content[-1000] ^= 4
    (run_copy / "model.safetensors").write_bytes(content)
    assert (
        striate("predict", run_copy, scans)
        .mistake()
        .startswith(
            f"striate: {run_copy / 'model.safetensors'} is damaged: its content does not match its SHA-256; "
            "copy it again or train again"
        )
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "recipe.json is missing; {run} is not a complete run folder"),
        ('{"recipe": {"split', "recipe.json is damaged: Unterminated string"),
        ("{}", "recipe.json is damaged: it has no split_seed"),
        ('{"recipe": {"split_seed": "odd"}}', "recipe.json is damaged: it has no split_seed"),
        ("[]", "recipe.json is damaged: it is no record but a list"),
    ],
)
def test_without_its_recipe_a_run_predicts_but_is_not_evaluated(striate, run_copy, scans, content, line):
    if content is None:
        (run_copy / "recipe.json").unlink()
    else:
        (run_copy / "recipe.json").write_text(content)
    assert striate("predict", run_copy, scans).status == 0
    told = striate("evaluate", run_copy, "digits").mistake()
    assert told.startswith(f"striate: {run_copy}/{line.format(run=run_copy)}")


def test_a_damaged_recipe_is_not_resumed(striate, run_copy):
    (run_copy / "evaluation.json").unlink()
    (run_copy / "recipe.json").write_text('{"recipe": ')
    line = striate("train", "--run", run_copy, "--resume").mistake()
    assert line.startswith(f"striate: {run_copy / 'recipe.json'} is damaged: ")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"architecture": "mlp"}, "the weights in {run}/model.safetensors are not those of mlp: missing "),
        ({"architecture": "resnet18"}, "the weights in {run}/model.safetensors are not those of resnet18: missing "),
        ({"architecture": "lenet6"}, "{run}/config.json is damaged: unknown model 'lenet6'; did you mean 'lenet5'"),
        (
            {"label_names": ["a", "b"], "num_classes": 2},
            "the weights in {run}/model.safetensors are not those of lenet5: classifier.",
        ),
        ({"label_names": None}, "{run}/config.json is damaged: label_names must be a list of at least 1, got null"),
        ({"label_names": []}, "{run}/config.json is damaged: label_names must be a list of at least 1, got []"),
        (
            {"label_names": list("0123456788")},
            "{run}/config.json is damaged: label_names holds '8' twice; every class ",
        ),
        ({"num_classes": "ten"}, "{run}/config.json is damaged: num_classes must be a whole number between 1 and "),
        ({"num_classes": 11}, "{run}/config.json is damaged: num_classes is 11, label_names are 10"),
        ({"in_channels": 3}, "{run}/config.json is damaged: in_channels is 3, the preprocessing makes 1"),
        ({"preprocess": {"size": [32]}}, "{run}/config.json is damaged: preprocess.size must be a list of 2, got [32]"),
        ({"preprocess": {}}, "{run}/config.json is damaged: preprocess.size is missing"),
        ({"preprocess": 7}, "{run}/config.json is damaged: preprocess must be a record, got 7"),
    ],
)
def test_a_config_of_another_network(striate, run_copy, scans, change, line):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, **change}))
    assert striate("predict", run_copy, scans).mistake().startswith(f"striate: {line.format(run=run_copy)}")


@pytest.mark.parametrize("text", ["[]", "7", '"lenet5"', "null"])
def test_a_config_that_is_no_record(striate, run_copy, scans, text):
    (run_copy / "config.json").write_text(text)
    assert striate("predict", run_copy, scans).mistake().startswith(f"striate: {run_copy / 'config.json'} is damaged: ")


def test_weights_of_another_architecture(digits_run):
    from striate import StriateError

    file = digits_run / "model.safetensors"
    with pytest.raises(StriateError, match=f"the weights in {digits_run} are those of lenet5, not of resnet20; "):
        create_model("resnet20", weights=file)
    assert create_model("lenet5", weights=file).architecture == "lenet5"


@pytest.mark.parametrize("writes", [5, 9, 13, 16, 20, 26, 28])
def test_a_full_disk_loses_nothing(striate, warm_cache, digits_run, scans, tmp_path, monkeypatch, writes):
    """Whichever write finds the disk full: what was saved still loads, and the run goes on to the same weights."""
    fsync, done = os.fsync, []

    def full(handle):
        done.append(handle)
        if len(done) > writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    run = tmp_path / "run"
    answer = striate(*TRAIN, "--run", run)
    assert (answer.status, answer.out) == (2, "")
    last = answer.err.splitlines()[-1]
    assert last.startswith(f"striate: no space left on the disk while writing {run}")
    assert "what was there before is untouched" in last
    assert "Traceback" not in answer.err
    if (run / "config.json").exists():  # from the first epoch on
        assert striate("predict", run, scans).status == 0
    monkeypatch.setattr(os, "fsync", fsync)
    assert striate(*TRAIN, "--run", run, "--resume").status == 0
    assert weights(run) == weights(digits_run)
    assert not list(run.rglob("*.part"))


@pytest.fixture
def tiny_disk():
    """A file system of 1 MiB; the run itself needs 2."""
    folder = tempfile.mkdtemp()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root mounts")
def test_a_disk_that_is_really_full(striate, digits_run, scans, tiny_disk):
    run = f"{tiny_disk}/run"
    answer = striate(*TRAIN, "--run", run)
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith(f"striate: no space left on the disk while writing {run}")
    assert striate("predict", run, scans).status == 0
    subprocess.run(["mount", "-o", "remount,size=16m", tiny_disk], check=True)
    assert striate(*TRAIN, "--run", run, "--resume").status == 0
    assert weights(Path(run)) == weights(digits_run)


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.EROFS, "Read-only file system"), (errno.EACCES, "Permission denied")]
)
def test_a_folder_that_may_not_be_written(striate, warm_cache, tmp_path, monkeypatch, number, reason):
    def refused(*_, **__):
        raise OSError(number, reason)

    monkeypatch.setattr("os.mkdir", refused)
    answer = striate(*TRAIN, "--run", tmp_path / "locked" / "run")
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith("striate: may not write ")
    assert answer.err.splitlines()[-1].endswith("goes on with --resume), or choose another folder")
    assert "Traceback" not in answer.err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root mounts")
def test_a_file_system_that_is_really_read_only(striate, tiny_disk):
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    answer = striate(*TRAIN, "--run", f"{tiny_disk}/run")
    assert answer.err.splitlines()[-1] == (
        f"striate: may not write {tiny_disk}/run: Read-only file system; make {tiny_disk} writable and run the command "
        "again (a training that was begun goes on with --resume), or choose another folder"
    )
