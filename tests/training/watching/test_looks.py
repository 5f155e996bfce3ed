"""What runs look like inside while they train: drawn from their states, of weights that are only read."""

import io
import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from factories import network_of, trial_of
from grown import begin, of, with_states
from striate.core.own_code import Written
from striate.deploy.bundle import save_config, save_weights
from striate.models import create_model
from striate.report.look.filters import as_picture
from striate.tasks import TASKS
from striate.training.folder.layout import STATE
from striate.training.folder.state import TENSORS, Counters, save_state
from striate.training.watching import looks as looking
from striate.training.watching.looks import Looks
from striate.training.watching.pace import LEAST_REST_SECONDS, REST, Pace
from striate.training.watching.sheets import FILTER_PX, sheets


@pytest.fixture
def run(tmp_path, photos):
    return begin(tmp_path / "runs" / "cats", **of(photos))


def drawn(seed: int):
    torch.manual_seed(seed)
    return create_model("lenet5")


def look(looks: Looks, times: int = 1) -> Looks:
    for _ in range(times):
        looks._pace = Pace(lambda: 0.0)  # as if much later
        looks.look()
    return looks


def pixels(sheet) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(sheet.png)))


def test_each_state_is_drawn_with_its_own_filters(run, photos):
    networks = [drawn(seed) for seed in (1, 2)]
    for step, network in zip((10, 20), networks, strict=True):
        with_states(run, photos, {"network": network}, step)
    looks = look(Looks(run), 3)
    assert (list(looks.by_checkpoint), looks.problem, len(looks.names)) == (["10", "20"], "", 4)
    for network, found in zip(networks, looks.by_checkpoint.values(), strict=True):
        weights = network.features.c1.weight.detach().double().numpy()
        assert found[0].title == "features.c1: 6 filters"
        for unit, weight in enumerate(weights):
            left = unit * (FILTER_PX + 2)
            tile = pixels(found[0])[:FILTER_PX, left : left + FILTER_PX]
            expected = as_picture(weight, np.abs(weights).max())[..., 0]
            assert set(np.unique(tile)) == set(np.unique(expected))
            assert (tile[3, 3], tile[-4, -4]) == (expected[0, 0], expected[-1, -1])
    first, second = (found[1].png for found in looks.by_checkpoint.values())
    assert first != second


def test_the_average_is_shown_where_a_run_keeps_one(run, photos):
    with_states(run, photos, {"network": drawn(1), "ema": drawn(2)}, 10)
    plain = begin(run.parent / "plain", **of(photos))
    with_states(plain, photos, {"network": drawn(2)}, 10)
    assert look(Looks(run)).by_checkpoint == look(Looks(plain)).by_checkpoint != {}


def test_the_best_weights_are_shown_of_a_run_without_a_state(run, photos):
    with_states(run, photos, {"network": drawn(1)})
    save_weights(run, drawn(1))
    assert list(look(Looks(run)).by_checkpoint) == ["best"]


def test_before_the_first_validation_there_is_nothing(run):
    save_state(run / STATE, {"network": drawn(1)}, {}, Counters(step=10))
    assert look(Looks(run)).to_dict() == {"problem": "", "pictures": (), "looks": []}


def test_a_state_that_is_damaged_is_a_sentence_until_there_is_another(run, photos):
    with_states(run, photos, {"network": drawn(1)}, 10)
    file = run / STATE / "step-00000010" / TENSORS
    file.write_bytes(file.read_bytes()[:1000])
    looks = look(Looks(run), 2)
    assert looks.problem.startswith(f"{file} is damaged: ")
    with_states(run, photos, {"network": drawn(1)}, 20)
    assert (list(look(looks).by_checkpoint), looks.problem) == (["20"], "")


def test_what_a_drawing_raises_is_a_sentence_until_there_is_another(run, photos, monkeypatch):
    def failing(network, images):
        raise RuntimeError("no maps")

    with_states(run, photos, {"network": drawn(1)}, 10)
    with monkeypatch.context() as patched:
        patched.setattr(looking, "sheets", failing)
        looks = look(Looks(run))
    assert looks.problem == f"a state of {run} cannot be drawn (RuntimeError: no maps)"
    with_states(run, photos, {"network": drawn(1)}, 20)
    assert (list(look(looks).by_checkpoint), looks.problem) == (["20"], "")


class Acts:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_nothing_is_unpickled(run, photos):
    with_states(run, photos, {"network": drawn(1)}, 10)
    file = run / STATE / "step-00000010" / TENSORS
    file.write_bytes(pickle.dumps(Acts()))
    assert look(Looks(run)).problem.startswith(f"{file} is damaged: ")


def test_code_of_ones_own_is_not_run(run, photos):
    network = drawn(1)
    with_states(run, photos, {"network": network}, 10)
    network.written = Written("mine.py:Net", "0" * 64)
    network.architecture = "mine.py:Net"
    save_config(run, network, tuple("0123456789"), {})
    assert look(Looks(run)).problem == (
        "mine.py:Net is a network of your own, whose code only runs when it is named: its layers are drawn by "
        f"striate look {run} --model FILE.py:NAME"
    )


def test_pictures_that_have_gone_are_a_sentence_and_come_back(run, photos):
    with_states(run, photos, {"network": drawn(1)}, 10)
    photos.rename(photos.parent / "away")
    looks = look(Looks(run))
    assert looks.problem and not looks.by_checkpoint
    (photos.parent / "away").rename(photos)
    assert (list(look(looks).by_checkpoint), looks.problem) == (["10"], "")


def test_another_run_in_its_place_is_looked_at_anew(run, photos):
    with_states(run, photos, {"network": drawn(1)}, 10)
    looks = look(Looks(run))
    before = looks.by_checkpoint
    shutil.rmtree(run)
    with_states(begin(run, **of(photos)), photos, {"network": drawn(2)}, 10)
    after = look(looks).by_checkpoint
    assert list(before) == list(after) == ["10"] and before != after


def test_of_many_looks_every_second_is_kept(run, photos, monkeypatch):
    monkeypatch.setattr(looking, "MOST_LOOKS", 4)
    looks = Looks(run)
    for step in range(1, 7):
        with_states(run, photos, {"network": drawn(1)}, step)
        look(looks)
    assert list(looks.by_checkpoint) == ["1", "3", "5", "6"]


def test_a_look_is_followed_by_a_rest(run, photos):
    with_states(run, photos, {"network": drawn(1)}, 10, 20)
    looks = Looks(run)
    looks.look()
    looks.look()
    assert list(looks.by_checkpoint) == ["10"]


def test_work_takes_its_share_of_a_core():
    now = [0.0]
    pace = Pace(lambda: now[0])
    with pace.work():
        sum(range(300_000))
    assert not pace.is_due
    now[0] = LEAST_REST_SECONDS
    with pace.work():
        pass
    now[0] += LEAST_REST_SECONDS
    assert pace.is_due
    assert REST == 200  # half a percent, as docs/watch.md has it


@pytest.mark.parametrize("task", TASKS)
def test_the_networks_of_every_task_are_drawn(task):
    network = network_of(trial_of(task).settings["model"], 64).eval()
    images = torch.rand(2, network.in_channels, 64, 64)
    found = list(sheets(network, images))
    assert len(found) > 2
    assert all(pixels(sheet).size > 1000 for sheet in found)
