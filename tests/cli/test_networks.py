"""`striate models` and `striate summary`: options, formats, mistakes."""

from __future__ import annotations

import csv
import io
import json

import pytest

from striate.cli.networks import print_widest
from striate.report.diagram.diagram import diagram


def test_models_as_a_table(striate) -> None:
    answer = striate("models", "vgg1[69]")
    assert (answer.status, answer.err) == (0, "")
    heading, _, *rows = answer.out.splitlines()
    assert heading.split()[:6] == ["model", "year", "depth", "picture", "params", "MACs"]
    assert [row.split()[0] for row in rows] == ["vgg16", "vgg19"]
    assert "138.4 M" in rows[0] and "15.47 G" in rows[0] and "arXiv:1409.1556 table 3" in rows[0]


def test_models_as_json(striate) -> None:
    (vgg16,) = json.loads(striate("models", "vgg16", "--json").out)[:1]
    assert (vgg16["params"], vgg16["macs"], vgg16["picture"]) == (138_357_544, 15_470_264_320, [3, 224, 224])
    assert (vgg16["year"], vgg16["depth"], vgg16["field_px"], vgg16["top5_pct"]) == (2014, 16, 212, 9.618)
    assert [(error["top5_pct"], error["protocol"]) for error in vgg16["errors"]] == [(9.618, "1 crop"), (8.1, "dense")]


def test_models_filtered_and_sorted(striate) -> None:
    words = "models --max-params 10M --max-macs 3G --year 2014-2016 --sort top5_pct --json"
    names = [line["name"] for line in json.loads(striate(*words.split()).out)]
    assert names[:2] == ["densenet121", "googlenet"]


def test_models_when_none_fits(striate) -> None:
    assert striate("models", "vgg*", "--max-params", "1M").out == "no network of the zoo is like that\n"
    assert json.loads(striate("models", "vgg*", "--max-params", "1M", "--json").out) == []


def test_models_tells_of_auxiliary_heads(striate) -> None:
    assert "googlenet: 6,379,728 parameters more while training" in striate("models", "googlenet").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("models resnet19", "unknown model 'resnet19'; did you mean 'resnet18'"),
        ("models --sort size", "unknown sorting 'size'; known are depth, field_px, macs"),
        (
            "models --max-params lots",
            "an amount is a number with or without k, M, G or T, such as 10M or 1.5G, got 'lots'",
        ),
        ("models --year 98", "years are given as 2015 or 2012-2014, got '98'"),
        ("summary segnett", "unknown model 'segnett'; did you mean 'segnet'"),
        ("summary resnett50", "unknown model 'resnett50'; did you mean 'resnet50'"),
        ("summary lenet5 --depth deep", "--depth takes a whole number of at least 1, or all, got 'deep'"),
        ("summary lenet5 --json --csv", "--json, --csv and --markdown exclude each other"),
        ("summary vgg16 --size 8x8", "a 8x8 picture is too small"),
    ],
)
def test_mistakes_are_one_line(striate, words, message) -> None:
    assert message in striate(*words.split()).mistake()


def test_summary_folds_deep_networks(striate) -> None:
    answer = striate("summary", "resnet152")
    lines = answer.out.splitlines()
    assert len(lines) < 24 and lines[0] == "resnet152, one picture of 3x224x224"
    assert "60,192,808" in answer.out and "--depth all shows all 515 rows" in answer.out
    assert len(striate("summary", "resnet152", "--depth", "all").out.splitlines()) > 515


def test_summary_tells_memory_of_a_batch_and_what_is_dropped(striate) -> None:
    out = striate("summary", "resnet18", "--batch", "32").out
    assert "training keeps 709.8 MB" in out and "for a batch of 32" in out
    assert "weights; inference at least" in out and "not counted as MACs: native_batch_norm x 20" in out
    assert "layer2.0.downsample.0 1 px" in out


def test_summary_in_every_format(striate, tmp_path) -> None:
    told = json.loads(striate("summary", "lenet5", "--batch", "4", "--json").out)
    assert (told["params"], told["batch"]) == (61_706, 4)
    rows = list(csv.DictReader(io.StringIO(striate("summary", "lenet5", "--csv").out)))
    assert sum(int(row["params"]) for row in rows) == 61_706
    assert "| total |" in striate("summary", "lenet5", "--markdown").out
    page = tmp_path / "pages" / "lenet5.html"
    assert striate("summary", "lenet5", "--html", page).out == f"wrote {page}\n"
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_summary_draws_the_network(striate, tmp_path) -> None:
    file = tmp_path / "new" / "lenet.svg"
    assert striate("summary", "lenet5", "--diagram", file).out == f"wrote {file}\n"
    content = file.read_text(encoding="utf-8")
    assert content == f'<?xml version="1.0" encoding="UTF-8"?>\n{diagram("lenet5").svg}\n'
    assert striate("summary", "lenet5", "--diagram", "lenet.png").mistake() == (
        "striate: --diagram writes SVG, got lenet.png; name a file that ends in .svg"
    )


def test_summary_measures(striate) -> None:
    answer = striate("summary", "lenet5", "--time")
    assert "of ceiling" in answer.out and "3x3 convolutions of this machine reach" in answer.out
    assert json.loads(striate("summary", "lenet5", "--time", "--json").out)["timing"]["forward_ms"] > 0


def test_summary_measures_an_effective_field(striate) -> None:
    arguments = ("summary", "resnet20", "--effective-field", "layer1")
    assert "effective field of layer1, with drawn weights: as many pixels as a square of" in striate(*arguments).out
    field = json.loads(striate(*arguments, "--json").out)["effective_field"]
    # Seven 3x3 convolutions see 15 px; Luo et al. find that few of them matter.
    assert field["layer"] == "layer1" and 2 < field["diameter_px"] < 15
    assert "did you mean 'layer1'" in striate("summary", "resnet20", "--effective-field", "layr1").err


@pytest.mark.parametrize(("width", "headings"), [(30, "a long b long c"), (12, "a long c"), (4, "a")])
def test_columns_go_until_a_table_fits(monkeypatch, capsys, width, headings) -> None:
    columns = {"a": ["1"], "long": ["22222"], "b long": ["333"], "c": ["4"]}
    monkeypatch.setattr("striate.cli.networks.fits", lambda names, rows: sum(map(len, names)) + 3 <= width)
    print_widest(columns, words=("a",), left_out=("b long", "long", "c"))
    assert capsys.readouterr().out.split("\n")[0].split() == headings.split()
