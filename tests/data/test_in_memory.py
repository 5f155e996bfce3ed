"""Lists of (picture, class) and Datasets: read by number, hashed, and the same whenever they are read."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset, random_split
from torch.utils.data import Dataset as TorchDataset

import striate
from striate.core.errors import StriateError
from striate.data.in_memory import as_data
from striate.data.sources import open_data, open_to_evaluate

GREY = np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8)
NUMBERS = np.arange(24) % 3


class Faces(TorchDataset):
    """As torchvision writes one: Pillow's pictures and class numbers, whose names are `classes`."""

    classes = ("ann", "bob", "cy")

    def __init__(self, pictures: np.ndarray = GREY, labels: Any = NUMBERS) -> None:
        self.pictures, self.labels, self.reads = pictures, labels, 0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.reads += 1
        return Image.fromarray(self.pictures[index]), self.labels[index]


class Changed(Faces):
    """One item is what a function makes of it."""

    def __init__(self, index: int, change: Any, labels: Any = NUMBERS) -> None:
        super().__init__(labels=labels)
        self.index, self.change = index, change

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        item = super().__getitem__(index)
        return self.change(*item) if index == self.index else item


def pixels_of(data: Any, channels: int = 1) -> list[list]:
    pictures = open_to_evaluate(data).pictures
    return [pictures.decode(index, channels).tolist() for index in range(len(pictures))]


def refused(data: Any, text: str) -> None:
    with pytest.raises(StriateError, match=f"^{re.escape(text)}$"):
        open_data(data)


def test_every_form_of_a_picture_is_the_same_picture():
    rgb = np.repeat(GREY[..., None], 3, axis=3)
    as_tensor = torch.from_numpy(GREY)
    forms = {
        "Pillow": [Image.fromarray(one) for one in GREY],
        "(H, W)": list(GREY),
        "(H, W, 1)": list(GREY[..., None]),
        "(H, W, 3)": list(rgb),
        "tensor (H, W)": list(as_tensor),
        "tensor (1, H, W)": list(as_tensor[:, None]),
        "tensor (3, H, W)": list(as_tensor[:, None].expand(-1, 3, -1, -1)),
        "floating point": list(as_tensor[:, None].float() / 255),
        "half precision": list((as_tensor[:, None].float() / 255).half()),
    }
    of_arrays = pixels_of((GREY, NUMBERS))
    for form, pictures in forms.items():
        assert pixels_of([(one, int(label)) for one, label in zip(pictures, NUMBERS, strict=True)]) == of_arrays, form
    assert pixels_of(list(zip(rgb, NUMBERS, strict=True)), channels=3) == rgb.tolist()


def test_pictures_of_any_size_turned_upright_and_wide_ones_in_their_own_numbers():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(GREY[0]).save(file, "PNG", exif=exif)
    wide = Image.fromarray(np.full((5, 7), 1023, np.uint16))
    pictures = open_to_evaluate([(Image.open(file), "a"), (wide, "b"), (np.zeros((3, 9), np.uint8), "a")]).pictures
    assert [pictures.size(index) for index in range(3)] == [(8, 8), (5, 7), (3, 9)]
    assert pictures.decode(0, 1)[..., 0].tolist() == np.rot90(GREY[0], -1).tolist()
    assert [pictures.is_wide(index) for index in range(3)] == [False, True, False]
    assert pictures.decode(1, 1, white=1023).min() == 255


def test_a_dataset_has_the_splits_of_its_numbers_and_names_its_classes():
    dataset = open_data(Faces())
    assert (dataset.source, dataset.classes) == ("dataset", ("ann", "bob", "cy"))
    assert dataset.labels.tolist() == NUMBERS.tolist()
    arrays = open_data((GREY, NUMBERS))
    assert {split: len(part) for split, part in dataset.splits.items()} == {
        split: len(part) for split, part in arrays.splits.items()
    }
    assert dataset.pictures.name(5) == "dataset[5]"


@pytest.mark.parametrize(
    "as_label", [int, np.int64, torch.tensor, lambda n: np.array([n]), lambda n: torch.tensor([n])]
)
def test_class_numbers_of_every_kind(as_label):
    assert open_data(Faces(labels=[as_label(number) for number in NUMBERS])).classes == Faces.classes


def test_classes_as_texts_and_numbers_without_names():
    texts = [f"class {number}" for number in 2 - NUMBERS]
    dataset = open_data(Faces(labels=texts))
    assert dataset.classes == ("class 0", "class 1", "class 2")
    assert [dataset.classes[label] for label in dataset.labels] == texts
    unnamed = TensorDataset(torch.from_numpy(GREY)[:, None], torch.from_numpy(5 * NUMBERS))
    assert open_data(unnamed).classes == ("0", "5", "10")


def test_parts_of_datasets_keep_the_names_of_their_classes_but_not_those_that_do_not_occur():
    faces = Faces()
    assert open_data(Subset(faces, range(12))).classes == Faces.classes
    half, _ = random_split(faces, [0.5, 0.5], torch.Generator().manual_seed(0))
    assert open_to_evaluate(half).classes == Faces.classes
    both = open_data(ConcatDataset([half, Faces()]))
    assert (both.classes, len(both.pictures)) == (Faces.classes, 36)
    without_bob = open_data(Subset(faces, [index for index in range(24) if index % 3 != 1]))
    assert (without_bob.classes, set(without_bob.labels.tolist())) == (("ann", "cy"), {0, 1})


def test_a_key_is_of_the_content_alone():
    first, second = open_data(Faces()).pictures, open_data(list(zip(GREY, NUMBERS, strict=True))).pictures
    assert [first.key(index) for index in range(24)] == [second.key(index) for index in range(24)]
    assert len({first.key(index) for index in range(24)}) == 24


def test_no_decoded_picture_is_held():
    """Each is read again when it is needed."""
    faces = Faces()
    pictures = open_data(faces).pictures
    before = faces.reads
    pictures.decode(3, 1)
    assert faces.reads == before + 1


def test_a_list_of_two_pairs_is_a_list_and_of_two_lists_pictures_and_labels():
    assert as_data([(GREY[0], 0), (GREY[1], 1)]).kind == "list"
    assert as_data([[GREY[0], GREY[1]], ["a", "b"]]).classes == ("a", "b")


@pytest.mark.parametrize("as_path", [str, Path])
def test_paths_in_a_list_are_the_pictures_of_their_files(tmp_path, as_path):
    files = [tmp_path / f"{number}.png" for number in range(24)]
    for file, pixels in zip(files, GREY, strict=True):
        Image.fromarray(pixels).save(file)
    listed = [(as_path(file), int(label)) for file, label in zip(files, NUMBERS, strict=True)]
    of_arrays, dataset = open_data(list(zip(GREY, NUMBERS, strict=True))), open_data(listed)
    assert pixels_of(listed) == pixels_of((GREY, NUMBERS))
    assert dataset.pictures.name(5) == str(files[5]) and dataset.pictures.listed_name(5) == "list[5]"
    assert [dataset.pictures.key(n) for n in range(24)] == [of_arrays.pictures.key(n) for n in range(24)]
    assert {split: part.tolist() for split, part in dataset.splits.items()} == {
        split: part.tolist() for split, part in of_arrays.splits.items()
    }
    files[3].write_bytes(files[3].read_bytes()[:60])
    report = striate.check([*listed, (as_path(tmp_path / "gone.png"), 0)])
    assert [name for name, _ in report.unreadable] == [str(files[3]), str(tmp_path / "gone.png")]
    Image.fromarray(GREY[0]).save(files[4])
    with pytest.raises(StriateError, match="is another picture when it is read again"):
        dataset.pictures.decode(4, 1)


def test_a_list_of_paths_that_are_not_there_says_so(tmp_path):
    files = [tmp_path / f"{number}.png" for number in range(24)]
    with pytest.raises(StriateError) as error:
        striate.open_data(list(zip(files, NUMBERS.tolist(), strict=True)), size=32)
    assert "without a readable picture to train on" in str(error.value)
    assert str(error.value).endswith(f"; {files[0]} cannot be read (No such file or directory)")


def test_a_dictionary_is_told_how_to_be_given():
    refused(
        {"x_train": GREY, "y_train": NUMBERS},
        "data is a dictionary of x_train, y_train; give its pictures and labels as a pair, and other splits so too: "
        "train((x_train, y_train), val=(x_val, y_val), test=(x_test, y_test))",
    )


@pytest.mark.parametrize(
    ("pixels", "then"),
    [
        (GREY / 255, "numbers from 0 to 1 become that by (255 * x).round().astype('uint8')"),
        (GREY.astype(np.int64), "numbers from 0 to 255 become that by x.round().astype('uint8')"),
        (GREY / 64 - 2, "numbers from -2 to 1.984 were normalised, it seems: give the pictures as they were before"),
    ],
)
def test_other_numbers_than_pixels_are_told_how_to_become_pixels(pixels, then):
    refused(
        (pixels, NUMBERS),
        "pictures in an array are uint8, 0 to 255, of shape (N, H, W) or (N, H, W, 3) with N at least 1, got "
        f"{pixels.dtype} (24, 8, 8); {then}",
    )


def test_check_reports_on_a_dataset():
    pictures = np.concatenate([GREY, GREY[:1]])
    report = striate.check(Faces(pictures, np.append(NUMBERS, 1)))
    assert report.clashes == [["dataset[0]", "dataset[24]"]]
    assert report.problems == []


def test_a_picture_that_cannot_be_decoded_is_left_out_and_named(tmp_path):
    Image.effect_noise((300, 300), 50).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    with Image.open(tmp_path / "cut.png") as cut:
        report = striate.check([*zip(GREY, NUMBERS, strict=True), (cut, 0)])
    assert [name for name, _ in report.unreadable] == ["list[24]"]


def raises(*_: Any) -> Any:
    raise KeyError("no\nrow")


TAKEN = (
    "a Pillow picture, the path of a file, an array uint8 (H, W) or (H, W, 3), or a tensor (1, H, W), (3, H, W) or "
    "(H, W), of uint8 or of floating-point numbers from 0 to 1"
)
PICTURE = f"the picture of dataset[7] must be {TAKEN}, got "
CLASS = "the class of dataset[7] "
BAD_ITEMS = {
    "raises": (
        raises,
        "dataset[7] cannot be read (KeyError: 'no\\nrow'); leave that one out, as torch.utils.data.Subset does, or "
        "mend what gives it",
    ),
    "no pair": (lambda picture, label: 4, "dataset[7] must be (picture, class), got 4 (int)"),
    "triple": (lambda picture, label: (1, 2, 3), "dataset[7] must be (picture, class), got (1, 2, 3) (tuple)"),
    "no picture": (lambda picture, label: (0.5, 1), f"{PICTURE}0.5 (float)"),
    "wrong numbers": (lambda picture, label: (np.zeros((8, 8)), 1), f"{PICTURE}ndarray of float64 (8, 8)"),
    "wrong shape": (lambda picture, label: (torch.zeros(8, 8, 3), 1), f"{PICTURE}Tensor of torch.float32 (8, 8, 3)"),
    "normalised": (
        lambda picture, label: (torch.tensor([[[-2.0, 2.5]]]), 1),
        "dataset[7] has numbers from -2 to 2.5: pictures of floating-point numbers go from 0 to 1; give them as uint8, "
        "or before they are normalised, which the network's own preprocessing does",
    ),
    "other kind of label": (
        lambda picture, label: (picture, "bob"),
        f"{CLASS}is 'bob' (str), those before it are whole numbers; give all alike",
    ),
    "no class": (lambda picture, label: (picture, 1.0), f"{CLASS}must be a whole number or a text, got 1.0 (float)"),
    "one-hot": (
        lambda picture, label: (picture, np.eye(3)[0]),
        f"{CLASS}must be a whole number or a text, got array([1., 0., 0.]) (ndarray)",
    ),
    "outside": (lambda picture, label: (picture, 3), f"{CLASS}is 3, but its classes has 3 names, 0 to 2"),
    "negative": (lambda picture, label: (picture, -1), f"{CLASS}is -1, but its classes has 3 names, 0 to 2"),
}


@pytest.mark.parametrize("what", BAD_ITEMS)
def test_a_bad_item_is_named_by_its_number(what):
    change, text = BAD_ITEMS[what]
    refused(Changed(7, change), text)


class Longer(Faces):
    """Its length lies."""

    def __len__(self) -> int:
        return 30


class Endless(TorchDataset):
    """It has no length."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return GREY[0], 0

    def __repr__(self) -> str:
        return "Endless()"


class Lost(Endless):
    """It does not know its length."""

    def __len__(self) -> int:
        raise NotImplementedError("not yet")


class Stream(IterableDataset):
    """It gives one after the other."""

    def __iter__(self):
        yield GREY[0], 0

    def __repr__(self) -> str:
        return "Stream()"


def test_lengths_that_lie_or_are_not_there():
    with pytest.raises(
        StriateError, match=r"^dataset\[24\] cannot be read \(IndexError: .*\), though there are 30 by "
    ):
        open_data(Longer())
    refused(Endless(), "a Dataset must say how many pictures it has by __len__, and Endless() (Endless) does not")
    refused(Lost(), "the length of the dataset cannot be told (NotImplementedError: not yet)")
    refused([], "the list is empty; it must hold pairs of (picture, class)")
    refused(Faces(GREY[:0]), "the dataset is empty; it must hold pairs of (picture, class)")


def test_what_gives_one_picture_after_the_other_is_told_apart():
    once = (
        "data must be read by number, more than once, and {} only gives one picture after the other; {} with __len__ "
    )
    once += "and __getitem__"
    refused(Stream(), once.format("Stream() (Stream)", "give a list, or a Dataset"))
    with pytest.raises(
        StriateError, match=r"^data must be read by number.*; give the Dataset that it reads with __len__"
    ):
        open_data(DataLoader(Faces()))
    with pytest.raises(StriateError, match=r"^data must be read by number, more than once, and <generator"):
        open_data(item for item in Faces())


@pytest.mark.parametrize("data", [3, None, {1, 2}, GREY, (GREY, NUMBERS, NUMBERS), torch.zeros(3)])
def test_what_is_no_data(data):
    with pytest.raises(StriateError, match=r"^data must be digits, a path, \(pictures, labels\): .* or a Dataset that"):
        open_data(data)


ANOTHER = "is another picture when it is read again, as of a dataset with augmentation in its transforms"


def test_a_dataset_that_draws_at_random_is_named():
    class Noisy(Faces):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return torch.rand(1, 8, 8), int(NUMBERS[index])

    with pytest.raises(StriateError, match=rf"^dataset\[0\] {ANOTHER}.* let the recipe augment \(flip=True, "):
        open_data(Noisy())


def test_a_dataset_that_seldom_draws_is_named_when_it_is_found_out():
    """After the first look; training never goes on with another picture."""

    class Seldom(Faces):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            picture, label = super().__getitem__(index)
            return (picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.reads > 35 else picture), label

    faces = Seldom()
    open_data(faces)
    with pytest.raises(StriateError, match=ANOTHER):
        striate.check(faces)
