"""A step is the step that books have, and what one layer cannot learn two can."""

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

import striate
from striate import StriateError
from striate.playground import Settings
from striate.playground.learner import FEATURES, Learner

OWN = ((1.0, 2.0, 1.0), (-2.0, 0.5, 0.0), (0.5, -1.0, 0.0), (2.0, 2.0, 1.0), (1.0, 1.0, 1.0))

SEED = 3  # whose first line has points on its wrong side


def line_of(learner):
    """Weights and bias of a learner without hidden layers, as numbers of 64 bits."""
    (layer,) = learner.network.linears
    return layer.weight[0].detach().double().numpy().copy(), layer.bias.item()


def first_batch(learner):
    order = np.random.default_rng((learner.settings.seed, 0)).permutation(learner.points.train)
    batch = order[: learner.settings.batch]
    return learner.points.places[batch].astype(float), 2 * learner.points.classes[batch].astype(float) - 1


def slope(learner: str, score: float, sign: float) -> float:
    """Of the loss of one point by its score, written out."""
    if learner == "network":
        return -sign / (1 + np.exp(sign * score))
    reaches = sign * score < (1 if learner == "svm" else 0)
    return -sign if reaches else 0.0


@pytest.mark.parametrize("kind", ["network", "perceptron", "svm"])
def test_a_step_is_the_rule_written_out(kind):
    settings = Settings(
        data="own", points=OWN, learner=kind, train_share=0.8, batch=3, rate=0.2, l1=0.05, l2=0.1, seed=SEED
    )
    learner = Learner(settings)
    weights, bias = line_of(learner)
    places, signs = first_batch(learner)
    slopes = np.array([slope(kind, x @ weights + bias, sign) for x, sign in zip(places, signs, strict=True)])
    assert slopes.any()
    learner.advance(1)
    costs = 0.05 * np.sign(weights) + 0.1 * weights
    after, bias_after = line_of(learner)
    np.testing.assert_allclose(after, weights - 0.2 * ((slopes[:, None] * places).mean(0) + costs), atol=1e-6)
    assert bias_after == pytest.approx(bias - 0.2 * slopes.mean(), abs=1e-6)


def test_support_vectors_are_those_of_a_solver():
    settings = Settings(data="gauss", noise=0.3, learner="svm", batch=250, l2=0.1)
    learner = Learner(settings)
    for rate in (0.5, 0.1, 0.02, 0.004):
        learner.with_rates(rate, l1=0.0, l2=0.1)
        learner.advance(150)
    train = learner.points.train
    solved = SVC(kernel="linear", C=1 / (0.1 * train), tol=1e-6).fit(
        learner.points.places[:train], learner.points.classes[:train]
    )
    weights, bias = line_of(learner)
    np.testing.assert_allclose(weights, solved.coef_[0], rtol=0.02)
    assert bias == pytest.approx(solved.intercept_[0], abs=0.02)


def test_every_point_is_in_one_batch_of_an_epoch():
    learner = Learner(Settings(batch=7))
    seen = torch.cat([next(learner._batches) for _ in range(learner.steps_an_epoch)])
    assert sorted(seen.tolist()) == list(range(learner.points.train))
    assert next(learner._batches).tolist() != seen[:7].tolist()


def test_features_are_what_they_are_called():
    x1, x2 = torch.tensor([0.5]), torch.tensor([-2.0])
    got = {name: float(feature(x1, x2)) for name, feature in FEATURES.items()}
    expected = {
        "x1": 0.5, "x2": -2, "x1^2": 0.25, "x2^2": 4, "x1*x2": -1, "sin x1": np.sin(0.5), "sin x2": np.sin(-2),
    }  # fmt: skip
    assert got == pytest.approx(expected)


def test_steps_are_the_same_however_they_are_asked_for():
    settings = Settings(data="spiral", hidden=(4, 3), activation="relu", rate=0.3, noise=0.1)
    at_once, by_ones = Learner(settings), Learner(settings)
    at_once.advance(30)
    for _ in range(30):
        by_ones.advance(1)
    by_ones.advance(0)
    states = [learner.network.state_dict() for learner in (at_once, by_ones)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_rate_that_changes_holds_from_the_next_step_on():
    learner = Learner(Settings(data="gauss", batch=500))
    before, _ = line_of(learner)
    learner.with_rates(1e-5, 0.0, 10.0)
    learner.advance(1)
    after, _ = line_of(learner)
    assert 0 < np.abs(after - before).max() < 1e-3
    with pytest.raises(StriateError, match="l2 must be between 0.0 and 10.0, got -1"):
        learner.with_rates(0.1, 0.0, -1.0)


def test_time_ends_steps_and_no_points_make_none():
    learner = Learner(Settings())
    learner.advance(1_000, seconds=0.0)
    assert learner.step == 1
    empty = Learner(Settings(data="own"))
    empty.advance(3)
    assert empty.step == 0 and all(np.isnan([score.loss, score.accuracy]).all() for score in empty.score())


@pytest.mark.parametrize("seed", range(3))
def test_xor_fails_with_one_layer_and_succeeds_with_two(seed):
    one = striate.playground.train("xor", steps=600, rate=0.3, seed=seed)
    two = striate.playground.train("xor", hidden=(8,), steps=600, rate=0.3, seed=seed)
    assert one.train.loss > 0.65 and one.test.accuracy < 0.75
    assert two.train.loss < 0.2 and two.test.accuracy > 0.95


def test_a_product_of_features_does_what_a_layer_does():
    assert striate.playground.train("xor", features=["x1*x2"], steps=100).test.accuracy > 0.99


def test_what_is_trained_is_told():
    trained = striate.playground.train("gauss", steps=300)
    assert [trained.curve[0][0], trained.curve[-1][0]] == [0, 300]
    assert trained.curve[-1][1] == trained.train.loss < trained.curve[0][1]
    surface = trained.surface(12)
    assert surface.shape == (12, 12) and surface[0, -1] > 0 > surface[-1, 0]  # north-east is class 1
    assert "network on gauss, hidden (): training loss" in repr(trained)
    with pytest.raises(StriateError, match="steps must be between 0 and 1,000,000, got -1"):
        striate.playground.train("xor", steps=-1)
