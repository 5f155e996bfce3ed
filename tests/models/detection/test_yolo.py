"""YOLO: figure 3 counted, boxes into cells and back, and every sum of the loss by hand."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

from made_up_truth import truth_of
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.detection.yolo import BOXES, GRID, YOLO, PaperYOLO, decode, encode

torch.set_num_threads(1)
SIZE = (280, 140)  # a cell is 40 px high and 20 wide


class Saying(YOLO):
    """A network that says what it was told, without looking."""

    def __init__(self, said: Tensor) -> None:
        super().__init__()
        self.said = said

    def require_size(self, height: int, width: int) -> None:
        """Any."""

    def require_fit(self, images: Tensor) -> None:
        """Any."""

    def cells(self, images: Tensor) -> Tensor:
        return self.said


def images(count: int = 1) -> Tensor:
    return torch.empty(count, 3, *SIZE)


def test_figure_3_is_counted() -> None:
    with torch.device("meta"):
        network = create_model("yolo_v1")
        assert isinstance(network, PaperYOLO)
        convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        assert len(convolutions) == 24
        assert network.features(torch.empty(1, 3, 448, 448)).shape == (1, 1024, 7, 7)
        assert network.cells(torch.empty(1, 3, 448, 448)).shape == (1, 7, 7, 30)
        assert [layer.out_features for layer in network.classifier if isinstance(layer, nn.Linear)] == [
            4096,
            7 * 7 * 30,
        ]
        assert [feature.stride for feature in network.features_info] == [2, 4, 8, 16, 32, 64]
        with pytest.raises(StriateError, match="yolo_v1 takes pictures of 448x448 px and no others, got 300x300"):
            network(torch.empty(1, 3, 300, 300))


def test_a_box_in_its_cell_by_hand() -> None:
    """Middle at x 50 and y 100, both 2.5 cells; 35 px of 140 wide, 70 of 280 high: a quarter, whose root is half."""
    cells = encode(truth_of([(32.5, 65, 67.5, 135, 1)]), SIZE)
    assert (cells.box >= 0).nonzero().tolist() == [[0, 2, 2]]
    assert cells.said[0, 2, 2].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert cells.judged.all()


places = st.lists(st.integers(0, GRID * GRID - 1), unique=True, max_size=8)
share = st.integers(1, 15).map(lambda part: part / 16)


@given(places, st.data())
def test_encoding_is_lossless_where_no_two_boxes_share_a_cell(cells: list[int], data: st.DataObject) -> None:
    height, width = SIZE
    rows = []
    for cell in cells:
        x = (cell % GRID + data.draw(share)) / GRID * width
        y = (cell // GRID + data.draw(share)) / GRID * height
        half_width, half_height = data.draw(share) * width / 2, data.draw(share) * height / 2
        rows.append((x - half_width, y - half_height, x + half_width, y + half_height, 0))
    truth = truth_of([], rows)
    asked = encode(truth, SIZE)
    there = asked.box >= 0
    assert sorted(asked.box[there].tolist()) == list(range(len(rows)))
    found = decode(asked.said[..., None, :])[there][:, 0] * torch.tensor([width, height, width, height])
    torch.testing.assert_close(found, truth.boxes[asked.box[there]], rtol=1e-4, atol=1e-2)


def test_of_two_boxes_in_one_cell_the_first_is_kept_and_what_is_ignored_silences_its_cell() -> None:
    rows = [(32, 65, 67, 135, 1), (40, 80, 60, 120, 0), (0, 0, 10, 10, 2)]
    cells = encode(truth_of(rows, ignored=[2]), SIZE)
    assert cells.box[0, 2, 2] == 0
    assert (cells.box >= 0).sum() == 1
    assert (~cells.judged).nonzero().tolist() == [[0, 0, 0]]


def test_every_sum_of_the_loss_by_hand() -> None:
    """The second box of the cell has the truth's sides and is off by a tenth of a cell; it is the responsible one."""
    said = torch.zeros(1, GRID, GRID, 5 * BOXES + 2)
    cell = said[0, 2, 2]
    cell[:5] = torch.tensor([0.5, 0.5, 0.1, 0.1, 0.25])
    cell[5:10] = torch.tensor([0.6, 0.5, 0.5, 0.5, 0.75])
    cell[10:] = torch.tensor([0.25, 0.5])
    said[0, 0, 0, 4] = 1.0  # an ignored box lies here: it costs nothing
    said[0, 6, 6, 9] = 1.0
    truth = truth_of([(32.5, 65, 67.5, 135, 1), (0, 0, 10, 10, 0)], ignored=[1])
    losses = Saying(said).losses(images(), truth)
    moved = 0.1 / GRID  # of the picture, of a box a quarter wide: what both share over what they cover together
    iou = (0.25 - moved) / (0.25 + moved)
    assert {name: round(loss.item(), 6) for name, loss in losses.items()} == {
        "centre": round(5 * 0.1**2, 6),
        "size": 0.0,
        "object": pytest.approx((0.75 - iou) ** 2, abs=1e-5),
        "no_object": 0.5 * (0.25**2 + 1.0),
        "class": 0.25**2 + (0.5 - 1) ** 2,
    }


def test_sides_are_compared_by_their_roots() -> None:
    said = torch.zeros(1, GRID, GRID, 5 * BOXES + 1)
    said[0, 2, 2, :4] = torch.tensor([0.5, 0.5, 0.3, 0.6])
    found = Saying(said).losses(images(), truth_of([(32.5, 65, 67.5, 135, 0)]))
    assert found["size"].item() == pytest.approx(5 * (0.2**2 + 0.1**2))


def test_scores_are_confidence_times_probability() -> None:
    said = torch.zeros(1, GRID, GRID, 5 * BOXES + 2)
    said[0, 2, 2, :5] = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.8])
    said[0, 2, 2, 10:] = torch.tensor([0.25, 0.75])
    found = Saying(said)(images())[0]
    middle = 2.5 / GRID
    edges = [middle - 0.125, middle - 0.125, middle + 0.125, middle + 0.125]
    torch.testing.assert_close(found[:2], torch.tensor([[*edges, 0.8 * 0.75, 1], [*edges, 0.8 * 0.25, 0]]))
    assert not found[2:].any()
