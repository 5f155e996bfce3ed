"""Tables and lists of pictures with any number of labels each."""

from __future__ import annotations

import numpy as np
import pytest

import striate
from factories import encoded, noise, tinted_labels
from striate.core.errors import StriateError
from striate.data.sources import open_data, task_of
from striate.data.targets.labels import LabelTargets

PICTURES = [encoded(pixels) for pixels in noise(6, 8)]


def table(folder, text, name="labels.csv"):
    for number, content in enumerate(PICTURES):
        (folder / f"{number}.png").write_bytes(content)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def texts(dataset):
    return [dataset.targets.text(index) for index in range(len(dataset.pictures))]


@pytest.mark.parametrize(
    "text",
    [
        "path,labels\n0.png,cat;dog\n1.png,\n2.png,cat\n3.png,dog ; cat\n",
        "0.png,cat;dog\n1.png,\n2.png,cat\n3.png,dog;cat;dog\n",
        "label;path\n'cat;dog';0.png\n;1.png\ncat;2.png\n'dog;cat';3.png\n".replace("'", '"'),
        "id,cat,dog\n0,1,1\n1,0,0\n2,1,0\n3,1,1\n",
        "image,split,cat,dog\n0.png,train,1.0,True\n1.png,val,0,0\n2.png,train,1,false\n3.png,test,yes,1\n",
        "tags\tfile\ncat;dog\t0.png\n\t1.png\ncat\t2.png\ncat;dog\t3.png\n",
    ],
)
def test_a_table_of_several_labels_is_known_by_what_is_in_it(tmp_path, text):
    source = table(tmp_path, text)
    assert task_of(source) == "multilabel"
    dataset = open_data(source)
    assert texts(dataset) == ["cat;dog", "", "cat", "cat;dog"]
    assert dataset.targets.names == ("cat", "dog")
    assert [dataset.pictures.path(index).name for index in range(4)] == ["0.png", "1.png", "2.png", "3.png"]


def test_columns_keep_their_order_and_one_of_which_no_picture_has_the_label_stays(tmp_path):
    source = table(tmp_path, "id,split,dog,Cow,cat\n0,train,1,0,1\n1,train,0,0,0\n2,val,1,0,0\n3,val,0,0,1\n")
    dataset = open_data(source)
    assert dataset.targets.names == ("dog", "Cow", "cat")
    assert texts(dataset) == ["dog;cat", "", "dog", "cat"]
    assert "1 label (Cow) that no picture of train has" in striate.check(source).warnings


@pytest.mark.parametrize(
    "text", ["path,label\n0.png,cat\n1.png,dog\n", "path;label\n0.png;cat\n1.png;dog\n", "id,breed\n0,1\n1,0\n"]
)
def test_a_table_of_one_class_each_stays_one(tmp_path, text):
    assert task_of(table(tmp_path, text)) == "classification"


def test_classes_with_a_semicolon_are_classes_where_that_is_asked_for(tmp_path):
    rows = "\n".join(f"{number}.png,{'a;b' if number % 2 else 'c'}" for number in range(6))
    assert open_data(table(tmp_path, f"path,label\n{rows}"), task="classification").classes == ("a;b", "c")


def test_equal_letters_written_otherwise_are_one_label(tmp_path):
    dataset = open_data(table(tmp_path, "path,labels\n0.png,ü;a\n1.png,u\u0308\n2.png,a\n3.png,\n"))
    assert texts(dataset) == ["a;ü", "ü", "a", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "path,label\n0.png,cat\n1.png,dog\n2.png,dog\n",
            "names exactly one label for each picture, which is classification: give a column label without "
            "task='multilabel', or write several with ; between them, as in 'a;b'",
        ),
        (
            "path,label\n0.png,cat|dog\n1.png,dog\n2.png,dog\n",
            "has labels such as 'cat|dog', which | seems to separate; write ; between the labels of a picture: "
            "'cat;dog'",
        ),
        (
            "path,labels\n0.png,cat;;dog\n",
            "line 2 has a label without a name in 'cat;;dog'; write the labels with one ; between two of them, and "
            "nothing for a picture that has none",
        ),
        ("path,cat,dog\n0.png,1,0\n1.png,1,-1\n", "line 3: dog is '-1'; it is 1 where a picture has the label, else 0"),
        ("path,cat,cat\n0.png,1,0\n", "line 1 must name each label once and without ;, one in each column, got path, "),
        ("path,labels\n0.png,\n1.png,\n2.png,\n", "names no label of any picture; there is nothing to learn"),
    ],
)
def test_a_table_that_says_no_labels_is_refused_in_a_sentence(tmp_path, text, said):
    with pytest.raises(StriateError) as error:
        open_data(table(tmp_path, text), task="multilabel")
    assert said in str(error.value)


@pytest.mark.parametrize(("task", "data"), [("multilabel", "photos"), ("classification", "labels")])
def test_data_of_the_other_kind_is_refused_in_a_sentence(photos, tmp_path, task, data):
    source = photos if data == "photos" else tinted_labels(tmp_path / "data")
    said = {
        "multilabel": r"2 classes, which are for classification, and this is multilabel; give pictures with any number "
        r"of labels each \(a table of path and labels, a;b, or of a column of 0 and 1 for each label\)",
        "classification": r"2 labels, any number of them a picture, which are for multilabel, and this is "
        r"classification; give pictures with one class each",
    }[task]
    run = tmp_path / "run"
    model = striate.train(
        tinted_labels(tmp_path / "own") if task == "multilabel" else photos,
        "lenet5",
        run=run,
        epochs=1,
        size_px=32,
        weights=None,
        autotune=False,
        threads=1,
    )
    with pytest.raises(StriateError, match=said):
        model.evaluate(open_data(source))


LISTS = [["cat", "dog"], [], ("cat",), {"dog"}, ["cat"], []]


def test_lists_of_labels_in_memory():
    arrays = open_data((noise(6, 8), LISTS))
    pairs = open_data(list(zip(noise(6, 8), LISTS, strict=True)))
    assert texts(arrays) == texts(pairs) == ["cat;dog", "", "cat", "dog", "cat", ""]
    assert open_data((noise(6, 8), [[2, 10], [], [2], [10], [2], []])).targets.names == ("10", "2")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            [["cat"], "dog", [], [], [], []],
            "the labels of labels[1] must be a list of texts or whole numbers, got 'dog'",
        ),
        (
            [["cat"], [0.5], [], [], [], []],
            "the labels of labels[1] must be a list of texts or whole numbers, got [0.5]",
        ),
        ([["cat"], [""], [], [], [], []], "labels[1] [''] (list) has a label without a name"),
        ([["cat"], ["a;b"], [], [], [], []], "labels[1] ['a;b'] (list) has a label with ; in its name"),
        ([["cat"]], "pictures and labels must be as many, got 6 pictures and 1 label"),
    ],
)
def test_lists_that_are_no_labels_are_refused(labels, said):
    with pytest.raises(StriateError) as error:
        open_data((noise(6, 8), labels))
    assert said in str(error.value)


def test_a_check_says_what_is_odd_of_labels(tmp_path):
    rows = [
        f"{n}.png,{'train' if n < 4 else 'val'},{label}" for n, label in enumerate(["a;x", "A;x", "x", "x", "x", "x;c"])
    ]
    report = striate.check(table(tmp_path, "\n".join(["path,split,labels", *rows])))
    assert report.warnings == [
        "1 label (c) that no picture of train has",
        "1 label (x) that every picture of train has: nothing tells what it is like without",
        "2 labels (A, a) that no picture of val has",
        "1 label (x) that every picture of val has: nothing tells what it is like without",
        "4 labels (A, a, c and 1 more) with fewer than 10 pictures",
        "'A' and 'a' are 2 labels, though their names differ by case or spaces only; give them one name if they are "
        "one label",
    ]
    empty = striate.check(tinted_labels(tmp_path / "more"))
    assert "6 of 24 pictures without any label: of these the network learns to name none" in empty.notes


def test_every_split_has_its_share_of_a_rare_label():
    rare = [["common"]] * 180 + [["common", "rare"]] * 20
    dataset = open_data((noise(200, 8), rare))
    assert {split: counts[1] for split, counts in dataset.counts().items()} == {"train": 14, "val": 3, "test": 3}


def test_labels_among_other_names_keep_their_pictures():
    targets = LabelTargets.of([["b"], [], ["a", "b"]])
    other = targets.numbered(("z", "b", "a"), np.array([2, 1]))
    assert [other.text(index) for index in range(3)] == ["b", "", "b;a"]
    joined = other.joined([other])
    assert len(joined) == 6 and joined.text(5) == "b;a"
    read = targets.listed(["a", "", "a;b"], ["a", "b"], iter(()), "data.tsv")
    assert [read.text(index) for index in range(3)] == ["a", "", "a;b"]
    with pytest.raises(StriateError, match=r"data.tsv is damaged: it has a label 'c' that the run was not begun with"):
        targets.listed(["c"], ["a", "b"], iter(()), "data.tsv")
