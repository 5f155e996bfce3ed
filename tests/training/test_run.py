"""Whole runs on small data: what they leave behind, what they refuse, how they resume."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from factories import tinted_boxes, tinted_labels, tinted_masks, tinted_objects, tinted_outlines
from striate.core.errors import Interrupted, StriateError
from striate.recipes import get_recipe, list_recipes
from striate.tasks import TASKS
from striate.tasks.task import StepLosses
from striate.training import clock, loop
from striate.training.folder.layout import locked, next_free, read_metrics
from striate.training.folder.state import Counters
from striate.training.recipe import Recipe

FILES = {
    "model.safetensors", "config.json", "recipe.json", "metrics.jsonl", "report.html", "README.md", "evaluation.json",
    "log.txt", "data.tsv", "state", ".lock",
}  # fmt: skip
QUICK = {"epochs": 3, "batch_size": 8, "size_px": 32}


def weights(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished run on digits, shared by the tests that only look."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    os.environ["STRIATE_CACHE"] = str(folder.parent / "cache")
    return striate.train("digits", recipe="digits_lenet5", run=folder, epochs=4)


def test_a_run_leaves_its_files(finished):
    assert {path.name for path in finished.path.iterdir()} == FILES
    lines = read_metrics(finished.path)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["val_loss"] < lines[0]["val_loss"]
    assert len((finished.path / "log.txt").read_text().splitlines()) == 6  # headline, four epochs, result


def test_the_config_says_what_the_weights_are(finished):
    config = json.loads((finished.path / "config.json").read_text())
    assert config["architecture"] == "lenet5"
    assert config["label_names"] == list("0123456789")
    assert config["preprocess"]["size"] == [32, 32]
    low, high = config["metrics"]["test_top1_interval"]
    assert 0.5 < low < config["metrics"]["test_top1"] < high <= 1


def test_the_recipe_says_what_decided_the_run(finished):
    record = json.loads((finished.path / "recipe.json").read_text())
    assert record["recipe"]["epochs"] == 4
    assert record["machine"]["torch"] == torch.__version__
    assert len(record["data"]["fingerprint"]) == 32
    assert "--epochs 4" in record["command"]
    manifest = (finished.path / "data.tsv").read_text().splitlines()
    assert len(manifest) == 1797
    assert {line.split("\t")[0] for line in manifest} == {"train", "val", "test"}


def test_evaluate_again_gives_the_stored_numbers(finished):
    stored = json.loads((finished.path / "evaluation.json").read_text())
    found = striate.load(finished.path).evaluate(striate.data.sources.open_data("digits"))
    assert found.to_dict()["confusion"] == stored["confusion"]
    assert found.accuracy == stored["top1"]


def test_the_command_repeats_the_run_bit_for_bit(finished, tmp_path):
    again = striate.train("digits", recipe="digits_lenet5", run=tmp_path / "again", epochs=4)
    assert weights(again.path) == weights(finished.path)
    other = striate.train("digits", recipe="digits_lenet5", run=tmp_path / "other", epochs=4, seed=1)
    assert weights(other.path) != weights(finished.path)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_trains_two_steps(name, photos, embedded, tmp_path, monkeypatch):
    """At a size that keeps it quick; everything else as the recipe has it."""
    recipe = get_recipe(name)
    side = {"alexnet": 67, "resnet50": 32}.get(recipe.model, 32)
    of_places = {"quick_fcn": tinted_masks, "segmentation": tinted_masks}
    of_places |= {"quick_detector": tinted_objects, "detection": tinted_objects}
    of_places |= {"quick_labels": tinted_labels, "quick_box": tinted_boxes, "localisation": tinted_boxes}
    of_places |= {"mask_rcnn": tinted_outlines, "instances": tinted_outlines}
    data = "digits" if "digits" in name else of_places[name](tmp_path / "data") if name in of_places else photos
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", math.inf)  # two steps of a large rate without a warm-up may rise
    fields = {
        "epochs": 1,
        "batch_size": 628 if data == "digits" else 8 if name in of_places else 14,
        "size_px": 64 if of_places.get(name) is tinted_objects else side,
        "warmup_epochs": 0,
    }
    if name == "finetune":
        fields |= {"unfreeze_to": "layer3"}  # so few pictures would leave it at the head
    task = "instances" if of_places.get(name) is tinted_outlines else None  # of which masks alone do not tell
    run = striate.train(data, recipe=name, run=tmp_path / "run", task=task, **fields)
    lines = read_metrics(run.path)
    assert [line["step"] for line in lines] == ([] if name == "probe" else [2])  # a probe is solved, not trained
    assert all(math.isfinite(line["train_loss"]) for line in lines)


def test_pictures_can_be_learned(photos, tmp_path):
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 20, "min_area": 1.0})
    assert run.metrics["val_top1"] == 1.0
    prediction = run.predict(photos / "level" / "03.png")[0]
    assert prediction.label == "level"
    assert prediction.probability == pytest.approx(prediction.top[0][1])


@pytest.mark.parametrize("die_at", [1, 4, 7, 11])
@pytest.mark.parametrize(
    "fields", [{}, {"optimizer": "adamw", "peak_lr": 0.002, "schedule": "plateau", "jitter": 0.3}], ids=["sgd", "adamw"]
)
def test_a_killed_run_resumes_to_equal_bytes(photos, tmp_path, monkeypatch, die_at, fields, death_in_place_of):
    """Killed at any step, mid-epoch too, with a state after every step or only the last epoch's."""
    whole = striate.train(photos, "resnet20", run=tmp_path / "whole", **QUICK, **fields)
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0 if die_at % 2 else 60.0)
    with death_in_place_of("fitting_step", die_at):
        striate.train(photos, "resnet20", run=tmp_path / "killed", **QUICK, **fields)
    resumed = striate.resume(tmp_path / "killed")
    assert weights(resumed.path) == weights(whole.path)
    keep = ("epoch", "step", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "best")
    lines = [[{key: line[key] for key in keep} for line in read_metrics(run.path)] for run in (whole, resumed)]
    assert lines[0] == lines[1]


def test_sigkill_resumes_to_equal_bytes(tmp_path):
    """The real thing: another process, kill -9, resume."""
    command = [sys.executable, "-m", "striate", "train", "digits", "--recipe", "digits_lenet5", "--epochs", "6"]
    subprocess.run([*command, "--run", tmp_path / "whole"], check=True, capture_output=True)
    process = subprocess.Popen([*command, "--run", tmp_path / "killed"], stderr=subprocess.DEVNULL)
    while not list((tmp_path / "killed" / "state").glob("step-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    resume = [sys.executable, "-m", "striate", "train", "--run", tmp_path / "killed", "--resume"]
    subprocess.run(resume, check=True, capture_output=True)
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


@pytest.mark.usefixtures("signals_of_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number):
    command = [sys.executable, "-m", "striate", "train", "digits", "--recipe", "digits_lenet5", "--epochs", "500"]
    process = subprocess.Popen([*command, "--run", tmp_path / "run"], stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "run" / "state").glob("step-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    last = said.splitlines()[-1]
    assert said.count("striate: ") == 1
    assert last.startswith("striate: stopped at step ")
    assert last.endswith(f"everything is saved. Go on with: striate train --run {tmp_path / 'run'} --resume")


@pytest.mark.usefixtures("signals_of_a_terminal")
@pytest.mark.parametrize("pause_s", [0.001, 0.03, 0.3])
def test_whoever_types_ctrl_c_many_times_is_told_how_to_go_on(tmp_path, pause_s):
    """At whatever moment the others come, saving, leaving, or while torch ends: one last line, and no traceback."""
    command = [sys.executable, "-m", "striate", "train", "digits", "--recipe", "digits_lenet5", "--epochs", "500"]
    process = subprocess.Popen([*command, "--run", tmp_path / "run"], stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "run" / "state").glob("step-*")):
        assert process.poll() is None
        time.sleep(0.05)
    for _ in range(200):
        process.send_signal(signal.SIGINT)
        time.sleep(pause_s)
        if process.poll() is not None:
            break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said and "Exception ignored" not in said
    assert said.count("striate: stopped") == 1
    assert said.splitlines()[-1].endswith(f"Go on with: striate train --run {tmp_path / 'run'} --resume")
    assert list((tmp_path / "run" / "state").glob("step-*"))


@pytest.mark.usefixtures("signals_of_a_terminal")
def test_a_request_to_stop_saves_mid_epoch(photos, tmp_path, monkeypatch):
    step = loop.fitting_step
    done = []

    def interrupting(*arguments):
        done.append(1)
        if len(done) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(loop, "fitting_step", interrupting)
    with pytest.raises(Interrupted, match="stopped at step 5 of 12; everything is saved"):
        striate.train(photos, "resnet20", run=tmp_path / "stopped", **QUICK)
    monkeypatch.setattr(loop, "fitting_step", step)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole = striate.train(photos, "resnet20", run=tmp_path / "whole", **QUICK)
    assert weights(striate.resume(tmp_path / "stopped").path) == weights(whole.path)


def test_a_diverging_loss_ends_the_run_with_the_last_good_state(photos, tmp_path):
    with pytest.raises(
        StriateError, match=r"training diverged: the loss is .* at step \d+, .* at the first; the last good state"
    ):
        striate.train(photos, "resnet20", run=tmp_path / "run", peak_lr=900.0, **QUICK)
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_first_loss_that_is_no_number_is_no_matter_of_the_rate(photos, tmp_path):
    class Broken(nn.Module):
        def __init__(self, num_classes):
            super().__init__()
            self.head = nn.Linear(3, num_classes)

        def forward(self, images):
            return self.head(images.mean((2, 3))) * math.nan

    said = "^the loss of the first step is nan, before any weight was changed: usually the network divides by zero"
    for precision, more in (("fp32", "numbers$"), ("bf16", r"or bf16 overflows, which precision='fp32' does not$")):
        with pytest.raises(StriateError, match=f"{said}.*{more}"):
            striate.train(photos, Broken, run=tmp_path / precision, **{**QUICK, "precision": precision})


@pytest.mark.parametrize(
    ("first", "then", "diverged", "balance"),
    [
        (2.0, 7.0, True, "none"),
        (2.0, math.nan, True, "none"),
        (2.0, math.inf, True, "weights"),
        (2.0, 5.9, False, "none"),
        (0.02, 1.0, False, "none"),
        (0.5, 40.0, False, "weights"),
    ],
)
def test_what_counts_as_diverging(first, then, diverged, balance):
    """Trained weights begin with next to nothing; above three times that they are still far better than chance. Of a
    rare class that weighs 50, one picture may be a step's whole loss.
    """
    runtime = SimpleNamespace(precision="fp32")
    recipe = Recipe(model="lenet5", balance=balance)
    job = SimpleNamespace(task=TASKS["classification"], chance_loss=math.log(4), runtime=runtime, recipe=recipe)
    run = SimpleNamespace(job=job, counters=Counters(step=2), unread=[])
    run.unread.append((StepLosses({"loss": torch.tensor(first)}, {}), 1))
    loop.read_losses(run)
    run.unread.append((StepLosses({"loss": torch.tensor(then)}, {}), 1))
    said = r"training diverged: the loss .* Try a lower rate .* or a warm-up \(warmup_epochs=3\)$"
    with pytest.raises(StriateError, match=said) if diverged else nullcontext():
        loop.read_losses(run)


def test_the_best_weights_are_kept_and_the_plateau_drops(photos, tmp_path, monkeypatch):
    accuracies = iter([0.5, 0.9, 0.7, 0.6, 0.8])
    evaluate = loop.evaluate

    def scripted(*arguments):
        found = evaluate(*arguments)
        figures = {"loss": found.figures()["loss"], "accuracy": next(accuracies)}
        return type("Found", (), {"figures": lambda self: figures})()

    monkeypatch.setattr(loop, "evaluate", scripted)
    fields = {**QUICK, "epochs": 5, "schedule": "plateau", "patience_epochs": 2, "peak_lr": 0.01}
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **fields)
    assert run.metrics["epoch"] == 2
    lines = read_metrics(run.path)
    assert [line["best"] for line in lines] == [True, True, False, False, False]
    assert [line["lr"] for line in lines] == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.001])


def test_a_run_is_not_overwritten(finished):
    with pytest.raises(
        StriateError,
        match=r"a run already; go on with it by striate\.resume\(run\), or choose another run=",
    ):
        striate.train("digits", run=finished.path)


def test_a_folder_with_other_things_is_not_used(tmp_path):
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(StriateError, match=r"is not empty and holds no run; choose another run=\.\.\.$"):
        striate.train("digits", run=tmp_path)


def test_a_run_killed_before_its_recipe_stood_can_be_started(photos, tmp_path):
    (tmp_path / "run").mkdir()
    for name in (".lock", "data.tsv", ".recipe.json.abc.part"):
        (tmp_path / "run" / name).write_bytes(b"")
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 1})
    assert run.metrics["epoch"] == 1


def test_a_run_shorter_than_its_warm_up_is_all_warm_up(tmp_path):
    run = striate.train("digits", recipe="digits_lenet5", run=tmp_path / "run", epochs=1)
    (line,) = read_metrics(run.path)
    assert line["lr"] == pytest.approx(0.1 / 2)


def test_resume_of_a_finished_run_opens_it(finished):
    before = weights(finished.path)
    assert striate.resume(finished.path).metrics == finished.metrics
    assert weights(finished.path) == before


def test_resume_of_nothing_is_refused(tmp_path):
    with pytest.raises(StriateError, match="holds no run to resume"):
        striate.resume(tmp_path)


def test_resume_with_other_pictures_is_refused(photos, tmp_path):
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 1})
    (run.path / "evaluation.json").unlink()
    Image.new("RGB", (24, 24), "red").save(photos / "level" / "00.png")
    with pytest.raises(StriateError, match="are not those that .* was begun with"):
        striate.resume(run.path)


def test_a_run_of_folders_that_are_read_otherwise_by_now_resumes(photos, tmp_path, monkeypatch, death_in_place_of):
    """Begun when the classes were taken as the folders say: the run's own list of pictures decides."""
    for number, file in enumerate(sorted(photos.rglob("*.png"))):
        (file.parent / "ab"[number % 2]).mkdir(exist_ok=True)
        file.rename(file.parent / "ab"[number % 2] / file.name)
    with monkeypatch.context() as before, death_in_place_of("fitting_step", 2):
        before.setattr("striate.data.folder.doubt", lambda *_: "")
        striate.train(photos, "resnet20", run=tmp_path / "run", **QUICK)
    with pytest.raises(StriateError, match=r"level, upright all hold the same folders \(a, b\)"):
        striate.check(photos)
    assert striate.resume(tmp_path / "run").classes == ("level", "upright")


def test_a_second_process_is_kept_out(tmp_path):
    with locked(tmp_path):
        code = (
            "from pathlib import Path; from striate.training.folder.layout import locked\n"
            f"with locked(Path({str(tmp_path)!r})): pass"
        )
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    who = f"process {os.getpid()} on {platform.node()}"
    assert f"{who} is training in {tmp_path}; wait for it or choose another run=..." in second.stderr


def test_bad_pictures_are_left_out_and_named(photos, tmp_path):
    (photos / "level" / "00.png").write_text("hello")
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 1})
    assert "warning: 1 picture cannot be read and will be left out" in (run.path / "log.txt").read_text()
    rows = [line.split("\t") for line in (run.path / "data.tsv").read_text().splitlines()]
    assert [row[3] for row in rows if row[0] == "-"] == ["level/00.png"]  # listed, in no split


def test_a_run_of_too_few_steps_says_so_before_it_begins(photos, tmp_path):
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 3, "batch_size": 64})
    lines = (run.path / "log.txt").read_text().splitlines()
    told = [number for number, line in enumerate(lines) if "so that 3 epochs are 3 steps, too few to learn" in line]
    begun = [number for number, line in enumerate(lines) if line.startswith("resnet20, ")]
    assert len(told) == 1 and told < begun


@pytest.mark.skipif(os.name != "posix", reason="names that are no UTF-8")
def test_a_bad_picture_may_have_any_name(photos, tmp_path):
    bad = os.fsencode(photos / "level") + b"/caf\xe9.png"
    Path(os.fsdecode(bad)).write_bytes(b"no picture")
    run = striate.train(photos, model="lenet5", epochs=1, size_px=32, run=tmp_path / "run")
    assert os.fsdecode(bad) in run.recipe["data"]["warnings"][0]
    assert "caf\\udce9.png" in (run.path / "log.txt").read_text(encoding="utf-8")


def test_small_pictures_are_not_blown_up(photos, tmp_path):
    run = striate.train(photos, "resnet18", run=tmp_path / "run", epochs=1, batch_size=14)
    assert run.preprocess.size == (32, 32)


def test_large_pictures_have_the_usual_margin(tmp_path):
    from striate.data.dataset import ArrayPictures
    from striate.models import create_model
    from striate.training.network import fit_size

    network = create_model("resnet20")
    large = ArrayPictures(np.zeros((2, 300, 400, 3), np.uint8), "large")
    assert fit_size(create_model("resnet18"), get_recipe("default"), large).resize == (256, 256)
    assert fit_size(network, get_recipe("default"), large).resize == (32, 32)


def test_pictures_are_enlarged_in_use_as_the_recipe_says():
    from striate.data.dataset import ArrayPictures
    from striate.models import create_model
    from striate.training.network import fit_size

    network, fast = create_model("quick_regnet26"), get_recipe("fast")
    sizes, sizes_as_they_are = {}, {}
    for side in (30, 64, 500):
        pictures = ArrayPictures(np.zeros((2, side, side, 3), np.uint8), "x")
        record = fit_size(network, fast, pictures)
        sizes[side] = record.size[0], record.resize[0]
        sizes_as_they_are[side] = fit_size(network, replace(fast, least_px=1), pictures).size[0]
    assert sizes == {30: (60, 32), 64: (80, 64), 500: (80, 80)}
    assert sizes_as_they_are == {30: 40, 64: 80, 500: 80}
    assert fit_size(network, replace(fast, size_px=96), pictures).size == (96, 96)
    assert fit_size(network, replace(fast, weights="embedded"), pictures).size == network.preprocess.size


@pytest.mark.parametrize("layout", ["channels-last", "contiguous"])
def test_precision_and_layout_can_be_forced(photos, tmp_path, layout):
    forced = {"precision": "fp32", "layout": layout, "epochs": 1}
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, **forced})
    machine = json.loads((run.path / "recipe.json").read_text())["machine"]
    assert (machine["precision"], machine["channels_last"]) == ("fp32", layout == "channels-last")


def test_every_epoch_has_its_row_and_those_that_are_validated_say_so(photos, tmp_path):
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **{**QUICK, "epochs": 5, "validate_every_epochs": 2})
    lines = read_metrics(run.path)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["epoch"] for line in lines if "val_accuracy" in line] == [2, 4, 5]
    assert all(math.isfinite(line["train_loss"]) and line["images_per_second"] > 0 for line in lines)
    log = (run.path / "log.txt").read_text()
    assert log.count("epoch   ") == 5 and log.count(" val loss ") == 3


def test_unknown_names_offer_the_nearest(tmp_path):
    for call, message in (
        (lambda: striate.train("digits", "lenet6"), "unknown model 'lenet6'; did you mean 'lenet5'"),
        (lambda: striate.train("digits", recipe="defualt"), "unknown recipe 'defualt'; did you mean 'default'"),
        (lambda: striate.train("digits", epoch=3), "unknown recipe field 'epoch'; did you mean 'epochs'"),
        (lambda: striate.train("digits", precision="bf61"), "unknown precision 'bf61'; did you mean 'bf16'"),
    ):
        with pytest.raises(StriateError, match=message):
            call()


def test_next_free_numbers(tmp_path):
    assert next_free(tmp_path, "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").mkdir()
    assert next_free(tmp_path, "a") == tmp_path / "a-3"


def test_a_copy_of_a_run_works_elsewhere(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "elsewhere")
    assert striate.load(tmp_path / "elsewhere").classes == finished.classes
