"""`striate compare`: a table, three files, mistakes."""

from __future__ import annotations

import json

import pytest


def test_a_table_a_remark_and_three_files(striate, tmp_path) -> None:
    answer = striate("compare", "alexnet", "resnet50", "resnet20", "--out", tmp_path / "charts")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["alexnet", "resnet50", "resnet20"]
    assert "not in the chart, as no top-5 error on ImageNet is published: resnet20" in lines
    written = {"compare.html", "compare.svg", "compare.png"}
    assert {path.name for path in (tmp_path / "charts").iterdir()} == written
    assert lines[-1].startswith("wrote ") and all(name in lines[-1] for name in written)


def test_json_names_the_files(striate, tmp_path) -> None:
    told = json.loads(striate("compare", "lenet5", "mlp", "--out", tmp_path, "--json").out)
    assert [network["params"] for network in told["networks"]] == [61_706, 266_610]
    assert (told["not_drawn"], told["files"]) == (["lenet5", "mlp"], [str(tmp_path / "compare.html")])


def test_another_size_is_said(striate, tmp_path) -> None:
    out = striate("compare", "resnet18", "resnet34", "--size", "448", "--out", tmp_path).out
    assert "3x448x448" in out and "costs are at 448x448 pixels, errors as published at the papers' sizes" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet18",), "a comparison needs at least two networks, got resnet18"),
        (("resnet18", "resnet19"), "unknown model 'resnet19'; did you mean 'resnet18'"),
        (("resnet18", "vgg16", "--size", "big"), "--size takes HEIGHTxWIDTH in pixels, such as 224x224, got 'big'"),
        (("resnet18", "vgg16", "--size", "8"), "vgg16: a 8x8 picture is too small"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(striate, tmp_path, words, message) -> None:
    assert message in striate("compare", *words, "--out", tmp_path).mistake()
    assert not list(tmp_path.iterdir())
