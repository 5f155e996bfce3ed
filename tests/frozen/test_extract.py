"""Features of layers, and linear classifiers of them: by hand, by a second route, against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from striate.core.errors import StriateError
from striate.data.picture import normalise, to_network_size
from striate.frozen.extract import depths_of, features_of
from striate.frozen.linear import cross_validate, fit, folds_of, held_out, softmax
from striate.models import create_model, list_models
from striate.models.linear_probe import PRE_LOGITS, LinearProbe, read_layers, widths
from striate.runtime.runtime import Runtime

SPARED = ("resnet1202", "densenet_bc190_40", "lenet5_1998")  # large, large, and without weights in its last layer
PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=1)


@pytest.fixture(scope="module")
def network():
    """resnet20 whose batch norms have seen something."""
    torch.manual_seed(0)
    network = create_model("resnet20", classes=3).train()
    with torch.no_grad():
        network(torch.randn(16, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def pictures(network):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (6, 3, *network.preprocess.resize), generator=generator, dtype=torch.uint8)


def test_features_are_the_layers_own_outputs_averaged(network, pictures):
    layers = ("layer1", "layer2.0.conv1", "layer3", PRE_LOGITS)
    found = features_of(network, pictures.split(4), network.preprocess, layers, PLAIN)
    images = normalise(to_network_size(pictures, network.preprocess), network.preprocess)
    x = network.relu(network.bn1(network.conv1(images)))
    one = network.layer1(x)
    inside = network.layer2[0].conv1(one)
    last = network.layer3(network.layer2(one))
    for layer, maps in zip(layers, (one, inside, last, last), strict=True):
        torch.testing.assert_close(found[layer], maps.mean((2, 3)).detach(), rtol=1e-4, atol=1e-5)


def test_the_network_is_left_as_it_was(network, pictures):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    features_of(network, [pictures], network.preprocess, depths_of(network), PLAIN)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    network.eval()


def test_a_layer_that_there_is_not_is_named(network, pictures):
    with pytest.raises(StriateError, match="unknown layer of resnet20 'layer33'; did you mean 'layer3'"):
        features_of(network, [pictures], network.preprocess, ["layer33"], PLAIN)


@pytest.mark.parametrize("name", [name for name in list_models() if name not in SPARED])
def test_every_network_has_features_by_depth(name):
    with torch.device("meta"):
        network = create_model(name).eval()
    layers = depths_of(network)
    assert layers[-1] == PRE_LOGITS
    found = widths(network, layers)
    expected = [feature.channels for feature in network.features_info[:-1]]
    assert found[:-1] == expected
    assert found[-1] == network.get_classifier().weight.shape[1]


def test_a_tapped_network_reads_its_layers_side_by_side(network):
    tapped = LinearProbe(network, ("layer1", "layer2", PRE_LOGITS), classes=4).eval()
    images = torch.randn(2, 3, 32, 32)
    joined = torch.cat(read_layers(network, images, ("layer1", "layer2", PRE_LOGITS)), 1)
    assert joined.shape == (2, 16 + 32 + 64)
    by_hand = joined @ tapped.classifier.weight.T + tapped.classifier.bias
    torch.testing.assert_close(tapped(images), by_hand, rtol=1e-5, atol=1e-5)
    with pytest.raises(StriateError, match="unknown layer of resnet20 'layr1'; did you mean 'layer1'"):
        LinearProbe(network, ("layr1",), classes=4)


@pytest.fixture(scope="module")
def digits():
    numbers, labels = load_digits(return_X_y=True)
    return numbers[:300], labels[:300].astype(np.int64)


def test_a_fit_is_scikit_learns_fit_of_standardised_features(digits):
    """Where all features vary alike, the least deviation makes each 1.01 times as large in its square."""
    features, labels = digits
    features = features[:, features[:200].std(0) > 0]
    features = (features - features[:200].mean(0)) / features[:200].std(0)
    ours = fit(features[:200], labels[:200], 10, C=0.1)
    theirs = LogisticRegression(C=0.1 / 1.01, max_iter=10_000).fit(features[:200], labels[:200])
    np.testing.assert_allclose(softmax(ours.logits(features[200:])), theirs.predict_proba(features[200:]), atol=2e-3)


def test_a_feature_that_hardly_varies_decides_nothing(digits):
    """Standardised without regard, its rare deviation on another picture would be a thousand times its usual one."""
    features, labels = digits
    still = np.full((300, 1), 0.5)
    still[0] += 1e-4
    linear = fit(np.concatenate([features[:200], still[:200]], 1), labels[:200], 10, C=1.0)
    other = np.concatenate([features[200:], np.full((100, 1), 0.6)], 1)
    usual = fit(features[:200], labels[:200], 10, C=1.0).logits(features[200:])
    np.testing.assert_allclose(linear.logits(other), usual, atol=0.05)


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_two_classes_are_told_apart_as_by_scikit_learn(digits, kind):
    features, labels = digits
    two = labels < 2
    found = cross_validate(features[two], labels[two], 2, kind)
    assert found.accuracy > 0.97
    one = fit(features[two], labels[two], 2, 0.1)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(features[two], labels[two])
    np.testing.assert_allclose(softmax(one.logits(features[two])), theirs.predict_proba(features[two]), atol=2e-3)


def test_cross_validation_agrees_with_scikit_learns(digits):
    features, labels = digits
    found = cross_validate(features, labels, 10)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=found.C, max_iter=10_000))
    assert abs(found.accuracy - cross_val_score(theirs, features, labels, cv=5).mean()) < 0.03
    low, high = found.interval
    assert low < found.accuracy < high


def test_folds_hold_every_picture_once_and_every_class_alike(digits):
    _, labels = digits
    fold = folds_of(labels)
    counts = np.array([np.bincount(labels[fold == number], minlength=10) for number in range(5)])
    assert counts.sum() == len(labels)
    assert (counts.max(0) - counts.min(0)).max() <= 1
    assert counts.sum(1).max() - counts.sum(1).min() <= 1


def test_a_class_of_one_picture_does_not_stop_it(digits):
    features, labels = digits
    labels = labels.copy()
    labels[0] = 10
    found = held_out([features], labels, 11, C=0.1)
    assert found.logits.shape == (300, 11)
    assert found.logits[0].argmax() != 10  # nobody who did not see it can know
    assert found.accuracy > 0.8


def test_one_picture_is_too_few():
    with pytest.raises(StriateError, match="a linear classifier needs at least two pictures, got 1"):
        cross_validate(np.zeros((1, 3)), np.zeros(1, np.int64), 2)
