"""What stands around a network in an exported file: where asked for, the way from pixels, and the mirrored answer."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.data.plain_input import enlarging_matrix
from striate.data.working_size import seen_part
from striate.models import Network
from striate.runtime.folding import inference_form


class FromPixels(nn.Module):
    """Working pictures uint8 (N, C, h, w) as the network sees them: cut or enlarged, and normalised.

    Enlarging is two constant matrices, one per axis, which every format has: they do what `data.picture.scaled` does.
    """

    mean: Tensor
    scale: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("scale", 1 / (torch.tensor(preprocess.std).view(1, -1, 1, 1) * 255))
        (h, w), (height, width) = preprocess.resize, preprocess.size
        if preprocess.enlarges:
            self.register_buffer("rows", torch.from_numpy(enlarging_matrix(h, height)))
            self.register_buffer("columns", torch.from_numpy(enlarging_matrix(w, width)).T.contiguous())

    def forward(self, pictures: Tensor) -> Tensor:
        """Images float32 (N, C, H, W)."""
        images = pictures.float()
        if self.preprocess.enlarges:
            images = torch.matmul(self.rows, torch.matmul(images, self.columns)).clamp(0, 255)
        elif self.preprocess.resize != self.preprocess.size:  # a cut of all would be an operator that does nothing
            rows, columns = seen_part(self.preprocess)
            images = images[:, :, rows, columns]
        return (images - self.mean) * self.scale


class Answering(nn.Module):
    """A network between the two ends that its file has.

    Takes images as `run.preprocess.batch` makes them, or with `from_pixels` working pictures, of which a preprocessing
    that is mirrored has the mean over picture and mirror image.
    """

    dtype: torch.dtype = torch.float32
    """Of the numbers that the network computes in."""

    def __init__(self, network: nn.Module, from_pixels: FromPixels | None) -> None:
        super().__init__()
        self.network, self.from_pixels = network, from_pixels

    def forward(self, images: Tensor) -> Tensor:
        """The network's answer, float32: of a classifier logits (N, classes)."""
        if self.from_pixels is not None:
            images = self.from_pixels(images)
        images = images.to(self.dtype)
        answer: Tensor = self.network(images).float()
        if self.from_pixels is not None and self.from_pixels.preprocess.mirrored:
            turned = self.network(images.flip(3)).float()
            answer = (answer + (self.network.turned_back(turned) if isinstance(self.network, Network) else turned)) / 2
        return answer


def answering(network: Network, preprocess: Preprocess, *, with_preprocessing: bool) -> Answering:
    """What is exported of a network: a copy in its inference form, in fp32 on the processor, between its ends."""
    plain = copy.deepcopy(network).cpu().float().eval()
    plain.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    form = inference_form(plain, preprocess)
    module = Answering(form, FromPixels(preprocess) if with_preprocessing else None)
    return module.eval().requires_grad_(False)
