"""What is wrong with masks, and with asking for masks, is one sentence of the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factories import tinted_folders, tinted_masks

NETWORK = ("--model", "recurrent_labelling", "--size", 32, "--epochs", 1, "--no-autotune")


@pytest.fixture
def data(tmp_path) -> Path:
    return tinted_masks(tmp_path / "data")


@pytest.fixture
def run(striate, data, tmp_path) -> Path:
    """A run on masks."""
    assert striate("train", data, *NETWORK, "--run", tmp_path / "seg").status == 0
    return tmp_path / "seg"


@pytest.fixture
def refused(striate, data, tmp_path):
    """That checking and training say the same sentence, and leave no folder."""

    def same(*more: object) -> str:
        checked = striate("check", data)
        trained = striate("train", data, *NETWORK, "--run", tmp_path / "run", *more).mistake()
        assert not (tmp_path / "run").exists()
        if checked.status == 2:
            assert checked.mistake() == trained
        else:
            assert checked.status == 1
            assert trained.removeprefix("striate: ") in checked.out
        return trained.replace(str(data), "data")

    return same


def redraw(data: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in (data / "masks").iterdir():
        with Image.open(path) as mask:
            pixels = np.array(mask)
        Image.fromarray(change(pixels)).save(path)


def test_pictures_without_masks(refused, data):
    for path in (data / "masks").iterdir():
        path.unlink()
    expected = (
        "striate: data holds pictures, in images/, but neither masks nor classes; expected are images/a.jpg and "
        "masks/a.png, or a.jpg and a_mask.png, or a sub-folder of pictures for each class"
    )
    assert refused() == expected
    (data / "masks").rmdir()
    assert refused() == refused("--task", "segmentation") == expected


def test_masks_without_pictures(refused, data):
    for path in (data / "images").iterdir():
        path.unlink()
    assert refused() == (
        "striate: data holds masks, such as masks/00.png, but no pictures; expected are images/a.jpg and masks/a.png, "
        "or a.jpg and a_mask.png"
    )
    (data / "images").rmdir()
    assert refused().startswith("striate: data holds masks, in masks/, but no pictures of which they are; expected")


def test_some_of_both_are_left_out_and_named(striate, data):
    (data / "masks" / "03.png").unlink()
    (data / "images" / "05.png").unlink()
    answer = striate("check", data)
    assert answer.status == 0
    assert "1 picture is left out, without a mask: images/03.png" in answer.out
    assert "1 mask is left out, without a picture: masks/05.png" in answer.out


def test_names_that_do_not_match(refused, data):
    for path in (data / "masks").iterdir():
        path.rename(path.with_name(f"mask{path.name}"))
    assert "no mask has the name of a picture; the first are images/00.png and masks/mask00.png" in refused()


def test_masks_as_jpeg(refused, data):
    for path in list((data / "masks").iterdir()):
        with Image.open(path) as mask:
            mask.save(path.with_suffix(".jpg"))
        path.unlink()
    assert refused() == (
        "striate: data/masks/00.jpg is a JPEG file, which blurs class numbers and so can be no mask; save masks as PNG "
        "with one class number per pixel; none of 24 masks can be read"
    )


def test_numbers_beyond_the_classes(refused, data):
    redraw(data, lambda mask: np.where(mask == 1, 7, mask).astype(np.uint8))
    assert "has the number 7, which is no class" in refused()
    assert refused().endswith("and 21 more masks; classes are cold, warm, and 255 where nothing is asked")


def test_one_class_only(refused, data):
    redraw(data, np.zeros_like)
    assert refused() == "striate: data: masks to train on hold one class only ('cold'); at least two are needed"


def test_every_pixel_ignored(refused, data):
    (data / "classes.txt").write_text("cold\nwarm\nhot\n")  # of two classes 255 alone would be the second
    redraw(data, lambda mask: np.full_like(mask, 255))
    assert refused() == "striate: data: every pixel of the 16 training masks is ignored"


def test_masks_of_another_size(refused, data):
    redraw(data, lambda mask: mask[::2, ::2])
    assert refused().endswith(
        "has 16x16 pixels and its picture 32x32, 2 times as many each way (24 masks differ); give masks the size of "
        "their pictures"
    )


def test_a_size_that_a_network_cannot_take_says_which_it_can_and_which_takes_any(striate, data, tmp_path):
    words = ("--model", "unet_paper", "--size", 32, "--epochs", 1, "--run", tmp_path / "run")
    said = striate("train", data, *words).mistake()
    assert said.endswith("so a 32x32 picture is too small: the smallest that works is 108x108; unet takes any size")


def test_a_run_of_classes_asked_for_masks(striate, digits_run, data, scans, tmp_path):
    assert striate("evaluate", digits_run, data).mistake().endswith(
        "has 2 classes of pixels, which are for segmentation, and this is classification; give pictures with one class "
        "each"
    )  # fmt: skip
    masks = striate("predict", digits_run, scans, "--masks", tmp_path / "masks").mistake()
    assert masks.endswith("--masks writes a class for every pixel, and classification gives none; leave it out")
    drawn = striate("predict", digits_run, scans, "--draw", tmp_path / "drawn").mistake()
    assert drawn.endswith("--draw shows where something is, and classification does not say; leave it out")
    assert "resnet20 answers with one class a picture, and segmentation asks for a class for every pixel" in (
        striate("train", data, "--model", "resnet20", "--run", tmp_path / "run").mistake()
    )


def test_a_run_of_masks_asked_for_classes(striate, run, tmp_path):
    classes = tinted_folders(tmp_path / "classes")
    assert striate("evaluate", run, classes).mistake().endswith(
        "has 2 classes, which are for classification, and this is segmentation; give pictures with a mask each "
        "(images/ and masks/)"
    )  # fmt: skip
    for words in (("train", classes, "--weights", run), ("train", classes, "--model", "recurrent_labelling")):
        said = striate(*words, "--run", tmp_path / "run").mistake()
        assert "recurrent_labelling answers with a class for every pixel, and classification asks for one" in said
    assert striate("features", run, classes, "--output", tmp_path / "f.npz").mistake().endswith(
        "recurrent_labelling answers with a class for every pixel, so it has no features of a whole picture; give a "
        "network that tells classes of pictures, such as embedded"
    )  # fmt: skip


def test_a_task_that_the_data_is_not_for(striate, data, tmp_path):
    said = striate("train", data, "--task", "classification", "--run", tmp_path / "run").mistake()
    assert said.endswith("and this is classification; give pictures with one class each")
    classes = tinted_folders(tmp_path / "classes")
    said = striate("train", classes, "--task", "segmentation", "--run", tmp_path / "run").mistake()
    assert said.endswith("and this is segmentation; give pictures with a mask each (images/ and masks/)")


@pytest.mark.parametrize("field", ["label_smoothing=0.1", "cut_mix=0.5", "layers=last"])
def test_settings_of_classes_alone_are_no_settings_of_masks(striate, data, tmp_path, field):
    said = striate("train", data, *NETWORK, "--set", field, "--run", tmp_path / "run").mistake()
    assert said.endswith("does nothing here: it needs one class a picture, and this is segmentation")


def test_a_size_that_is_fitted_is_no_setting_of_masks(striate, data, tmp_path):
    said = striate("train", data, *NETWORK[:2], "--set", "least_px=64", "--run", tmp_path / "run").mistake()
    assert said.endswith(
        "does nothing here: it needs a size that is fitted to the network, and segmentation is at that of the pictures"
    )


def test_an_augmentation_of_ones_own_leaves_masks_where_they_are(striate, data, tmp_path):
    (tmp_path / "mine.py").write_text("def same(pictures):\n    return pictures\n")
    said = striate("train", data, *NETWORK, "--set", f"augment={tmp_path / 'mine.py'}:same", "--run", tmp_path / "run")
    assert "is given pictures alone, so that what it moves" in said.out + said.err


def test_a_folder_of_one_class_is_still_told_so(striate, tmp_path):
    classes = tinted_folders(tmp_path / "classes")
    shutil.rmtree(classes / "warm")
    assert "holds one class only ('cold')" in striate("check", classes).mistake()


@pytest.mark.parametrize("model", ["(conv8-relu)-gap", "OWN"])
def test_a_network_that_answers_for_a_whole_picture_is_refused_whoever_wrote_it(striate, tmp_path, model):
    if model == "OWN":
        file = tmp_path / "net.py"
        file.write_text(
            "from torch import nn\n\n\ndef net(classes):\n"
            "    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))\n"
        )
        model = f"{file}:net"
    answer = striate("train", tinted_masks(tmp_path / "data"), "--model", model, "--run", tmp_path / "run")
    assert answer.status == 2
    assert "answers with no class for every pixel, as segmentation asks" in answer.err
    assert answer.err.count("\n") == 1
