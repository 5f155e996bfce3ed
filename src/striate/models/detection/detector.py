"""What every network that finds objects can do besides its arithmetic."""

from __future__ import annotations

from typing import ClassVar, Protocol

from torch import Tensor

from striate.answers.detections import DETECTION
from striate.core.errors import StriateError
from striate.models.network import Network

MOST = 100
"""Objects that are answered of a picture: as many as COCO's evaluation counts (cocodataset.org, detection-eval)."""


class Truth(Protocol):
    """The boxes of a batch of pictures, M in all.

    boxes: edges in pixels of the images, float32 (M, 4). labels: class numbers, int64 (M,). picture: number in the
    batch of the picture that each is in, int64 (M,), ascending. ignored: of what is neither to be found nor wrong to
    find, bool (M,). pictures: how many there are.
    """

    @property
    def boxes(self) -> Tensor:
        """See above."""

    @property
    def labels(self) -> Tensor:
        """See above."""

    @property
    def picture(self) -> Tensor:
        """See above."""

    @property
    def ignored(self) -> Tensor:
        """See above."""

    @property
    def pictures(self) -> int:
        """See above."""


class Given(Protocol):
    """The proposals of a batch of pictures: boxes and picture as those of `Truth`, the likeliest of each first."""

    @property
    def boxes(self) -> Tensor:
        """See above."""

    @property
    def picture(self) -> Tensor:
        """See above."""


class Detector(Network):
    """A network of images (N, C, H, W) to the objects in them, (N, `MOST`, 6), best first.

    A row is an object: left, top, right and bottom edge as shares of the input's width and height, its score, 0 to 1,
    and its class number; rows of zeros are none. Images show all of a picture, stretched to the network's size, so that
    shares are of the picture too. A subclass writes `forward` and `losses`; there is no `forward_head`: what heads
    read often lies at several scales.
    """

    task = DETECTION
    smallest_px = 32  # of less the deepest maps have one cell, whose norms and boxes are numbers of nothing
    of_positives: ClassVar[str] = "box"
    """That of `losses` which is 0 where no anchor, cell or point has an object to learn."""

    def finest_px(self, size: tuple[int, int]) -> float:
        """Side of the smallest anchor, window or cell, in pixels of an input of this height and width."""
        raise NotImplementedError

    def _does_not_fit(self, height: int, width: int) -> StriateError:
        return StriateError(
            f"{self.label}: a {height}x{width} picture is too small: nothing in it has enough pixels to be found by; "
            f"the smallest that works is {self.smallest_px}x{self.smallest_px}"
        )

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """What is minimised, by the names of the paper: scalars, each a mean over the pictures."""
        raise NotImplementedError
