"""A run watches itself: real short trainings, spoilt in one way each, are told what is wrong; a good one nothing.

Most runs are of a multi-layer perceptron on the built-in digits, a few epochs of a second or less.
"""

from __future__ import annotations

import ast
import html
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.core.errors import Interrupted, StriateError
from striate.data.sources import open_data
from striate.models import ZOO
from striate.models.perceptron import Perceptron
from striate.ops import shifts
from striate.tasks.segmentation import findings as masks
from striate.training import loop, prepared
from striate.training.folder.layout import read_metrics
from striate.training.job import Job
from striate.training.monitor import findings, fitting, too_little
from striate.training.monitor import monitor as monitor
from striate.training.monitor import status as status
from striate.training.monitor.status import RunStatus
from striate.training.recipe import Recipe

ROOT = Path(__file__).parent.parent.parent.parent
STEPS = 20  # of an epoch of the digits: 1,258 pictures in batches of 64
PLAIN = {"crop_padding_px": 0, "rotate_degrees": 0.0}  # pictures as they are


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """One cache for all runs of this file."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def spoil(monkeypatch):
    """Change the network that a run builds: a function that changes it in place, or returns another."""

    def by(change):
        build = prepared.build_network

        def changed(*arguments):
            network = build(*arguments)
            with torch.no_grad():
                return change(network) or network

        monkeypatch.setattr(prepared, "build_network", changed)

    return by


@pytest.fixture
def train(tmp_path, decoded, monkeypatch):
    """Train, and hand over what the run said: texts by kind. It was said in every place, once."""
    monkeypatch.setenv("STRIATE_CACHE", str(decoded))

    def run(data: Any = "digits", **fields: Any) -> dict[str, str]:
        given = {"recipe": "digits_lenet5", "model": "mlp", "precision": "fp32", "threads": 1, "autotune": False}
        finished = striate.train(data, run=tmp_path / "run", **(given | fields))
        return said(finished.path)

    return run


def said(run: Path) -> dict[str, str]:
    """Findings of a finished run by kind, after a look at every place that must have them."""
    lines = read_metrics(run)
    records = [record for line in lines for record in line.get("findings", ())]
    assert len({record["kind"] for record in records}) == len(records)  # nothing twice
    log = (run / "log.txt").read_text()
    page = html.unescape((run / "report.html").read_text())
    seen = page[page.index('<section id="seen"') :]
    seen = seen[: seen.index("</section>")]
    for record in records:
        where = f"step {record['step']}" if record["step"] == 1 else f"epoch {record['epoch']}, step {record['step']}"
        assert f"seen in {where}: {record['text']}" in log
        assert f"{record['kind'].capitalize()}</b>, epoch {record['epoch']}, step {record['step']}" in seen
        assert record["text"] in seen
        assert not record["text"].endswith(".")
    assert log.count("seen in") == len(records)
    assert records or "Nothing that should worry you" in seen or "It never looked" in seen
    assert not (records and "Nothing that should worry you" in seen)
    return {record["kind"]: record["text"] for record in records}


def digits_labelled(root: Path, labels: Any, count: int) -> Path:
    """`count` scans to train on, labelled by `labels`, and the next 200, labelled rightly, to validate."""
    digits = open_data("digits")
    for number in range(count + 200):
        split, label = ("train", labels[number]) if number < count else ("val", digits.labels[number])
        folder = root / split / digits.classes[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.pictures.decode(number, 1)[:, :, 0]).save(folder / f"{number}.png")
    return root


def test_a_good_run_says_nothing_and_its_figures_are_what_is_usual(train, tmp_path):
    assert train(model="lenet5", epochs=8) == {}
    first, *_, last = looks = [line for line in read_metrics(tmp_path / "run") if "update_ratio" in line]
    assert [line["epoch"] for line in looks] == [1, 3, 8]  # the first, the first after two of warm-up, the last
    assert 1e-3 < first["update_ratio"] < 1e-1
    assert last["update_ratio"] < 1e-3  # the rate has come down
    assert last["dead_share"] < 0.2
    assert last["clean_accuracy"] > 0.9
    assert all(0 < line["grad_norm"] < 100 for line in looks)


def test_a_good_residual_network_says_nothing(train):
    assert train(model="resnet20", epochs=4, peak_lr=0.05, size_px=16) == {}


def test_a_huge_rate_ends_the_run_and_the_log_says_why(train, tmp_path):
    with pytest.raises(StriateError, match="training diverged: the loss") as ended:
        train(epochs=2, peak_lr=900.0)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert f"stopped: {ended.value.in_flags}" in log
    assert "Try a lower rate (--set peak_lr=...) or a warm-up (--set warmup_epochs=3)" in log


def test_a_tiny_rate_is_a_flat_loss_that_a_higher_one_cures(train):
    found = train(epochs=4, peak_lr=1e-7)
    assert list(found) == ["small updates", "flat loss"]  # after the first epoch, and at the end
    text = found["flat loss"]
    assert text.startswith("nothing was learned so far: the loss is ")
    # ln(10) is 2.3026; the classes are nearly equally frequent
    assert "that of knowing only how frequent the classes are is 2.302; validation accuracy is " in text
    ratio, rate = re.search(r"changes the weights by (\S+) of their size.*--set peak_lr=(\S+)$", text).groups()
    # the rate that would change them by a thousandth, by at most a thousand times at once
    assert float(rate) == pytest.approx(1e-7 * min(1000, 1e-3 / float(ratio)), rel=0.4)


def test_after_sixteen_steps_nothing_is_said_of_the_rate(train):
    """Four epochs of four steps: the same tiny rate, but what could anybody know by now?"""
    found = train(epochs=4, peak_lr=1e-7, batch_size=320)
    assert "flat loss" not in found
    assert re.match(
        r"little was learned in 16 steps, and fewer than 50 say nothing of rate or network: train longer "
        r"\(--epochs 13\), or in smaller batches \(--set batch_size=80\), or begin with trained weights",
        found["few steps"],
    )


def coloured(root: Path, count: int = 40) -> Path:
    """Photographs of nothing: noise in two classes that cannot be told apart."""
    for number in range(count):
        folder = root / ("ant", "bee")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return root


def test_few_photographs_and_drawn_weights_are_told_what_helps_before_and_after(train, tmp_path):
    fields = {"recipe": "default", "model": "resnet20", "size_px": 48, "batch_size": 2, "epochs": 4, "peak_lr": 1e-3}
    found = train(coloured(tmp_path / "photos"), **fields)
    assert found["few pictures"].endswith("help most, before any other setting: --weights embedded without --model")
    log = (tmp_path / "run" / "log.txt").read_text()
    advice = "weights drawn at random little; --weights embedded without --model begins with trained"
    before = log.index(f"warning: 28 pictures teach {advice}")
    assert before < log.index("epoch   1/4")


def test_a_rate_of_zero_is_told_as_what_it_is(train):
    found = train(epochs=3, peak_lr=0.0)
    assert set(found) == {"flat loss"}
    assert found["flat loss"].endswith("The rate is 0, so nothing can change: --set peak_lr=0.05")


def test_weights_drawn_as_zero_get_no_gradient(train, spoil):
    def zero(network):
        for parameter in network.parameters():
            parameter.zero_()

    spoil(zero)
    found = train(epochs=3)
    assert "No gradient reaches the weights: usually they were all drawn as zero" in found["flat loss"]
    assert "every picture gets the same answer" in found["flat loss"]
    assert set(found) <= {"flat loss", "dead units"}  # of such a network no ReLU is above zero


def test_a_small_rate_is_told_by_its_updates(train, tmp_path):
    found = train(model="perceptron", epochs=2, peak_lr=1e-5, warmup_epochs=0.0, weight_decay=0.0, momentum=0.0)
    assert "about 0.001 is usual. Learning takes very long at this pace: raise the rate" in found["small updates"]
    ratios = [line["update_ratio"] for line in read_metrics(tmp_path / "run") if "update_ratio" in line]
    assert 0 < max(ratios) < 1e-5


def test_a_rate_that_is_a_little_too_low_is_not_called_too_high(train):
    """The first loss, 3.0, is above that of knowing nothing, and so is a loss that has hardly fallen."""
    found = train(epochs=3, peak_lr=1e-4, warmup_epochs=0.0, weight_decay=0.0, momentum=0.0)
    assert re.search(
        r"by 2e-05 of their size, 0.001 is usual: raise the rate, --set peak_lr=0.00\d$", found["flat loss"]
    )


def test_a_high_rate_is_told_by_its_updates(train, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", 1e12)
    fields = {"momentum": 0.0, "nesterov": False, "schedule": "constant", "warmup_epochs": 0.0}
    found = train(model="perceptron", epochs=3, peak_lr=3.0, **fields)
    line = read_metrics(tmp_path / "run")[-1]
    assert line["update_ratio"] > 0.1
    (rate,) = re.search(
        r"hardly falls. The rate is usually too high: --set peak_lr=(\S+)$", found["large updates"]
    ).groups()
    assert float(rate) == pytest.approx(3.0 * 1e-3 / line["update_ratio"], rel=0.4)


def test_weight_decay_that_eats_the_weights(train):
    found = train(epochs=4, weight_decay=0.5, warmup_epochs=0.0, peak_lr=0.1)
    assert list(found) == ["large decay", "flat loss"]  # after the first epoch, and when nothing has come of it
    for text in found.values():  # 0.1 times 0.5 is 5 % of the weights in every step
        assert "Weight decay takes 5% of the weights in every step at the highest rate" in text
        assert text.endswith("--set weight_decay=0.0005")


def test_few_pictures_are_learnt_by_heart(train, tmp_path):
    """150 pictures, half of them with a label of another class, learnt all the same."""
    chance = np.random.default_rng(0)
    labels = np.where(chance.random(150) < 0.5, chance.integers(0, 10, 150), open_data("digits").labels[:150])
    few = digits_labelled(tmp_path / "few", labels, 150)
    found = train(few, epochs=30, batch_size=16, peak_lr=0.02, weight_decay=0.0, **PLAIN)
    assert set(found) == {"over-fitting"}
    assert re.match(r"over-fitting: \d+\.\d% correct of 128 training pictures \(unvaried\), ", found["over-fitting"])
    assert "The network learns by heart. More pictures help most" in found["over-fitting"]


def test_random_labels_are_learnt_by_heart_and_hold_for_nothing_else(train, tmp_path):
    random = digits_labelled(tmp_path / "random", np.random.default_rng(0).integers(0, 10, 150), 150)
    found = train(random, epochs=40, batch_size=16, peak_lr=0.02, weight_decay=0.0, **PLAIN)
    assert "usually the labels do not belong to the pictures" in found["over-fitting"]


def test_a_run_that_is_too_short_under_fits(train):
    found = train(model="perceptron", epochs=3, peak_lr=0.002, warmup_epochs=0.0)
    assert "under-fitting: only " in found["under-fitting"]
    assert "no gap, so the network could learn more" in found["under-fitting"]
    assert found["under-fitting"].endswith("It was still getting better: train longer (--epochs 6)")


def test_dead_units_are_counted_by_layer(train, spoil):
    def kill(network):
        network.hidden[3].bias[:95].fill_(-100.0)  # the second layer, 100 units; no picture reaches over that

    spoil(kill)
    found = train(epochs=3)
    assert re.match(r"\d\d\d of 400 ReLU channels \(\d\d%\) were zero in all of 128 pictures", found["dead units"])
    assert re.search(r"most in 'hidden.4' \(9\d of 100\)", found["dead units"])


def test_a_first_cost_far_from_that_of_knowing_nothing_is_said_at_once(train, spoil, tmp_path):
    def enlarge(network):
        for parameter in network.parameters():
            parameter.mul_(8)  # three layers: logits some 500 times larger

    spoil(enlarge)
    found = train(epochs=1, peak_lr=1e-4, warmup_epochs=0.0)
    assert f"should begin near {math.log(10):.2f} (ln(10)). It begins sure of wrong answers" in found["first loss"]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.index("seen in step 1: the first loss was") < log.index("epoch   1/1")


def test_gradients_that_vanish_on_their_way_down(train, monkeypatch):
    def deep(classes=10, in_channels=1, size=(28, 28)):
        network = Perceptron((20,) * 24, classes, in_channels, size)
        for number, module in enumerate(network.hidden):
            if isinstance(module, nn.ReLU):
                network.hidden[number] = nn.Sigmoid()
        return network

    monkeypatch.setitem(ZOO, "deep", deep)
    text = train(model="deep", epochs=1)["vanishing gradient"]
    first, last = re.search(r": (\S+) of .* in the first layers \('hidden.1'\), (\S+) in the last", text).groups()
    assert float(first) < 1e-6 * float(last)
    assert "Usually a deep network of saturating units without normalisation" in text


def test_a_gradient_that_explodes_is_told_before_the_loss_does(train, monkeypatch):
    rates = Job.learning_rate
    monkeypatch.setattr(monitor, "EVERY_PICTURES", 1)  # look after every epoch
    # A rate that throws the weights far out in the second-last step, and none in the last, which is looked at.
    wild = {4 * STEPS - 2: 60.0, 4 * STEPS - 1: 0.0}
    monkeypatch.setattr(Job, "learning_rate", lambda job, step, *more: wild.get(step, rates(job, step, *more)))
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", 1e12)
    text = train(epochs=4, warmup_epochs=0.0)["exploding gradient"]
    now, before = re.match(r"the norm of the gradient is (\S+), it was (\S+)\. ", text).groups()
    assert float(now) > 100 * float(before)


def test_a_cost_that_rises(train, monkeypatch):
    rates = {1: 0.3, 2: 1.0, 3: 3.0}  # by epoch; the first is the recipe's
    given = Job.learning_rate
    rising = lambda job, step, *more: rates.get(step // STEPS) or given(job, step, *more)  # noqa: E731
    monkeypatch.setattr(Job, "learning_rate", rising)
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", 1e12)
    text = train(model="perceptron", epochs=4, peak_lr=0.05, warmup_epochs=0.0)["rising loss"]
    best, now = re.match(
        r"the training loss rises: (\S+) at best, (\S+) now. Usually the rate is too high", text
    ).groups()
    assert float(now) > 1.2 * float(best)


def test_statistics_that_do_not_fit_leave_evaluation_at_chance(train, monkeypatch):
    """Batch norm that never learns its running statistics, which evaluation takes."""

    def deaf(classes=10, in_channels=1, size=(28, 28)):
        network = Perceptron((64,), classes, in_channels, size)
        norm = nn.BatchNorm1d(64, momentum=0.0)
        norm.running_mean.fill_(50.0)
        network.hidden[2] = nn.Sequential(norm, nn.ReLU())
        return network

    monkeypatch.setitem(ZOO, "deaf", deaf)
    text = train(model="deaf", epochs=3)["at chance"]
    assert "evaluated the network is at chance with one answer for all pictures" in text
    assert "Usually batch norm's running statistics do not fit: larger batches (--set batch_size=128)" in text


def test_a_rate_that_stays_high_to_the_end(train):
    found = train(epochs=6, schedule="constant")
    assert set(found) == {"late rate"}
    assert found["late rate"].startswith("the run ended at a rate of 0.1, its highest was 0.1.")


def test_a_rate_that_came_down_unseen_is_no_late_rate(train):
    """Validated once, at the end: the only line has the last rate."""
    assert "late rate" not in train(epochs=6, schedule="one_cycle", warmup_epochs=1, validate_every_epochs=6)


def test_a_resumed_run_repeats_what_it_discards_and_no_more(train, tmp_path, monkeypatch):
    whole = train(epochs=3, peak_lr=1e-7)
    shutil.move(tmp_path / "run", tmp_path / "whole")
    step, done = loop.fitting_step, []

    def mortal(*arguments):
        done.append(1)
        if len(done) == 2 * STEPS + 5:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(loop, "fitting_step", mortal)
    with pytest.raises(Interrupted):
        train(epochs=3, peak_lr=1e-7)
    monkeypatch.setattr(loop, "fitting_step", step)
    assert said(striate.resume(tmp_path / "run").path) == whole
    keys = ("epoch", "grad_norm", "update_ratio", "dead_share", "clean_accuracy", "findings")
    both = [[{k: line.get(k) for k in keys} for line in read_metrics(tmp_path / name)] for name in ("run", "whole")]
    assert both[0] == both[1]


def test_looking_changes_no_bit_of_the_result(train, tmp_path, monkeypatch):
    train(epochs=2)
    shutil.move(tmp_path / "run", tmp_path / "watched")
    monkeypatch.setattr(monitor.TrainingMonitor, "is_due", lambda self, epoch: False)
    train(epochs=2)
    names = [tmp_path / name / "model.safetensors" for name in ("run", "watched")]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert "It never looked" in (tmp_path / "run" / "report.html").read_text()


def kinds(*modules) -> set[str]:
    """Every kind of finding in some sources."""
    trees = [ast.parse(Path(module.__file__).read_text()) for module in modules]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [node for node in nodes if getattr(node.func, "id", "") == "Finding"]
    return {call.args[0].value for call in calls}


def paragraphs() -> dict[str, str]:
    """Title and text of every section of docs/babysitting.md."""
    _, *parts = re.split(r"^## ", (ROOT / "docs" / "babysitting.md").read_text(), flags=re.MULTILINE)
    return {title.lower(): " ".join(text.split()) for title, text in (part.split("\n", 1) for part in parts)}


def test_every_finding_has_its_paragraph_with_what_to_do():
    of_any_run = kinds(findings, fitting, too_little)
    assert len(of_any_run) == len(findings.CHECKS)
    told = of_any_run | kinds(masks)
    assert told <= set(paragraphs())
    assert [kind for kind in told if "**Do**: " not in paragraphs()[kind]] == []


def test_the_page_names_the_limits_of_the_code():
    texts = paragraphs()
    for kind, value in (
        ("small updates", findings.SMALL_RATIO),
        ("large updates", findings.LARGE_RATIO),
        ("flat loss", findings.HEALTHY_RATIO),
        ("flat loss", findings.LARGE_RATIO),
    ):
        assert f"{value:.0e}".replace("e-0", "e-") in texts[kind] or f"{value:g}" in texts[kind], kind
    assert findings.DEAD_IN_A_LAYER == 9 / 10 and "Nine tenths of a layer" in texts["dead units"]
    assert findings.DEAD_IN_ALL == 6 / 10 and "six tenths of all" in texts["dead units"]
    assert f"at least {findings.SMALLEST_LAYER} ReLU channels" in texts["dead units"]
    assert findings.LARGE_DECAY == 1 / 100 and "a hundredth of the weights" in texts["large decay"]
    assert findings.VANISHED == 1e-6 and "a millionth" in texts["vanishing gradient"]
    assert fitting.GAP == 0.1 and "ten points apart" in texts["over-fitting"]
    assert status.GOOD_ACCURACY == 0.9 and "fewer than 90 %" in texts["under-fitting"]
    assert "clearly above 90 %" in " ".join(texts["few pictures"].split())
    assert f"fewer than {status.FEW_PICTURES:,} photographs" in texts["few pictures"]
    assert f"{status.PHOTOGRAPHS_FROM_PX} px and more" in texts["few pictures"]
    assert f"fewer than {status.STEPS_TO_JUDGE} steps" in texts["few steps"]
    assert masks.FOUND_OF_OTHERS == 1 / 10 and "a tenth of the pixels" in texts["one class"]
    assert masks.NEVER_FROM == 1 / 2 and "half of the epochs" in texts["never answered"]
    assert shifts.NEARLY_ALL == 9 / 10 and "nine pictures of ten" in texts["shifted masks"]
    assert f"{shifts.LEAST_SHIFT_PX} to {shifts.REACH_PX} px" in texts["shifted masks"]
    assert findings.LATE_RATE == 0.3 and "30 % of its highest rate" in texts["late rate"]


def test_metrics_stay_json_to_the_letter(train, tmp_path):
    train(epochs=1)

    def refuse(word):
        raise AssertionError(word)

    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_a_rate_is_not_blamed_where_little_of_the_pictures_is_seen():
    recipe = Recipe(model="resnet18", epochs=5)
    line = {"epoch": 5, "step": 500, "lr": 0.0, "train_loss": 0.69, "train_accuracy": 0.5, "val_accuracy": 0.5}
    status = RunStatus(recipe, [line], 0.7, 2, 1.0, math.log(2), 0.5, val_pictures=100, share_seen=0.125)
    (finding,) = [found for found in findings.findings(status) if found.kind == "flat loss"]
    assert finding.text.endswith(
        "The network sees 12.5% of a typical picture, and what tells the classes apart may be in the rest: "
        "--set fit=contain shows all of it, and so does a size of its shape, --size HEIGHTxWIDTH"
    )
    assert "rate" not in finding.text
