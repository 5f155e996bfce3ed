"""Networks drawn: nothing overlaps, lines run from box to box, every layer is there once, whatever it is called."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from torch import nn

import striate
from striate.analysis.blocks import blocks_of
from striate.analysis.wiring import wiring
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import NAMED, create_model
from striate.report.diagram.boxes import SIDE_PX, as_map, drawn_box, word_for
from striate.report.diagram.columns import letters_mm
from striate.report.diagram.diagram import diagram
from striate.report.diagram.whole import sheet_of

SVG = "{http://www.w3.org/2000/svg}"
OF_EACH_KIND = [
    "perceptron", "lenet5", "alexnet", "vgg16", "nin", "googlenet", "resnet18", "resnet152", "densenet201",
    "fractalnet20", "quick_regnet26", "unet", "deconvnet", "multiscale", "fast_rcnn_quick_regnet26", "quick_detector",
]  # fmt: skip


def networks():
    slow = (pytest.param(name, marks=pytest.mark.slow) for name in NAMED if name not in OF_EACH_KIND)
    return [*OF_EACH_KIND, *slow]


def named(name):
    return blueprint(lambda: create_model(name))


@pytest.mark.parametrize("name", networks())
def test_every_network_of_the_zoo_lays_out(name):
    layers = wiring(named(name)).layers
    blocks = blocks_of(layers)
    for for_print in (False, True):
        sheet = sheet_of(layers, blocks, for_print=for_print)
        assert {layer for box in blocks.boxes for layer in box.layers} == set(range(len(layers)))
        repeated = {
            number for repeat in blocks.repeats for number in range(repeat.first + repeat.boxes, repeat.end)
        }  # these stand in the frame of the first
        drawn = [box.layers[0] for number, box in enumerate(blocks.boxes) if number not in repeated]
        assert sorted(spot.drawn.number for spot in sheet.spots) == drawn
        require_apart(sheet)
        require_from_box_to_box(sheet)


def require_apart(sheet):
    boxes = [spot.edges for spot in sheet.spots]
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] + 1e-6 or other[2] <= one[0] + 1e-6 or one[3] <= other[1] or other[3] <= one[1]
    for left, top, right, bottom in (*boxes, *(frame.edges for frame in sheet.frames)):
        assert left >= -1e-6 and top >= 0 and right <= sheet.width + 1e-6 and bottom <= sheet.height + 1e-6
    for frame in sheet.frames:
        for box in boxes:
            apart = (
                frame.edges[2] <= box[0]
                or box[2] <= frame.edges[0]
                or frame.edges[3] <= box[1]
                or box[3] <= frame.edges[1]
            )
            inside = all(outer <= inner for outer, inner in zip(frame.edges[:2], box[:2], strict=True)) and all(
                outer >= inner for outer, inner in zip(frame.edges[2:], box[2:], strict=True)
            )
            assert apart or inside


def require_from_box_to_box(sheet):
    """Each line begins at the lower edge of a block or a frame, or enters a frame, and ends at an upper edge."""
    uppers = {(spot.x, spot.corner[1] + spot.drawn.block.top) for spot in sheet.spots}
    lowers = {(spot.x, spot.corner[1] + spot.drawn.block.bottom) for spot in sheet.spots}
    heads, feet = set(), set()
    for frame in sheet.frames:
        heads.add(frame.edges[1])
        feet.add(frame.edges[3])
    turned = [
        line[5] for line in sheet.lines if len(line) > 5 and line[1][1] == line[2][1] and line[3][1] == line[4][1]
    ]
    for line in sheet.lines:
        (x, y), (end_x, end_y) = line[0], line[-1]
        starts = near((x, y), lowers) or any(abs(y - edge) < 1e-6 for edge in heads | feet) or near((x, y), turned)
        assert starts, line
        assert near((end_x, end_y), uppers) or any(abs(end_y - edge) < 1e-6 for edge in heads | feet), line


def near(point, places):
    return any(abs(point[0] - x) < 1e-6 and abs(point[1] - y) < 1e-6 for x, y in places)


def read(svg):
    return ElementTree.fromstring(svg)


def texts(svg):
    return ["".join(text.itertext()) for text in read(svg).iter(f"{SVG}text")]


def test_lenet_by_hand():
    drawn = diagram("lenet5")
    root = read(drawn.svg)
    assert root.find(f"{SVG}title").text == "lenet5"
    assert root.find(f"{SVG}desc").text.startswith(
        "13 layers with 61.71 k parameters, from 1×32×32 to 10; no branches."
    )
    assert root.attrib["role"] == "img"
    told = [group.find(f"{SVG}title").text for group in root.iter(f"{SVG}g") if group.get("class") == "layer"]
    assert told[0] == "Input: 1×32×32, sees 1 px"
    assert told[1] == "Conv 5×5, Tanh (features.c1): 6×28×28, 156 parameters, sees 5 px"
    assert told[-1].startswith("Linear (classifier.output): 10, 850 parameters")
    assert len(told) == len(drawn.blocks.boxes)


def test_a_folded_network_says_how_often():
    told = texts(diagram(named("resnet110")).svg)
    assert [text for text in told if text.startswith("× ")] == [
        "× 18  layer1.0 to layer1.17", "× 17  layer2.1 to layer2.17", "× 17  layer3.1 to layer3.17",
    ]  # fmt: skip
    dense = texts(diagram(named("densenet121")).svg)
    assert "× 24  features.denseblock3, alike but for channels" in dense
    assert any(text.startswith("288 to 1024×14×14") for text in dense)


def test_blocks_are_in_proportion():
    layers = wiring(named("vgg16")).layers
    blocks = [drawn_box(layers, box, "", 224.0, [(1,)]).block for box in blocks_of(layers).boxes]
    maps = [as_map(layers[box.layers[-1]].row.out_shape) for box in blocks_of(layers).boxes]
    large = [(block, sides) for block, sides in zip(blocks, maps, strict=True) if sides[1] >= 14]
    assert len(large) > 10
    for block, (channels, height, width) in large:
        assert block.height / SIDE_PX == pytest.approx(height / 224)
        assert block.right / large[0][0].right == pytest.approx(width / 224)
        assert block.thickness == pytest.approx(max(3, 1.5 * channels**0.5))


def test_names_are_escaped():
    network = nn.Sequential()
    network.add_module('<b>"&', nn.Conv2d(3, 4, 3))
    network.__class__ = type("<script>", (nn.Sequential,), {})
    svg = diagram(network, (3, 8, 8)).svg
    assert read(svg).find(f"{SVG}title").text == "<script>"
    assert "<script>" not in svg and "<b>" not in svg
    assert any(text.endswith('<b>"&') for text in texts(svg))


def test_it_needs_nothing_but_itself():
    svg = diagram(named("resnet18")).svg
    assert not re.search(r"<script|href|url\(|@import|<image|on\w+=", svg)
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


def test_for_print_letters_are_larger_in_columns():
    layers = wiring(named("resnet50")).layers
    blocks = blocks_of(layers)
    one, several = (sheet_of(layers, blocks, for_print=for_print) for for_print in (False, True))
    assert letters_mm(several) > 1.3 * letters_mm(one)
    assert len(several.lines) == len(one.lines) and len(several.spots) == len(one.spots)


def test_words_of_layers():
    network = nn.Sequential(
        nn.Conv2d(4, 8, (3, 5), stride=(2, 1), groups=2),
        nn.Conv2d(8, 8, 3, stride=2, dilation=2, padding=2),
        nn.LocalResponseNorm(5),
        nn.MaxPool2d(2),
    )
    assert [word_for(layer) for layer in wiring(network, (4, 32, 32)).layers] == [
        "Input", "Conv 3×5 /2×1 in 2 groups", "Conv 3×3 /2 dilated 2", "LocalResponseNorm", "MaxPool 2×2 /2",
    ]  # fmt: skip


def test_the_public_name():
    assert striate.diagram is diagram
    assert diagram("mlp")._repr_svg_() == diagram("mlp").svg
    with pytest.raises(StriateError, match="size is missing"):
        striate.diagram(nn.Conv2d(3, 4, 3))
