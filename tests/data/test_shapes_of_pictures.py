"""Pictures that are not square: how they come to the working size, and what of them a network sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data import working_size
from striate.data.augment import Augmentation, augment
from striate.data.cache import working_pictures
from striate.data.dataset import ArrayPictures
from striate.data.folder import open_folder
from striate.data.seen import share_seen
from striate.data.working_size import to_working_size
from striate.models import create_model
from striate.recipes import get_recipe
from striate.training.network import fit_size
from striate.training.recipe import Recipe

WIDE = Preprocess((20, 40), (20, 40))


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_contain_shows_all_of_a_picture_between_bars_of_the_mean_colour():
    record = replace(Preprocess((16, 16), (16, 16), mean=(0.5, 0.2, 0.0)), fit="contain")
    seen = to_working_size(np.full((8, 32, 3), 250, np.uint8), record)  # 32x8 becomes 16x4, in rows 6 to 9
    assert (seen[6:10] == 250).all()
    assert (seen[:6] == (128, 51, 0)).all() and (seen[10:] == (128, 51, 0)).all()


def test_stretch_scales_both_ways():
    pixels = noise(10, 90)
    seen = to_working_size(pixels, replace(WIDE, fit="stretch"))
    assert (seen == np.asarray(Image.fromarray(pixels).resize((40, 20), Image.Resampling.BILINEAR))).all()


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_any_picture_reaches_any_working_size_in_every_fit(height, width, to_height, to_width, channels):
    record = Preprocess((1, 1), (to_height, to_width)).for_channels(channels)
    for fit in ("cover", "contain", "stretch"):
        seen = to_working_size(np.zeros((height, width, channels), np.uint8), replace(record, fit=fit))
        assert seen.shape == (to_height, to_width, channels)


@pytest.mark.parametrize("shape", [(40, 400), (300, 11), (7, 90), (64, 640)])
def test_cut_first_and_scaled_then_is_the_same_to_a_grey_level(shape, monkeypatch):
    whole = to_working_size(noise(*shape), WIDE)
    monkeypatch.setattr(working_size, "MOST_SCALED_PIXELS", 0)
    cut_first = to_working_size(noise(*shape), WIDE)
    assert np.abs(whole.astype(int) - cut_first).max() <= 1


def test_ordinary_pictures_are_scaled_whole_to_the_same_bits(monkeypatch):
    monkeypatch.setattr(working_size, "_part_resized", None)  # is not called
    pixels = noise(300, 400)
    by_hand = np.asarray(Image.fromarray(pixels).resize((341, 256), Image.Resampling.BILINEAR))[:, 42:298]
    assert (to_working_size(pixels, Preprocess((224, 224))) == by_hand).all()


def test_a_picture_of_60000x2_px_is_not_scaled_whole(monkeypatch):
    sizes = []
    resize = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, size, *a: sizes.append(size) or resize(self, size, *a))
    pixels = np.zeros((2, 60000, 3), np.uint8)
    pixels[:, 30000:] = 200
    seen = to_working_size(pixels, Preprocess((224, 224), (224, 224)))
    assert sizes == [(224, 224)]
    assert (seen[:, :56] == 0).all() and (seen[:, 168:] == 200).all()  # the middle two pixels, 112 px each


def test_the_share_seen_by_hand():
    sizes = np.array([[40, 320], [320, 40], [30, 40], [64, 64]])
    assert share_seen(sizes, None).tolist() == [0.125, 0.125, 0.75, 1.0]
    # 96x320 is 3.33 times as wide as high: of 40x320 the middle 133 columns of 320, of 64x64 the middle 19.2 rows of 64
    assert share_seen(sizes, Preprocess((96, 320)).at((96, 320))) == pytest.approx([10 / 24, 0.0375, 0.4, 0.3])
    assert share_seen(sizes, replace(Preprocess((64, 64)), fit="contain")).tolist() == [1.0] * 4


def test_a_size_of_two_sides_keeps_its_shape_from_the_file_to_the_network():
    network, recipe = create_model("resnet18"), replace(get_recipe("default"), size_px=(96, 320))
    small = ArrayPictures(np.zeros((2, 40, 320), np.uint8), "small")
    large = ArrayPictures(np.zeros((2, 400, 3200), np.uint8), "large")
    record = fit_size(network, recipe, small)
    assert (record.size, record.resize) == ((96, 320), (64, 213))  # enlarged on the way into the network
    assert fit_size(network, recipe, large).resize == (110, 366)  # 8/7 of it
    assert fit_size(network, replace(recipe, fit="contain"), large).resize == (96, 320)  # no margin: all is seen


def test_pictures_that_are_not_cut_are_fitted_by_their_longer_side():
    pictures = ArrayPictures(np.zeros((2, 40, 150), np.uint8), "x")
    recipe = replace(get_recipe("default"), size_px=None)
    sizes = {fit: fit_size(create_model("resnet18"), replace(recipe, fit=fit), pictures).size[0] for fit in
             ("cover", "contain", "stretch")}  # fmt: skip
    assert sizes == {"cover": 64, "contain": 160, "stretch": 160}


@pytest.mark.parametrize(
    "augmentation", [Augmentation(crop_padding_px=2, flip=True), Augmentation(min_area=0.4), Augmentation(erase=1.0),
                     Augmentation(rotate_degrees=20)]
)  # fmt: skip
def test_variations_work_on_shapes_that_are_not_square(augmentation):
    batch = torch.randint(0, 256, (3, 3, 30, 50), dtype=torch.uint8)
    seen = augment(batch, augmentation, Preprocess((20, 40), (30, 50)), torch.Generator().manual_seed(0))
    assert seen.shape == (3, 3, 20, 40)


def test_a_turn_of_a_wide_picture_keeps_its_squares_square():
    batch = torch.zeros(1, 3, 40, 80, dtype=torch.uint8)
    batch[:, :, 15:25, 35:45] = 255  # 100 px
    record = Preprocess((40, 80), (40, 80))
    for seed in range(5):
        turned = augment(batch, Augmentation(rotate_degrees=45), record, torch.Generator().manual_seed(seed))
        assert float(turned[0, 0].sum()) / 255 == pytest.approx(100, rel=0.03)


@pytest.fixture
def strips(tmp_path):
    """Two classes of 40x320 px that differ at the left end only."""
    for kind, value in (("dark", 0), ("light", 255)):
        (tmp_path / "strips" / kind).mkdir(parents=True)
        for number in range(10):
            pixels = np.random.default_rng(number).integers(0, 256, (40, 320, 3), np.uint8)
            pixels[:, :60] = value
            Image.fromarray(pixels).save(tmp_path / "strips" / kind / f"{number}.png")
    return tmp_path / "strips"


def test_another_fit_is_another_cache(strips):
    dataset, record = open_folder(strips), Preprocess((16, 16), (16, 16))
    taken = {fit: working_pictures(dataset, replace(record, fit=fit))[0].take(np.arange(20)) for fit in
             ("cover", "contain", "stretch")}  # fmt: skip
    for fit, pixels in taken.items():
        by_hand = to_working_size(dataset.pictures.decode(3, 3), replace(record, fit=fit))
        assert (pixels[3] == by_hand).all(), fit


def test_little_seen_is_said_by_check_and_before_training(strips, tmp_path):
    assert (
        "a square network sees 12.5% of a typical picture (40x320 px), the middle; fit='contain' shows all of it, "
        "and so does a size of its shape, size_px=(32, 256)"
    ) in striate.check(strips).warnings
    quick = {"epochs": 1, "batch_size": 4, "autotune": False}
    run = striate.train(strips, "resnet20", run=tmp_path / "run", **quick)
    assert any(
        line.startswith("warning: a network of 32x32 px sees 12.5% of a typical picture (40x320 px), the middle; ")
        for line in (run.path / "log.txt").read_text().splitlines()
    )
    for number, fields in enumerate(({"fit": "contain"}, {"fit": "stretch"}, {"size_px": (16, 128)})):
        run = striate.train(strips, "resnet20", run=tmp_path / str(number), **quick, **fields)
        assert not [warning for warning in run.recipe["data"]["warnings"] if "sees" in warning]
        assert run.preprocess.fit == fields.get("fit", "cover")
    assert run.preprocess.size == (16, 128)
    assert "--set size_px=16x128" in run.recipe["command"]
    assert striate.resume(run.path, size_px=(16, 128)).path == run.path


def test_sizes_and_fits_from_text():
    assert Recipe.parse(["size_px=96x320", "fit=contain"]) == {"size_px": (96, 320), "fit": "contain"}
    with pytest.raises(StriateError, match=r"size_px must be a whole number of pixels or HEIGHTxWIDTH, such as 96x320, "
                                           "got '96x320x3'"):  # fmt: skip
        Recipe.parse(["size_px=96x320x3"])
    with pytest.raises(StriateError, match="size_px must be between 1 and 8,192, got \\(0, 5\\)"):
        Recipe(model="resnet18", size_px=(0, 5))
    with pytest.raises(StriateError, match="unknown fit 'contains'; did you mean 'contain'"):
        Recipe(model="resnet18", fit="contains")


def test_old_records_cover():
    record = Preprocess((16, 16)).to_dict()
    del record["fit"], record["white"]
    assert Preprocess.from_dict(record) == Preprocess((16, 16))
    with pytest.raises(StriateError, match="unknown fit of a preprocess 'covers'; did you mean 'cover'"):
        Preprocess((16, 16), fit="covers")
