"""What every verb does when all is well: help, tables, JSON, where it speaks, how it ends."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import PackageNotFoundError, version

import pytest

from striate import tasks
from striate.cli.app import app
from striate.cli.data import TASKS
from striate.cli.training import RECIPES
from striate.recipes import list_recipes
from striate.runtime import machine

VERBS = {"models", "summary", "check", "train", "evaluate", "predict", "runs", "doctor"}


def json_of(answer):
    """The one JSON document on standard output, held to the letter of the format."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(answer.out, parse_constant=refuse)


@pytest.fixture
def quick_doctor(monkeypatch):
    monkeypatch.setattr(machine, "conv_gflops", lambda dtype, device: 100.0)


def test_the_verbs_are_there():
    assert {command.name for command in app.registered_commands} >= VERBS


@pytest.mark.parametrize("verb", sorted(command.name for command in app.registered_commands))
def test_every_verb_has_a_help_with_an_example(striate, verb):
    for option in ("--help", "-h"):
        answer = striate(verb, option)
        assert (answer.status, answer.err) == (0, "")
        assert "Example" in answer.out
        assert f"striate {verb}" in answer.out
        assert "--json" in answer.out


def test_the_first_help_names_every_verb_and_where_to_start(striate):
    answer = striate("--help")
    assert answer.status == 0
    assert all(verb in answer.out for verb in VERBS)
    assert "striate train digits --recipe digits_lenet5" in answer.out


def test_no_words_at_all_get_the_help(striate):
    answer = striate()
    assert "Usage: striate" in answer.out + answer.err
    assert "Traceback" not in answer.err


def test_the_version(striate):
    answer = striate("--version")
    assert (answer.status, answer.out, answer.err) == (0, "striate 0.1.0\n", "")


def test_the_help_of_train_names_every_recipe(striate):
    assert RECIPES.rstrip(".").replace(" or", ",").split(", ") == list_recipes()


def test_the_help_of_train_names_every_task():
    assert TASKS.replace(" or", ",").split(", ") == list(tasks.TASKS)


def test_models_lists_names_and_costs(striate):
    answer = striate("models", "vgg1[69]")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split()[0] == "model"
    assert [line.split()[0] for line in lines[2:4]] == ["vgg16", "vgg19"]
    listed = json_of(striate("models", "vgg1[69]", "--json"))
    assert [row["name"] for row in listed] == ["vgg16", "vgg19"]
    assert (listed[0]["params"], listed[0]["macs"]) == (138_357_544, 15_470_264_320)


def test_summary_shows_the_rows_and_their_sums(striate):
    answer = striate("summary", "lenet5")
    assert (answer.status, answer.err) == (0, "")
    assert "61,706" in answer.out
    fields = json_of(striate("summary", "lenet5", "--json"))
    assert fields["params"] == sum(row["params"] for row in fields["rows"]) == 61_706


@pytest.mark.parametrize("name", ["perceptron", "vgg16", "resnet18", "googlenet", "densenet40_12"])
def test_summary_is_json_for_networks_of_every_kind(striate, name):
    assert json_of(striate("summary", name, "--json"))["name"] == name


def test_summary_takes_size_classes_and_channels(striate):
    fields = json_of(striate("summary", "resnet18", "--size", "64x96", "--classes", 7, "--in-channels", 1, "--json"))
    assert fields["input_shape"][-3:] == [1, 64, 96]
    assert fields["rows"][-1]["out_shape"][-1] == 7


def test_check_shows_counts_and_says_nothing_is_wrong(striate):
    answer = striate("check", "digits")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["class", "train", "val", "test"]
    assert lines[12].split() == ["all", "1,259", "179", "359"]
    assert "shorter side: 8 px in all pictures" in lines
    assert lines[-1] == "nothing to complain about"


def test_check_as_json(striate):
    fields = json_of(striate("check", "digits", "--json"))
    assert sum(map(sum, fields["counts"].values())) == 1797
    assert fields["problems"] == fields["warnings"] == fields["unreadable"] == []


def test_check_ends_with_1_where_training_cannot_work(striate, photos):
    for file in (photos / "level").iterdir():
        file.write_text("not a picture")
    answer = striate("check", photos)
    assert (answer.status, answer.err) == (1, "")
    assert f"cannot be trained on: {photos}: 1 class (level) without a readable picture to train on" in answer.out
    answer = striate("check", photos, "--json")
    assert answer.status == 1
    assert len(json_of(answer)["unreadable"]) == 20


def test_check_tells_of_clashes_leaks_and_duplicates(striate, photos):
    picture = (photos / "level" / "00.png").read_bytes()
    (photos / "upright" / "copy.png").write_bytes(picture)
    for number in range(8):
        (photos / "level" / f"copy{number}.png").write_bytes(picture)
    answer = striate("check", photos)
    assert answer.status == 0
    lines = answer.out.splitlines()
    same = ("level/00.png", *(f"level/copy{number}.png" for number in range(8)), "upright/copy.png")
    names = " = ".join(str(photos / name) for name in same)
    for what in ("in more than one class", "in more than one split, which flatters what is measured on them"):
        assert lines[lines.index(f"warning: 1 picture {what}:") + 1] == f"  {names}"
    assert answer.out.count("in more than one class") == answer.out.count("in more than one split") == 1
    trained = striate(
        "train", photos, "--model", "lenet5", "--epochs", 1, "--no-autotune", "--run", photos.parent / "run"
    )
    assert trained.err.count("in more than one class") == 1


def test_train_speaks_on_standard_error_and_ends_with_how_to_use_it(striate, warm_cache, tmp_path):
    run = tmp_path / "my run"
    answer = striate("train", "digits", "--recipe", "digits_lenet5", "--epochs", 2, "--run", run)
    assert answer.status == 0
    assert answer.out == f"use it: striate predict '{run}' PICTURES\n"
    assert "epoch   2/2" in answer.err
    assert "test accuracy" in answer.err
    assert "images/s" in answer.err
    resumed = striate("train", "--run", run, "--resume")
    assert (resumed.status, resumed.out) == (0, answer.out)


def test_train_as_json(striate, tmp_path):
    answer = striate(
        *("train", "digits", "--recipe", "digits_lenet5", "--epochs", 2, "--run", tmp_path / "run", "--json"),
        *(
            "--set",
            "peak_lr=0.05",
            "--set",
            "flip=no",
            "--seed",
            3,
            "--precision",
            "fp32",
            "--cache-gb",
            0,
            "--size",
            28,
        ),
    )
    assert answer.status == 0
    fields = json_of(answer)
    assert fields["run"] == str(tmp_path / "run")
    assert fields["test_pictures"] == 359
    assert 0 < fields["test_top1"] < 1
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (record["recipe"]["peak_lr"], record["recipe"]["size_px"], record["seed"]) == (0.05, 28, 3)


def test_train_makes_a_new_folder_below_runs(striate, warm_cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("digits-lenet5", "digits-lenet5-2"):
        assert striate("train", "digits", "--recipe", "digits_lenet5", "--epochs", 2).status == 0
        assert (tmp_path / "runs" / name / "report.html").exists()
    table = striate("runs").out.splitlines()
    assert [line.split()[0] for line in table[2:]] == ["runs/digits-lenet5-2", "runs/digits-lenet5"]


def test_evaluate_shows_the_stored_numbers(striate, digits_run):
    stored = json.loads((digits_run / "evaluation.json").read_text())
    answer = striate("evaluate", digits_run, "digits")
    assert (answer.status, answer.err) == (0, "")
    assert f"test: top-1 {stored['top1']:.2%} (95 % interval " in answer.out
    assert "359 pictures" in answer.out
    assert answer.out.splitlines()[0].split() == ["class", "pictures", "recall", "95", "%", "interval", "precision"]
    assert "truth \\ predicted" in answer.out
    assert answer.out.splitlines()[-2].endswith("359 pictures, none of them trained on")
    assert answer.out.splitlines()[-1].startswith(
        "split: that of the run, by its data.tsv; of pictures that it does not"
    )
    fields = json_of(striate("evaluate", digits_run, "digits", "--json"))
    assert fields["confusion"] == stored["confusion"]
    assert fields["unreadable"] == []


@pytest.mark.parametrize(("split", "pictures"), [("train", 1259), ("val", 179), ("test", 359), ("all", 1797)])
def test_evaluate_takes_any_split(striate, digits_run, split, pictures):
    fields = json_of(striate("evaluate", digits_run, "digits", "--split", split, "--json"))
    assert (fields["split"], fields["pictures"]) == (split, pictures)


def test_evaluate_puts_the_figure_of_unseen_pictures_first(striate, digits_run):
    stored = json.loads((digits_run / "evaluation.json").read_text())
    *_, first, second = striate("evaluate", digits_run, "digits", "--split", "all").out.splitlines()
    assert first.startswith(f"unseen: top-1 {stored['top1']:.2%} (95 % interval ")
    assert first.endswith("359 pictures, neither trained on nor used to choose the weights")
    assert second.startswith("all: top-1 ")
    ends = "1,797 pictures (1,259 trained on, 179 used to choose the weights: no measure of new ones)"
    assert second.endswith(ends)
    fields = json_of(striate("evaluate", digits_run, "digits", "--split", "all", "--json"))
    assert (fields["unseen"]["top1"], fields["trained_on"], fields["chose_weights"]) == (stored["top1"], 1259, 179)
    last = striate("evaluate", digits_run, "digits", "--split", "val").out.splitlines()[-1]
    assert last.endswith("179 pictures (179 used to choose the weights: no measure of new ones)")


def test_evaluate_takes_a_test_split_or_a_class_alone(striate, digits_run, digit_folder, tmp_path):
    (tmp_path / "data").mkdir()
    digit_folder.rename(tmp_path / "data" / "test")
    alone = json_of(striate("evaluate", digits_run, tmp_path / "data", "--json"))
    assert (alone["split"], alone["pictures"]) == ("test", 100)
    one = min((tmp_path / "data" / "test").iterdir())
    (tmp_path / "one").mkdir()
    one.rename(tmp_path / "one" / one.name)
    fields = json_of(striate("evaluate", digits_run, tmp_path / "one", "--split", "all", "--json"))
    assert sum(row["pictures"] for row in fields["per_class"]) == fields["pictures"] > 0


def test_evaluate_lists_the_largest_mistakes_where_a_matrix_does_not_fit(striate, digits_run, monkeypatch):
    monkeypatch.setattr("striate.cli.using.CONFUSION_SHOWN", 9)
    answer = striate("evaluate", digits_run, "digits")
    confusion = json.loads((digits_run / "evaluation.json").read_text())["confusion"]
    largest = max(
        (count, truth, predicted)
        for truth, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if truth != predicted
    )
    assert "truth \\ predicted" not in answer.out
    assert f"taken for {largest[2]}: {largest[0]}\n" in answer.out
    assert answer.out.count(" taken for ") <= 10


def test_runs_knows_finished_unfinished_and_damaged(striate, digits_run, tmp_path):
    for name in ("finished", "unfinished", "damaged"):
        shutil.copytree(digits_run, tmp_path / "runs" / name)
    (tmp_path / "runs" / "unfinished" / "evaluation.json").unlink()
    (tmp_path / "runs" / "damaged" / "recipe.json").write_text('{"recipe": ')
    answer = striate("runs", tmp_path / "runs")
    assert (answer.status, answer.err) == (0, "")
    states = {line.split()[0].rpartition("/")[2]: line.rstrip() for line in answer.out.splitlines()[2:]}
    assert states["finished"].endswith("finished")
    assert "(test)" in states["finished"]
    assert "unfinished: go on with --resume" in states["unfinished"]
    assert "(val)" in states["unfinished"]
    assert states["damaged"].endswith("damaged")
    rows = {row["run"].rpartition("/")[2]: row for row in json_of(striate("runs", tmp_path / "runs", "--json"))}
    assert rows["finished"]["state"] == "finished"
    assert rows["finished"]["epochs_done"] == 2
    assert rows["damaged"]["accuracy"] is None


def test_runs_says_how_to_begin_where_there_are_none(striate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert striate("runs").out == "no runs below runs; start one with: striate train digits --recipe digits_lenet5\n"
    assert json_of(striate("runs", "--json")) == []


def test_doctor_shows_versions_processor_speed_and_extras(striate, quick_doctor):
    answer = striate("doctor")
    assert (answer.status, answer.err) == (0, "")
    for word in ("versions", "torch", "machine", "processor", "threads", "fast here", "100 GFLOP/s", "extras", "dev"):
        assert word in answer.out
    fields = json_of(striate("doctor", "--json"))
    assert fields["machine"]["processor"]
    assert fields["machine"]["threads"] >= 1
    assert set(fields["extras"]) >= {"dev"}


def test_doctor_names_the_command_that_installs_a_missing_extra(striate, quick_doctor, monkeypatch):
    def without_hypothesis(name):
        if name == "hypothesis":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("importlib.metadata.version", without_hypothesis)
    assert json_of(striate("doctor", "--json"))["extras"]["dev"] == "missing hypothesis: pip install 'striate[dev]'"
