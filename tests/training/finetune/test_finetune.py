"""Transfer: the head solved on cached features, stages thawed from the top, frozen layers that stay as they are."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.frozen.linear import Validated
from striate.models import FILES, create_model
from striate.models.imagenet import Published
from striate.models.stages import groups_of, rate_factors, stages_down_to
from striate.models.stored import read_stored
from striate.recipes import get_recipe
from striate.report.facts import Measured, Stage
from striate.tasks.task import NETWORK
from striate.training import clock, loop
from striate.training.finetune import head
from striate.training.finetune.advice import Outlook, advice
from striate.training.finetune.transfer import decide, read_transfer
from striate.training.finetune.unfreezing import UnfreezeSchedule
from striate.training.folder.layout import read_metrics
from striate.training.folder.state import load_state
from striate.training.optim.optimizer import make_optimizer
from striate.training.recipe import Recipe

QUICK = {"epochs": 2, "batch_size": 14, "head_views": 2}


def waves(number, kind):
    """A picture of waves: 0 from left to right, 1 from top to bottom, 2 both."""
    random = np.random.default_rng([number, kind])
    wave = np.sin(np.arange(24) * random.uniform(0.5, 1.3) + random.uniform(0, 6))
    across, down = wave[None, :, None], wave[:, None, None]
    mixed = (across, down, (across + down) / 2)[kind] * random.uniform(40, 100, 3)
    return np.clip(128 + mixed + random.normal(0, 8, (24, 24, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A run of resnet20 on waves of three kinds, which are not the pictures that the tests transfer to."""
    folder = tmp_path_factory.mktemp("waves")
    os.environ["STRIATE_CACHE"] = str(folder / "cache")
    for number, kind in product(range(20), range(3)):
        path = folder / "train" / f"kind {kind}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(waves(number, kind)).save(path)
    return striate.train(folder / "train", "resnet20", run=folder / "run", epochs=10, batch_size=14, size_px=32).path


def file_hash(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def last_state(run):
    """The network of the newest state."""
    network = create_model("resnet20", classes=2)
    recipe = replace(get_recipe("finetune"), model="resnet20")
    networks = {"network": network, "ema": create_model("resnet20", classes=2)}
    load_state(run / "state", networks, {NETWORK: make_optimizer(network, recipe)})
    return network


def test_weights_pick_the_recipe_and_the_network(photos, backbone, tmp_path):
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="head", **QUICK)
    record = json.loads((run.path / "recipe.json").read_text())
    assert (record["recipe_name"], record["recipe"]["model"]) == ("finetune", "resnet20")
    assert record["recipe"]["weights"] == str(backbone)
    assert f"--weights {backbone}" in record["command"]
    assert run.preprocess == replace(read_stored(backbone).preprocess, mirrored=True)
    assert read_metrics(run.path) == []  # the head was solved, nothing trained
    assert run.metrics["epoch"] == 0


def test_the_solved_head_is_the_networks_own(photos, backbone, tmp_path):
    """It tells upright stripes from level ones; all below the head is as it was."""
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="head", **QUICK)
    assert run.metrics["val_top1"] == 1.0
    before = read_stored(backbone).tensors()
    after = read_stored(run.path).tensors()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"fc.weight", "fc.bias"}
    assert after["fc.weight"].shape == (2, 64)
    (log,) = [line for line in (run.path / "log.txt").read_text().splitlines() if line.startswith("tuning")]
    assert log == "tuning the head alone: as asked"
    assert "tuning the head alone: as asked" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("lowest", ["layer3", "layer2"])
def test_frozen_means_frozen_bit_for_bit(photos, backbone, tmp_path, lowest):
    fields = QUICK | {"keep_statistics": False}
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to=lowest, **fields)
    before, after = read_stored(backbone).tensors(), last_state(run.path).state_dict()
    tuned = {"layer3": {"layer3"}, "layer2": {"layer2", "layer3"}}[lowest]
    changed = {name.split(".")[0] for name in before if name in after and not torch.equal(before[name], after[name])}
    assert changed == tuned | {"fc"}
    counted = {name: int(after[name] - before[name]) for name in after if name.endswith("num_batches_tracked")}
    assert counted["layer1.0.bn1.num_batches_tracked"] == 0
    assert counted["layer3.0.bn1.num_batches_tracked"] == 2 * 2


def test_freeze_outlives_train_and_comes_undone():
    network = create_model("alexnet", classes=3)
    network.freeze(["classifier.drop6", "features.conv1"])
    network.train()
    assert not network.get_submodule("classifier.drop6").training
    assert network.get_submodule("classifier.drop7").training
    assert not network.get_submodule("features.conv1").weight.requires_grad
    assert network.get_submodule("features.conv2").weight.requires_grad
    network.freeze([])
    network.train()
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_stages_thaw_from_the_top_over_the_first_half():
    tuning = UnfreezeSchedule(("layer3", "layer2", "layer1"))
    assert [len(tuning.unfrozen_stages(epoch, 12)) for epoch in range(12)] == [1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]
    network = create_model("resnet20")
    tuning.apply(network, 2, 12, keep_statistics=False)
    groups = groups_of(network)
    assert set(network.frozen) == set(groups["layer1"])
    assert "conv1" in network.frozen


def test_the_rate_falls_from_stage_to_stage():
    network = create_model("resnet20", classes=2)
    optimizer = make_optimizer(network, Recipe(model="resnet20", layer_decay=0.5))
    factors = rate_factors(network, 0.5)
    assert (factors[network.fc.weight], factors[network.conv1.weight]) == (1.0, 0.125)
    rates = [(group["lr_factor"], group["weight_decay"]) for group in optimizer.param_groups]
    assert rates == [(factor, decay) for decay in (5e-4, 0.0) for factor in (1.0, 0.5, 0.25, 0.125)]
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(network.parameters()))


def test_a_stage_that_there_is_not_is_named(photos, backbone, tmp_path):
    assert stages_down_to(create_model("resnet20"), "layer2") == ("layer3", "layer2")
    with pytest.raises(StriateError, match="unknown stage of resnet20 'layer4'; did you mean 'layer3'"):
        striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="layer4", **QUICK)
    assert not (tmp_path / "run" / "recipe.json").exists()  # nothing was begun


@pytest.mark.parametrize("die_at", [0, 1, 3])
def test_a_killed_transfer_resumes_to_equal_bytes(photos, backbone, tmp_path, monkeypatch, die_at, death_in_place_of):
    fields = {"weights": backbone, "unfreeze_to": "layer2", **QUICK}
    whole = striate.train(photos, run=tmp_path / "whole", **fields)
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    with death_in_place_of("fitting_step", die_at):
        striate.train(photos, run=tmp_path / "killed", **fields)
    monkeypatch.setattr(loop, "begin", lambda job: read_transfer(job.folder))  # nothing is computed again
    resumed = striate.resume(tmp_path / "killed")
    assert file_hash(resumed.path) == file_hash(whole.path)
    states = [last_state(run.path).state_dict() for run in (whole, resumed)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_run_killed_while_its_head_is_solved_begins_again(photos, backbone, tmp_path, death_in_place_of):
    fields = {"weights": backbone, "unfreeze_to": "layer3", **QUICK}
    whole = striate.train(photos, run=tmp_path / "whole", **fields)
    with death_in_place_of("keep_head"):
        striate.train(photos, run=tmp_path / "killed", **fields)
    assert file_hash(striate.resume(tmp_path / "killed").path) == file_hash(whole.path)


def test_the_head_stays_where_tuning_gains_nothing(photos, backbone, tmp_path):
    fields = QUICK | {"epochs": 8, "peak_lr": 0.0, "stop_after_epochs": 2, "ema_decay": 0.0}
    run = striate.train(
        photos, weights=backbone, run=tmp_path / "run", unfreeze_to="layer3", best_by="accuracy", **fields
    )
    assert run.metrics["epoch"] == 0
    assert [line["epoch"] for line in read_metrics(run.path)] == [1, 2]  # stopped
    report = (run.path / "report.html").read_text()
    assert "head (kept)" in report


def test_full_fine_tuning_is_any_recipe_with_weights(photos, backbone, tmp_path):
    run = striate.train(photos, recipe="default", weights=backbone, run=tmp_path / "run", epochs=1, batch_size=14)
    before, after = read_stored(backbone).tensors(), read_stored(run.path).tensors()
    assert all(not torch.equal(before[name], after[name]) for name in before if name.endswith("conv1.weight"))
    assert (tmp_path / "run" / "transfer.json").exists() is False


def test_features_are_computed_once_per_picture_and_view(photos, backbone, tmp_path, monkeypatch):
    passed, images_features = [], head.images_features

    def counting(network, images, layers, runtime):
        def counted():
            for batch in images:
                passed.append(len(batch))
                yield batch

        return images_features(network, counted(), layers, runtime)

    monkeypatch.setattr(head, "images_features", counting)
    fields = QUICK | {"head_views": 5}
    striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="head", **fields)
    assert sum(passed) == 5 * 28  # 28 of the 40 pictures train


def test_mirrored_and_varied_pictures_are_left_out_where_they_do_harm():
    """Of a class that is the mirror image of another, mirrored views say nothing but the wrong."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    plain = random.normal(0, 0.3, (60, 4))
    plain[:, 0] += 2.0 * labels - 1
    mirrored = plain * np.array([-1.0, 1, 1, 1])
    recipe = Recipe(model="resnet20", flip=True, test_flip=True, min_area=0.5)
    kinds = head.view_kinds(recipe, 4)
    assert kinds == ["plain", "mirrored", "varied", "varied"]
    assert head.best_variety(recipe, kinds, [plain, mirrored, plain, plain], labels, 2, 1.0) == "plain"
    assert head.best_variety(recipe, kinds, [plain, plain, -plain, -plain], labels, 2, 1.0) == "mirrored"
    assert head.best_variety(recipe, kinds, [plain, plain, plain, plain], labels, 2, 1.0) == "varied"


def test_who_mirrors_nothing_gets_no_mirrored_views():
    assert head.view_kinds(Recipe(model="resnet20"), 8) == ["plain"]
    assert head.view_kinds(Recipe(model="resnet20", jitter=0.1), 3) == ["plain", "varied", "varied"]
    assert head.view_kinds(Recipe(model="resnet20", flip=True, jitter=0.1), 1) == ["plain"]


def test_what_does_harm_is_not_tuned_with_either(photos, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(head, "best_variety", lambda *arguments: "plain")
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="layer3", **QUICK)
    transfer = read_transfer(run.path)
    recipe = transfer.fitted(get_recipe("finetune"))
    assert (recipe.flip, recipe.test_flip, recipe.min_area) == (False, False, 0.8)
    assert transfer.views == 1
    assert not run.preprocess.mirrored
    assert "mirrored pictures make the answers worse and are left out" in transfer.sentence


def test_batch_norms_keep_their_statistics_in_tuned_stages_too(photos, backbone, tmp_path):
    fields = QUICK | {"keep_statistics": True}
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="layer3", **fields)
    before, after = read_stored(backbone).tensors(), last_state(run.path).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if "running_" in name)
    assert not torch.equal(before["layer3.0.bn1.weight"], after["layer3.0.bn1.weight"])


def test_the_report_says_what_would_help_most(photos, backbone, tmp_path):
    run = striate.train(photos, weights=backbone, run=tmp_path / "run", unfreeze_to="head", **QUICK)
    report = (run.path / "report.html").read_text()
    assert "What would help most:</strong> nothing that could be seen" in report  # it knows them all


def test_advice_names_the_largest_gain_first():
    stages = [
        Stage(("head",), ("layer3", "layer2"), "", Measured(0.80, (0.7, 0.9)), kept=False),
        Stage(("head", "layer3"), ("layer2",), "1 to 4", Measured(0.85, (0.7, 0.9)), kept=True),
    ]
    found = advice(
        Outlook(pictures=100, errors=10, errors_of_half=16, suspects=1), stages, ("head", "layer3", "layer2")
    )
    # 16 to 10 errors from 50 to 80 pictures: as 1 / n; with all 100, 8 of 100; with 200, 4 of 100
    assert found == (
        "more layers tuned (the last stage brought 5.0 points; --unfreeze-to layer2), "
        "then more pictures (about 4.0 points from twice as many), "
        "then cleaner labels (of 1 of 100 training pictures the features of this run doubt the label, which is at most "
        "1.0 points; striate check --labels asks other features, about all pictures)"
    )
    assert advice(Outlook(100, 0, 0, 0), stages[:1], ("head", "layer3")).startswith("nothing that could be seen")


def job_of(pictures, network):
    return SimpleNamespace(train=SimpleNamespace(indices=np.arange(pictures)), network=network)


def probes_of(*accuracies, pictures=1000):
    layers = ("layer1", "layer2", "last")
    labels = np.zeros(pictures, np.int64)
    found = {}
    for layer, accuracy in zip(layers, accuracies, strict=True):
        logits = np.zeros((pictures, 2))
        logits[:, 1] = np.where(np.arange(pictures) < accuracy * pictures, -1, 1)
        found[layer] = Validated(1.0, logits, labels)
        assert found[layer].accuracy == accuracy
    return found


@pytest.mark.parametrize(
    ("pictures", "accuracies", "tuned", "words"),
    [
        (20, (0.5, 0.6, 0.9), (), "no lower layer is clearly better than the last"),
        (200, (0.5, 0.6, 0.9), ("layer3",), "no lower layer is clearly better than the last"),
        (1_000, (0.5, 0.6, 0.9), ("layer3", "layer2"), "no lower layer is clearly better than the last"),
        (9_000, (0.5, 0.6, 0.9), ("layer3", "layer2", "layer1"), "no lower layer is clearly better than the last"),
        (20, (0.5, 0.9, 0.8), ("layer3",), "layer2 tells them apart clearly better than the last layer"),
        (20, (0.9, 0.6, 0.8), ("layer3", "layer2"), "layer1 tells them apart clearly better than the last layer"),
    ],
)
def test_what_is_tuned_follows_from_pictures_and_probes(pictures, accuracies, tuned, words):
    network = create_model("resnet20")
    found, why = decide(job_of(pictures, network), probes_of(*accuracies))
    assert found == tuned
    assert why.startswith(f"{pictures:,} pictures to train on; linear probes by depth: layer1 {accuracies[0]:.1%}")
    assert words in why


def test_a_probe_of_several_layers_is_a_run_like_any(photos, backbone, tmp_path):
    run = striate.train(photos, weights=backbone, layers=("layer1", "last"), run=tmp_path / "run", head_views=2)
    record = json.loads((run.path / "recipe.json").read_text())
    assert record["recipe_name"] == "probe"
    assert run.network.get_classifier().weight.shape == (2, 16 + 64)
    assert run.metrics["val_top1"] == 1.0
    again = striate.load(run.path)
    answers = [opened.predict(photos / "level" / "03.png") for opened in (run, again)]
    assert answers[0] == answers[1]
    assert answers[0][0].label == "level"
    assert "--set layers=layer1,last" in record["command"]
    with pytest.raises(StriateError, match="is a probe of resnet20; take the weights that it was made from"):
        create_model("resnet20", weights=run.path)


def test_a_support_vector_machine_too(photos, backbone, tmp_path):
    run = striate.train(photos, weights=backbone, recipe="probe", head="svm", head_views=2, run=tmp_path / "run")
    assert run.metrics["val_top1"] == 1.0


def test_official_weights_in_torch_hubs_folder_serve_without_a_network(photos, tmp_path, monkeypatch):
    hub = tmp_path / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    torch.save(create_model("resnet20", classes=5).state_dict(), hub / "raw.pth")
    content = (hub / "raw.pth").read_bytes()
    name = f"resnet20-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (hub / name).write_bytes(content)
    monkeypatch.setitem(FILES["imagenet"], "resnet20", Published(name))
    fields = QUICK | {"model": "resnet20", "weights": "imagenet", "size_px": 32, "unfreeze_to": "head"}
    run = striate.train(photos, run=tmp_path / "run", **fields)
    assert torch.equal(read_stored(run.path).tensors()["conv1.weight"], torch.load(hub / name)["conv1.weight"])
    assert json.loads((run.path / "recipe.json").read_text())["recipe"]["weights"] == "imagenet"


def test_whitening_and_weights_exclude_each_other():
    with pytest.raises(StriateError, match="whiten draws the first layer anew, which weights bring along; leave one"):
        Recipe(model="resnet20", weights="embedded", whiten=True)
