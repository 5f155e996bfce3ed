"""Run folders that lost something, disks that are full, folders that may not be written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
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


@pytest.mark.parametrize(
    ("share", "line"),
    [
        (
            0.5,
            " or not a safetensors file: "
            "Error while deserializing header: incomplete metadata, file not fully covered; ",
        ),
        (0, ": it is empty (0 bytes); "),
    ],
)
def test_a_finished_run_of_damaged_weights_is_not_called_finished(striate, run_copy, share, line):
    file = run_copy / "model.safetensors"
    os.truncate(file, int(share * file.stat().st_size))
    answer = striate("train", "--run", run_copy, "--resume")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"striate: {file} is damaged") and line + "copy " in answer.err
    assert "finished already" not in answer.err


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
        ('{"recipe": {"split', "recipe.json is damaged: Unterminated string"),
        ("{}", "recipe.json is damaged: recipe is missing"),
        (
            '{"recipe": {"split_seed": "odd"}}',
            'recipe.json is damaged: recipe.split_seed must be a whole number between 0 and 4,294,967,295, got "odd"',
        ),
        ("[]", "recipe.json is damaged: it must be a record, got []"),
    ],
)
def test_with_a_damaged_recipe_a_run_predicts_but_is_not_evaluated(striate, run_copy, scans, content, line):
    (run_copy / "recipe.json").write_text(content)
    assert striate("predict", run_copy, scans).status == 0
    told = striate("evaluate", run_copy, "digits").mistake()
    assert told.startswith(f"striate: {run_copy}/{line.format(run=run_copy)}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
@pytest.mark.parametrize("name", ["config.json", "recipe.json"])
def test_a_pipe_in_the_place_of_a_record_is_refused(striate, run_copy, name):
    (run_copy / name).unlink()
    os.mkfifo(run_copy / name)
    assert striate("evaluate", run_copy, "digits").mistake() == f"striate: {run_copy / name} is a pipe, not a file"


RECIPE_DAMAGES = {
    ("seed",): ("seven", 'seed must be a whole number between 0 and 9,223,372,036,854,775,807, got "seven"'),
    ("recipe", "epochs"): (0, "epochs must be between 1 and 100,000, got 0"),
    ("recipe", "optimizer"): ("adma", "unknown optimizer 'adma'; did you mean 'adam' or 'adamw'?"),
    ("machine", "threads"): (10**9, "machine.threads must be a whole number between 1 and 4,096, got 1000000000"),
    ("data", "counts"): ({"val": [1]}, "data.counts must have as many numbers for each split, train among them"),
    ("options", "layout"): ("nhwc", "unknown layout 'nhwc'; known are auto, channels-last, contiguous"),
}


@pytest.mark.parametrize("keys", RECIPE_DAMAGES)
def test_one_damaged_run_hides_no_other(striate, run_copy, keys):
    """It is listed as damaged, with the sentence; and it is not resumed."""
    value, sentence = RECIPE_DAMAGES[keys]
    bad = run_copy.parent / "bad"
    shutil.copytree(run_copy, bad)
    record = json.loads((bad / "recipe.json").read_text())
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (bad / "recipe.json").write_text(json.dumps(record))
    (bad / "evaluation.json").unlink()
    said = f"{bad / 'recipe.json'} is damaged: {sentence}"
    rows = {Path(row["run"]).name: row for row in json.loads(striate("runs", run_copy.parent, "--json").out)}
    assert rows["run"]["state"] == "finished" and "problem" not in rows["run"]
    assert (rows["bad"]["state"], rows["bad"]["problem"]) == ("damaged", said)
    assert striate("runs", run_copy.parent).out.endswith(f"\n{said}\n")
    assert striate("train", "--run", bad, "--resume").mistake() == f"striate: {said}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("config.json", "{file} is damaged: "),
        ("model.safetensors", "{file} is damaged or not a safetensors file: "),
        ("data.tsv", "{file} is damaged: its last line is cut off"),
        ("metrics.jsonl", "{file}, line 2, is damaged: "),
        ("recipe.json", "{file} is damaged: "),
        ("evaluation.json", "{file} is damaged: "),
    ],
)
def test_a_run_of_which_a_file_is_cut_off_is_listed_as_damaged(striate, run_copy, name, line):
    file = run_copy / name
    os.truncate(file, file.stat().st_size - 10)
    (row,) = json.loads(striate("runs", run_copy.parent, "--json").out)
    assert row["state"] == "damaged"
    assert row["problem"].startswith(line.format(file=file))
    assert (row["model"], row["data"]) == (("?", "?") if name == "recipe.json" else ("lenet5", "digits"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("config.json", "{file} is missing; {run} is not a complete run folder"),
        ("model.safetensors", "no weights at {file}: no such file"),
        ("recipe.json", "{file} is missing; {run} is not a complete run folder"),
    ],
)
def test_a_finished_run_of_which_a_file_is_gone_is_listed_as_damaged(striate, run_copy, name, line):
    (run_copy / name).unlink()
    (row,) = json.loads(striate("runs", run_copy.parent, "--json").out)
    assert (row["state"], row["problem"]) == ("damaged", line.format(file=run_copy / name, run=run_copy))


def test_a_run_that_was_killed_in_the_middle_of_a_line_is_unfinished(striate, run_copy):
    """And before its first epoch it has no weights."""
    for name in ("evaluation.json", "config.json", "model.safetensors"):
        (run_copy / name).unlink()
    with (run_copy / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "st')
    (row,) = json.loads(striate("runs", run_copy.parent, "--json").out)
    assert (row["state"], row["epochs_done"]) == ("unfinished: go on with --resume", 2)


def test_runs_whose_results_cannot_be_read_are_listed_too(striate, run_copy):
    for name, text in (("null", "null"), ("top", '{"split": "test", "top1": 7}'), ("deep", '{"a": ' + "[" * 10**5)):
        shutil.copytree(run_copy, run_copy.parent / name)
        (run_copy.parent / name / "evaluation.json").write_text(text)
    rows = {Path(row["run"]).name: row for row in json.loads(striate("runs", run_copy.parent, "--json").out)}
    said = {name: row["problem"].partition("json ")[2] for name, row in rows.items() if row["state"] == "damaged"}
    assert said == {
        "null": "is damaged: it must be a record, got null",
        "top": "is damaged: top1 must be a number between 0 and 1, got 7",
        "deep": "is damaged: it is nested beyond reason",
    }
    assert rows["run"]["state"] == "finished"


def test_foreign_lines_of_metrics_are_left_out_and_that_is_said(striate, warm_cache, run_copy, digits_run):
    (run_copy / "evaluation.json").unlink()
    lines = (run_copy / "metrics.jsonl").read_text().splitlines()
    foreign = ["[]", '{"epoch": 1}', json.dumps({**json.loads(lines[0]), "train_accuracy": "good"}), "\0"]
    (run_copy / "metrics.jsonl").write_text("\n".join([*foreign, *lines, '{"epoch": 2, "st']))
    assert striate("runs", run_copy.parent).status == 0
    assert striate("train", "--run", run_copy, "--resume").status == 0
    log = (run_copy / "log.txt").read_text()
    file = run_copy / "metrics.jsonl"
    assert f"warning: {file}, line 1, is damaged: it must be a record, got []; it is left out" in log
    assert f"warning: {file}, line 2, is damaged: step is missing; it is left out" in log
    assert 'line 3, is damaged: train_accuracy must be a number between 0 and 1, got "good"; it is left out' in log
    assert "line 4, is damaged: " in log and "line 7" not in log
    assert file.read_text() == (digits_run / "metrics.jsonl").read_text()


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


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda text: text.replace("train\t", "test\t"),
            "is damaged: it lists no picture of the train split; start a new",
        ),
        (lambda text: text.replace("digit", "di\0it", 1), "is damaged: line 1 holds a character that no name has"),
        (lambda text: text.replace("train\t", "train\tx\t", 1), "is damaged: line "),
        (lambda text: "\n".join(line.replace("\t0\t", "\t0\tx", 1) for line in text.split("\n")), "is damaged: line "),
    ],
)
def test_a_damaged_list_of_pictures_is_named(striate, warm_cache, run_copy, change, line):
    file = run_copy / "data.tsv"
    (run_copy / "evaluation.json").unlink()
    file.write_text(change(file.read_text()))
    assert striate("train", "--run", run_copy, "--resume").mistake().startswith(f"striate: {file} {line}")


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
