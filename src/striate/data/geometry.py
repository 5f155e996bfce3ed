"""Which part of each picture of a batch was taken: it moves pixels, and masks, boxes and points with them.

N pictures, C channels, h w pixels of the working size, H W pixels of the result. Pixels are moved by one gather where
they stay whole (crop, mirror), by one bicubic scaling of a box of each picture (scale, aspect), or by one bilinear
resampling (rotation).

Coordinates are x to the right and y downwards in pixels, from the upper left corner of the picture: edges of pixels are
whole numbers, and the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Geometry:
    """The part of each picture that the result shows: a rectangle, turned about its middle, mirrored and scaled.

    working: height and width of the pictures. size: of the result. offsets: float64 (N, 2), from the middle of the
    picture to that of its part. extents: float64 (N, 2), width and height of the part. Both are in working pixels, x
    before y; whole pixels are taken where the parts are upright. mirrored: bool (N,), left and right change places in
    the result. radians: float32 (N,), by which parts are turned from x towards y, which is clockwise as pictures are
    shown; None: all are upright. All lie on the processor.

    >>> geometry = whole_pictures(2, (4, 6))[1:]
    >>> len(geometry), geometry.points(torch.tensor([[6.0, 4.0]]), torch.tensor([0])).tolist()
    (1, [[6.0, 4.0]])
    """

    working: tuple[int, int]
    size: tuple[int, int]
    offsets: Tensor
    extents: Tensor
    mirrored: Tensor
    radians: Tensor | None = None

    def __len__(self) -> int:
        return len(self.mirrored)

    def __getitem__(self, pictures: slice | Tensor) -> Geometry:
        """That of some of the pictures: of a part of the batch, or, by their numbers (M,), of each of M objects."""
        return replace(
            self,
            offsets=self.offsets[pictures],
            extents=self.extents[pictures],
            mirrored=self.mirrored[pictures],
            radians=None if self.radians is None else self.radians[pictures],
        )

    def scaled(self, size: tuple[int, int]) -> Geometry:
        """The same parts, in a result that is then scaled to another height and width.

        Places are those of a result that was cut out at the old size and scaled afterwards, as
        `striate.data.picture.scaled` does; pixels would be taken at once, and differ from those by a rounding.
        """
        return replace(self, size=size)

    def pixels(self, batch: Tensor) -> Tensor:
        """The parts of a batch (N, C, h, w) on the scale 0..255, as (N, C, H, W); beyond the edge, edge pixels repeat.

        Returns pixels that are only moved as they came, the batch itself where nothing is moved; scaled ones as uint8
        on a processor and float32 elsewhere; turned ones as float32.
        """
        if self.radians is not None:
            return self._turned(batch, self.radians)
        sides = self.extents.new_tensor(self.size[::-1])
        if not bool((self.extents == sides).all()):
            return self._resized(batch)
        if self.size == self.working and not bool(self.offsets.any()) and not bool(self.mirrored.any()):
            return batch
        return self._moved(batch)

    def masks(self, masks: Tensor, fill: int) -> Tensor:
        """The parts of masks (N, h, w), as (N, H, W): each pixel is the one that its centre falls into.

        fill: what is beyond the edge. Any type of numbers, which stays.

        >>> whole_pictures(1, (1, 2)).scaled((1, 4)).masks(torch.tensor([[[3, 7]]]), fill=255).tolist()
        [[[3, 3, 7, 7]]]
        """
        (height, width), device = self.working, masks.device
        x, y = (torch.arange(side, dtype=torch.float64) + 0.5 for side in self.size[::-1])
        x, y = self._taken_at(x, y[:, None], (slice(None), None, None))
        columns, rows = x.floor().long().to(device), y.floor().long().to(device)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        pixel = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
        taken = masks.reshape(len(masks), -1).gather(1, pixel.flatten(1)).view(pixel.shape)
        return taken.where(inside, torch.tensor(fill, dtype=masks.dtype, device=device))

    def points(self, xy: Tensor, picture: Tensor) -> Tensor:
        """Where points of the pictures are in the result, inside or not.

        xy: (M, 2) in working pixels. picture: int64 (M,), the number in the batch of the picture that each is of.
        Returns (M, 2), float32 or, of such, float64.

        >>> mirrored = replace(whole_pictures(1, (4, 6)), mirrored=torch.tensor([True]))
        >>> mirrored.points(torch.tensor([[0.5, 0.5]]), torch.tensor([0])).tolist()
        [[5.5, 0.5]]
        """
        (height, width), of = self.working, picture.cpu()
        x, y = (xy.cpu().double() - self.offsets[of]).unbind(1)
        x, y = x - width / 2, y - height / 2
        if self.radians is not None:
            turned = self.radians[of].double()
            x, y = turned.cos() * x + turned.sin() * y, turned.cos() * y - turned.sin() * x
        x = torch.where(self.mirrored[of], -x, x)
        sides = self.offsets.new_tensor(self.size[::-1])
        moved = torch.stack([x, y], 1) * sides / self.extents[of] + sides / 2
        return moved.to(xy.device, torch.promote_types(xy.dtype, torch.float32))

    def back(self, xy: Tensor, picture: Tensor) -> Tensor:
        """Where points of the result are in the pictures: the inverse of `points`."""
        x, y = xy.cpu().double().unbind(1)
        taken = torch.stack(self._taken_at(x, y, picture.cpu()), 1)
        return taken.to(xy.device, torch.promote_types(xy.dtype, torch.float32))

    def boxes(self, boxes: Tensor, picture: Tensor) -> Tensor:
        """The upright boxes about the four corners of boxes (M, 4): left, top, right, bottom, in the result.

        They may reach beyond it, or lie outside. Of a turned picture they are larger than what was boxed.

        >>> mirrored = replace(whole_pictures(1, (4, 6)), mirrored=torch.tensor([True]))
        >>> mirrored.boxes(torch.tensor([[0.0, 1, 2, 4]]), torch.tensor([0])).tolist()
        [[4.0, 1.0, 6.0, 4.0]]
        """
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        moved = self.points(corners, picture.repeat_interleave(4)).view(-1, 4, 2)
        return torch.cat([moved.amin(1), moved.amax(1)], 1)

    def _taken_at(self, x: Tensor, y: Tensor, of: Tensor | tuple[slice | None, ...]) -> tuple[Tensor, Tensor]:
        """Working pixels of places of the result, float64; `of` gives each its row of the fields.

        Half pixels of parts that are whole pixels are exact, so a mask's ties are one way in a picture and its mirror
        image.
        """
        (height, width), (offset_x, offset_y) = self.working, self.offsets[of].unbind(-1)
        extent_x, extent_y = self.extents[of].unbind(-1)
        x, y = (x - self.size[1] / 2) * extent_x / self.size[1], (y - self.size[0] / 2) * extent_y / self.size[0]
        x = torch.where(self.mirrored[of], -x, x)
        if self.radians is not None:
            turned = self.radians[of].double()
            x, y = turned.cos() * x - turned.sin() * y, turned.sin() * x + turned.cos() * y
        return x + (offset_x + width / 2), y + (offset_y + height / 2)

    def _corners(self) -> Tensor:
        """Left, top, right and bottom of upright parts, int64 (N, 4)."""
        middles = self.offsets + self.offsets.new_tensor(self.working[::-1]) / 2
        return torch.cat([middles - self.extents / 2, middles + self.extents / 2], 1).long()

    def _moved(self, batch: Tensor) -> Tensor:
        """Crops of whole pixels, some of them mirrored, as one gather."""
        (count, channels, height, width), size = batch.shape, self.size
        pixels = batch.permute(0, 2, 3, 1).reshape(-1, channels)  # a view: batches are channels last in memory
        number = torch.int32 if len(pixels) < 2**31 else torch.int64  # the shorter are faster
        margins = torch.tensor([(width - size[1]) / 2, (height - size[0]) / 2], dtype=torch.float64)
        left, top = (self.offsets + margins).to(number)[:, :, None].unbind(1)
        rows_NH = (top + torch.arange(size[0], dtype=number)).clamp_(0, height - 1)
        columns_NW = (left + torch.arange(size[1], dtype=number)).clamp_(0, width - 1)
        columns_NW = torch.where(self.mirrored[:, None], columns_NW.flip(1), columns_NW)
        rows_NH += torch.arange(0, count * height, height, dtype=number)[:, None]
        pixel_NHW = (rows_NH * width)[:, :, None] + columns_NW[:, None, :]
        taken = pixels.index_select(0, pixel_NHW.flatten().to(batch.device))
        return taken.view(count, *size, channels).permute(0, 3, 1, 2)

    def _resized(self, batch: Tensor) -> Tensor:
        """Boxes of whole pixels, scaled, some of them mirrored."""
        (height, width), corners = self.working, self._corners()
        beyond = torch.cat([-corners[:, :2], corners[:, 2:] - corners.new_tensor([width, height])], 1)
        padding = max(0, int(beyond.max()))
        parts = scaled_parts(_edges_repeated(batch, padding), (corners + padding).tolist(), self.size)
        for picture in self.mirrored.nonzero().flatten().tolist():  # a third of the time that torch.where takes for all
            parts[picture] = parts[picture].flip(2)
        return parts

    def _turned(self, batch: Tensor, radians: Tensor) -> Tensor:
        height, width = self.working
        sides = self.extents.new_tensor((width, height))
        scale_x, scale_y = (self.extents / sides).float().unbind(1)  # half-widths on grid_sample's -1..1 scale
        shift_x, shift_y = (self.offsets * 2 / sides).float().unbind(1)
        mirror = 1 - 2 * self.mirrored.float()
        ratio = width / height  # rotation must turn pixels, not the stretched -1..1 square
        rows_x = torch.stack([radians.cos() * scale_x * mirror, -radians.sin() * scale_y / ratio, shift_x], 1)
        rows_y = torch.stack([radians.sin() * scale_x * mirror * ratio, radians.cos() * scale_y, shift_y], 1)
        matrices = torch.stack([rows_x, rows_y], 1).to(batch.device)
        grid = F.affine_grid(matrices, [*batch.shape[:2], *self.size], align_corners=False)
        return F.grid_sample(batch.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def whole_pictures(count: int, working: tuple[int, int]) -> Geometry:
    """Pictures as they are.

    >>> batch = torch.zeros(2, 3, 4, 6)
    >>> whole_pictures(2, (4, 6)).pixels(batch) is batch
    True
    """
    extents = torch.tensor(working[::-1], dtype=torch.float64).expand(count, 2)
    return Geometry(working, working, torch.zeros_like(extents), extents, torch.zeros(count, dtype=torch.bool))


def scaled_parts(batch: Tensor, boxes: list[list[int]], size: tuple[int, int]) -> Tensor:
    """A box of every picture, scaled: bicubic, widened where it shrinks so that no pixel is skipped, as Pillow does.

    batch: (N, C, h, w), 0..255. boxes: left, top, right, bottom in pixels, one for each picture. Returns (N, C, *size),
    channels last in memory; uint8 on a processor, where torch has a kernel for that.

    >>> scaled_parts(torch.full((1, 3, 8, 8), 7, dtype=torch.uint8), [[0, 0, 4, 8]], (2, 2)).unique().tolist()
    [7]
    """
    batch = batch if batch.device.type == "cpu" else batch.float()
    parts = torch.empty(len(batch), batch.shape[1], *size, dtype=batch.dtype, device=batch.device)
    parts = parts.contiguous(memory_format=torch.channels_last)
    for number, (left, top, right, bottom) in enumerate(boxes):
        box = batch[number : number + 1, :, top:bottom, left:right]
        parts[number : number + 1] = F.interpolate(box, size, mode="bicubic", antialias=True)
    return parts if parts.dtype == torch.uint8 else parts.clamp_(0, 255)


def _edges_repeated(batch: Tensor, padding: int) -> Tensor:
    if not padding:
        return batch
    rows, columns = (
        torch.arange(-padding, side + padding, device=batch.device).clamp_(0, side - 1) for side in batch.shape[2:]
    )
    return batch.index_select(2, rows).index_select(3, columns)
