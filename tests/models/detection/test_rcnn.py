"""R-CNN: regions warped with context by hand, what fine-tuning draws, and what is solved for at the end."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from made_up_truth import MadeUp, truth_of
from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.models import create_model
from striate.models.detection.coder import encode
from striate.models.detection.fast_rcnn import windows
from striate.models.detection.proposals import Proposed
from striate.models.detection.rcnn import RCNN, warped
from striate.models.detection.rcnn_solving import MEAN_NORM, NEVER, PENALTY
from striate.models.detection.regions import Regions, all_regions, drawn_regions, with_truth
from striate.models.network import Network
from striate.ops.boxes import pairwise_iou
from striate.ops.hard_negatives import MinedSVM
from striate.ops.ridge import ridge
from striate.ops.sliding_windows import sliding_windows

torch.set_num_threads(1)
SIDE = 8


class Small(Network):
    """A convolution and a dense layer."""

    classifier_name = "head.fc"

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, stride=2)
        self.head = nn.Sequential(OrderedDict(hidden=nn.Linear(4 * 16, 24), relu=nn.ReLU(), fc=nn.Linear(24, 1)))
        self.features_info = (Feature("conv", 4, 2),)
        self.preprocess = Preprocess((SIDE, SIDE))

    def forward_features(self, images: Tensor) -> Tensor:
        return self.conv(images)

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        return (self.head[:-1] if pre_logits else self.head)(features.flatten(1))


def small(classes: int = 2) -> RCNN:
    torch.manual_seed(0)
    network = RCNN(Small(), SIDE, 1, 4 * 16, classes)
    network.preprocess = Preprocess((96, 96), (96, 96))
    return network.eval()


def scenes() -> tuple[Tensor, MadeUp]:
    """Three pictures of noise with bright squares: of class 0 in the first colour, of class 1 in the second."""
    images = 0.1 * torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    rows = [[(2, 2, 34, 34, 0), (50, 49, 82, 81, 1)], [(20, 46, 52, 78, 1)], [(34, 30, 66, 62, 0)]]
    for image, objects in zip(images, rows, strict=True):
        for left, top, right, bottom, label in objects:
            image[label, top:bottom, left:right] += 2.0
    return images, truth_of(*rows)


def test_a_warped_region_by_hand() -> None:
    """4x4 px of a region to 8 px of which 2 at every edge are context: the 8x8 px around it as they are."""
    image = torch.arange(256.0).reshape(1, 1, 16, 16)
    region = Regions(torch.tensor([[6.0, 5.0, 10.0, 9.0]]), torch.tensor([0]))
    torch.testing.assert_close(warped(image, region, 8, 2), image[:, :, 3:11, 4:12])
    twice = warped(image, Regions(region.boxes * torch.tensor([1.0, 0, 1, 2]), region.picture), 8, 2)
    assert twice.shape == (1, 1, 8, 8)  # 18 px tall: another shape, warped to the same square


def test_beyond_the_edge_is_the_mean_colour() -> None:
    image = torch.ones(1, 1, 16, 16)
    corner = Regions(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([0]))
    found = warped(image, corner, 8, 2)[0, 0]
    assert (found[2:, 2:] == 1).all()
    assert (found[0] == 0).all()  # more than a pixel outside
    assert (found[:, 0] == 0).all()


def test_a_quarter_of_what_is_learned_from_are_positives() -> None:
    _, truth = scenes()
    network = small()
    boxes = torch.from_numpy(sliding_windows((96, 96), [1 / 3], step=0.125)).expand(3, -1, -1)
    proposed = Proposed(boxes, torch.ones(boxes.shape[:2], dtype=torch.bool))
    drawn = drawn_regions(with_truth(proposed, truth), truth, network.learning)
    for number in range(3):
        here = drawn.regions.picture == number
        positive = drawn.matches[here] >= 0
        assert (len(positive), int(positive.sum())) == (16, 4)  # of eight pictures, 96 and 32
        iou = pairwise_iou(truth.boxes[truth.picture == number], drawn.regions.boxes[here]).amax(0)
        assert torch.equal(iou >= 0.5, positive)


def test_the_loss_is_the_mean_over_pictures_of_the_mean_over_regions() -> None:
    images, truth = scenes()
    network = small()
    torch.manual_seed(5)
    loss = network.losses(images, truth)["class"]
    torch.manual_seed(5)
    drawn = drawn_regions(with_truth(windows(images), truth), truth, network.learning)
    logits = network.body(warped(images, drawn.regions, SIDE, 1))
    label = torch.where(drawn.matches >= 0, truth.labels[drawn.matches.clamp_min(0)] + 1, 0)
    torch.testing.assert_close(loss, F.cross_entropy(logits, label))  # every picture has 16


def fitted(steps: int = 0) -> tuple[RCNN, Tensor, MadeUp]:
    """A network after some steps of fine-tuning, and what it was solved on."""
    images, truth = scenes()
    network = small()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        with torch.enable_grad():
            network.losses(images, truth)["class"].backward()
        optimizer.step()
        optimizer.zero_grad()
    network.fit_at_end([(images[:2], truth_of(*rows_of(truth, 0, 1))), (images[2:], truth_of(*rows_of(truth, 2)))])
    return network, images, truth


def rows_of(truth: MadeUp, *numbers: int) -> list[list[tuple[float, ...]]]:
    rows = torch.cat([truth.boxes, truth.labels[:, None].float()], 1)
    return [[tuple(row) for row in rows[truth.picture == number].tolist()] for number in numbers]


@torch.no_grad()
def test_svms_are_those_of_the_features_with_negatives_below_0_3() -> None:
    network, images, truth = fitted()
    objects = network.read(images, Regions(truth.boxes, truth.picture)).units.double()
    scale = MEAN_NORM / objects.norm(dim=1).mean()
    for label in (0, 1):
        machine = MinedSVM(objects[truth.labels == label] * scale)
        for number in range(3):
            proposals = windows(images[number, None])
            of_class = truth.boxes[(truth.picture == number) & (truth.labels == label)]
            units = network.read(images[number, None], all_regions(proposals)).units.double() * scale
            near = pairwise_iou(of_class, proposals.boxes[0]).amax(0) if len(of_class) else torch.zeros(len(units))
            machine.look(units[near < 0.3])  # those on objects of the other class too
        machine.solve()
        torch.testing.assert_close(network.svm.weight[label], (machine.weight * scale).float(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(network.svm.bias[label].item(), machine.bias, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_boxes_are_ridge_regressions_of_proposals_above_0_6() -> None:
    network, images, truth = fitted()
    maps, codes = [], []
    for number in range(3):
        proposals = windows(images[number, None])
        here = truth.picture == number
        most, which = pairwise_iou(truth.boxes[here], proposals.boxes[0]).max(0)
        chosen = (most > 0.6) & (truth.labels[here][which] == 0)
        maps.append(network.read(images[number, None], all_regions(proposals)).maps[chosen])
        codes.append(encode(truth.boxes[here][which][chosen], proposals.boxes[0][chosen]))
    features, wanted = torch.cat(maps), torch.cat(codes)
    assert len(features) == 2
    scale = MEAN_NORM / features.norm(dim=1).mean()
    weight, bias = ridge(features * scale, wanted, PENALTY)
    torch.testing.assert_close(network.boxes.weight[:4], (weight * scale).float(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(network.boxes.bias[:4], bias.float(), rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_objects_are_found_by_svms_and_by_the_classifier_before() -> None:
    network, images, truth = fitted(steps=60)
    found = network(images)
    for box, label, picture in zip(truth.boxes, truth.labels, truth.picture, strict=True):
        on_it = found[picture][pairwise_iou(box[None], found[picture, :, :4] * 96)[0] > 0.5]
        assert on_it[0, 5] == label  # the best of them
    proposed = Proposed(truth.boxes[truth.picture == 1][None], torch.ones(1, 1, dtype=torch.bool))
    units = network.read(images[1, None], all_regions(proposed)).units
    best = network(images[1, None], proposed)[0, :, 4].max()
    torch.testing.assert_close(best, network.svm(units).sigmoid().max())
    before = small()
    shares = before.body(warped(images[1, None], all_regions(proposed), SIDE, 1)).softmax(1)[0, 1:]
    torch.testing.assert_close(before(images[1, None], proposed)[0, :, 4].max(), shares.max())


@torch.no_grad()
def test_solving_again_gives_the_same_bits() -> None:
    network, images, truth = fitted()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.fit_at_end([(images[:2], truth_of(*rows_of(truth, 0, 1))), (images[2:], truth_of(*rows_of(truth, 2)))])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_ignored_boxes_are_neither_objects_nor_background_and_a_class_may_have_none() -> None:
    images, truth = scenes()
    network = small(classes=3)
    without = truth_of(*rows_of(truth, 0, 1, 2), ignored=[1])
    network.fit_at_end([(images, without)])
    assert network.svm.bias[2] == NEVER
    assert not network.svm.weight[2].any()
    assert not network.boxes.weight[8:].any()
    assert network.svm.weight.isfinite().all()


def test_weights_of_another_number_of_classes_bring_nothing_solved() -> None:
    network = fitted()[0]
    assert network.svm.solved.all()
    network.reset_classifier(5)
    assert not network.svm.solved.any()
    assert (network.svm.weight.shape, network.boxes.weight.shape) == ((5, 24), (20, 64))


def test_it_begins_with_the_packaged_network() -> None:
    packaged = create_model("quick_regnet26", weights="embedded").state_dict()
    network = create_model("rcnn_quick_regnet26", classes=3, weights="embedded")
    found = network.state_dict()
    assert torch.equal(found["body.layer4.1.bn3.running_var"], packaged["layer4.1.bn3.running_var"])
    assert found["body.fc.weight"].shape == (4, 384)
    with pytest.raises(StriateError, match=r"the alexnet given are not those of"), torch.device("meta"):
        create_model("rcnn_alexnet").begin_with(packaged)
