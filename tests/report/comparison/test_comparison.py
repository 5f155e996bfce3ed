from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from PIL import Image

from striate.core.errors import StriateError
from striate.report.comparison.bubble_chart import chart_of
from striate.report.comparison.comparison import compare, write_comparison

NAMES = ["alexnet", "vgg16", "googlenet", "resnet50", "resnet152", "resnet20"]


def test_circles_stand_at_their_error_and_their_areas_are_the_parameters():
    found = compare(NAMES)
    assert [network.name for network in found.not_drawn] == ["alexnet", "resnet20"]
    circles = {bubble.network.name: bubble for bubble in chart_of(found.drawn, found.protocol).bubbles}
    by_error = sorted(found.drawn, key=lambda network: network.top5_pct)
    assert [circles[n.name].y for n in by_error] == sorted((circles[n.name].y for n in by_error), reverse=True)
    by_macs = sorted(found.drawn, key=lambda network: network.macs)
    assert [circles[n.name].x for n in by_macs] == sorted(circles[n.name].x for n in by_macs)
    ratio = (circles["vgg16"].radius / circles["resnet50"].radius) ** 2
    assert ratio == pytest.approx(138_357_544 / 25_557_032)


def test_errors_of_different_protocols_are_not_drawn_together():
    remark = compare(["alexnet", "vgg16", "resnet50_paper", "resnet50", "lenet5"]).remarks()[:2]
    assert remark == [
        "not in the chart, as no top-5 error on ImageNet is published: lenet5",
        "not in the chart of errors at 1 crop, as theirs are of another protocol and do not compare: alexnet (18.2 %, "
        "10 crops), resnet50_paper (6.71 %, 10 crops)",
    ]
    at_ten = compare(["alexnet", "resnet50_paper", "resnet152_paper", "vgg16"])
    assert (at_ten.protocol, [network.name for network in at_ten.not_drawn]) == ("10 crops", ["vgg16"])


def test_labels_do_not_overlap():
    labels = [bubble.label for bubble in chart_of(compare(NAMES).drawn, "1 crop").bubbles]
    for a, b in combinations(labels, 2):
        assert abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2


def test_the_key_stays_on_the_picture():
    for x, radius, label in chart_of(compare(NAMES).drawn, "1 crop").sizes:
        assert x - radius >= 0
        assert x + radius + 6 + 8 * len(label) <= 960
        assert radius <= 32


def test_files_are_what_their_names_say(tmp_path):
    files = {path.suffix: path for path in write_comparison(compare(["alexnet", "resnet50"]), tmp_path)}
    assert ET.parse(files[".svg"]).getroot().tag.endswith("svg")
    picture = Image.open(io.BytesIO(files[".png"].read_bytes()))
    assert min(picture.size) > 600
    page = files[".html"].read_text(encoding="utf-8")
    assert "alexnet" in page and "<svg" in page
    assert "src=" not in page and "<script" not in page


def test_without_any_error_there_is_no_chart(tmp_path):
    assert [path.name for path in write_comparison(compare(["lenet5", "mlp"]), tmp_path)] == ["compare.html"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["alexnet"], "a comparison needs at least two networks, got alexnet"),
        (["vgg16", "vgg16"], "networks are compared once each, got vgg16 twice"),
        (["vgg16", "resnet51"], "unknown model 'resnet51'; did you mean 'resnet5"),
    ],
)
def test_mistakes_are_refused(names, message):
    with pytest.raises(StriateError, match=message):
        compare(names)
