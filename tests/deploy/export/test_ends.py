"""What stands around a network in a file does what the data's own functions do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from factories import PLAIN, network_of
from striate.answers import turned_back
from striate.core.records import Preprocess
from striate.deploy.export.ends import FromPixels, answering
from striate.runtime.inference import answered, network_input
from striate.tasks import TASKS

PIXELS = torch.randint(0, 256, (2, 3, 20, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess((16, 18), (20, 24)),
        Preprocess((15, 17), (20, 24)),
        Preprocess((20, 24), (20, 24)),
        Preprocess((33, 30), (20, 24)),
        Preprocess((20, 31), (20, 24)),
    ],
    ids=["cut", "cut by odd numbers", "as it is", "enlarged", "enlarged in width"],
)
def test_pixels_become_what_the_network_sees(preprocess):
    ours = FromPixels(preprocess)(PIXELS)
    torch.testing.assert_close(ours, network_input(PIXELS, preprocess, PLAIN), rtol=0, atol=2e-4)


def test_enlarged_pixels_stay_within_those_that_there_are():
    checkered = torch.where((torch.arange(20)[:, None] // 4 + torch.arange(24) // 4) % 2 == 0, 0, 255)
    images = FromPixels(Preprocess((40, 48), (20, 24), (0.0,) * 3, (1.0,) * 3))(checkered.expand(1, 3, 20, 24))
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)


@pytest.mark.parametrize(("name", "task"), [("resnet20+box", "localisation"), ("recurrent_labelling", "segmentation")])
def test_places_of_mirror_images_are_turned_back_in_the_file_too(name, task):
    network = network_of(name, 24).eval()
    preprocess = replace(network.preprocess, size=(20, 24), resize=(20, 24), mirrored=True)
    with torch.inference_mode():
        of_pixels = answering(network, preprocess, with_preprocessing=True)(PIXELS)
        expected = TASKS[task].predict(network, PIXELS, preprocess, PLAIN)
        torch.testing.assert_close(of_pixels, expected, rtol=1e-4, atol=1e-4)
        images = network_input(PIXELS, preprocess, PLAIN)
        plain, turned = network(images).numpy(), turned_back(task, network(images.flip(3)).numpy())
    np.testing.assert_allclose((plain + turned) / 2, expected.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_mirrored_answer_is_in_the_file_with_pixels_and_the_readers_without(mirrored):
    network = network_of("resnet20", 24).eval()
    preprocess = replace(network.preprocess, size=(20, 20), resize=(20, 24), mirrored=mirrored)
    images = network_input(PIXELS, preprocess, PLAIN)
    with torch.inference_mode():
        of_pixels = answering(network, preprocess, with_preprocessing=True)(PIXELS)
        plain = answering(network, preprocess, with_preprocessing=False)(images)
        torch.testing.assert_close(of_pixels, answered(network, images, mirrored), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(plain, network(images), rtol=1e-4, atol=1e-4)
