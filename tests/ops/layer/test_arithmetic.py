"""One layer by hand: against arithmetic written here, and against torch itself."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.ops import windows
from striate.ops.layer.arithmetic import Layer, work_out
from striate.ops.layer.drawing import WRITING, draw_windows
from striate.ops.layer.sentences import as_text

torch.set_num_threads(1)
SIDES = st.tuples(st.integers(1, 16), st.integers(1, 16))
SMALL = st.tuples(st.integers(1, 4), st.integers(1, 4))
PADDINGS = st.tuples(st.integers(0, 3), st.integers(0, 3))


def answered(layer: Layer):
    """The answer, or nothing where it is refused."""
    try:
        return work_out(layer)
    except StriateError:
        return None


def untouched(answer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows and columns; where no window touches any row, no column is seen either, and the other way round."""
    rows, columns = answer.height.untouched, answer.width.untouched
    if len(rows) == answer.height.row_px or len(columns) == answer.width.row_px:
        return tuple(range(answer.height.row_px)), tuple(range(answer.width.row_px))
    return rows, columns


def unseen(gradient: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows and columns that get no gradient at all."""
    rows, columns = gradient.abs().sum((0, 1, 3)), gradient.abs().sum((0, 1, 2))
    return tuple((rows == 0).nonzero().flatten().tolist()), tuple((columns == 0).nonzero().flatten().tolist())


@settings(max_examples=150, deadline=None)
@given(SIDES, SMALL, SMALL, PADDINGS, SMALL, st.sampled_from([(4, 6, 1), (4, 6, 2), (3, 3, 3), (2, 5, 1)]))
def test_convolution_agrees_with_torch(side, kernel, stride, padding, dilation, channels) -> None:
    given_channels, filters, groups = channels
    layer = Layer("conv", (given_channels, *side), kernel, filters, stride, padding, dilation, groups)
    module = torch.nn.Conv2d(given_channels, filters, kernel, stride, padding, dilation, groups)
    torch.nn.init.ones_(module.weight)
    image = torch.ones(1, given_channels, *side, requires_grad=True)
    answer = answered(layer)
    if answer is None:
        with pytest.raises(RuntimeError):
            module(image)
        return
    made = module(image)
    assert (1, *answer.out_shape) == made.shape
    assert (answer.weights, answer.biases) == (module.weight.numel(), filters)
    made.sum().backward()
    assert untouched(answer) == unseen(image.grad)
    # the constant picture of ones: each output sums its taps on the picture, so all outputs sum the multiplications
    without_padding = Layer("conv", (given_channels, *side), kernel, filters, stride, (0, 0), dilation, groups)
    if padding == (0, 0):
        assert answer.macs == int((made - module.bias[:, None, None]).sum().round())
        assert answer == work_out(without_padding)


@settings(max_examples=150, deadline=None)
@given(SIDES, SMALL, SMALL, PADDINGS, st.booleans())
def test_pooling_agrees_with_torch(side, kernel, stride, padding, up) -> None:
    layer = Layer("pool", (2, *side), kernel, None, stride, padding, rounding="up" if up else "down")
    image = torch.ones(1, 2, *side, requires_grad=True)
    answer = answered(layer)
    if answer is None:
        with pytest.raises(RuntimeError):
            F.avg_pool2d(image, kernel, stride, padding, ceil_mode=up)
        return
    made = F.avg_pool2d(image, kernel, stride, padding, ceil_mode=up)
    assert (1, *answer.out_shape) == made.shape
    made.sum().backward()
    assert untouched(answer) == unseen(image.grad)
    assert (answer.weights, answer.biases, answer.macs) == (0, 0, 0)


@settings(max_examples=150, deadline=None)
@given(SIDES, SMALL, SMALL, PADDINGS, SMALL, st.booleans())
def test_dilated_pooling_agrees_with_torch(side, kernel, stride, padding, dilation, up) -> None:
    """Its padding may be half of the kernel, not half of what the dilated kernel spans."""
    answer = answered(
        Layer("pool", (2, *side), kernel, None, stride, padding, dilation, rounding="up" if up else "down")
    )
    image = torch.ones(1, 2, *side)
    if answer is None:
        with pytest.raises(RuntimeError):
            F.max_pool2d(image, kernel, stride, padding, dilation, ceil_mode=up)
        return
    assert (1, *answer.out_shape) == F.max_pool2d(image, kernel, stride, padding, dilation, ceil_mode=up).shape


@settings(max_examples=150, deadline=None)
@given(SIDES, SMALL, SMALL, PADDINGS, SMALL, SMALL)
def test_transposed_convolution_agrees_with_torch(side, kernel, stride, padding, dilation, more) -> None:
    output_padding = (more[0] - 1, more[1] - 1)
    layer = Layer("deconv", (2, *side), kernel, 3, stride, padding, dilation, 1, True, "down", output_padding)
    module = torch.nn.ConvTranspose2d(2, 3, kernel, stride, padding, output_padding, 1, True, dilation)
    answer = answered(layer)
    if answer is None:  # torch refuses too, or makes nothing
        with pytest.raises((RuntimeError, ValueError)):
            if not module(torch.ones(1, 2, *side)).numel():
                raise ValueError("empty")
        return
    torch.nn.init.ones_(module.weight)
    made = module(torch.ones(1, 2, *side)) - module.bias[:, None, None]
    assert (1, *answer.out_shape) == made.shape
    assert answer.weights == module.weight.numel()
    assert untouched(answer) == unseen(made.detach().round(decimals=3))
    if padding == (0, 0):  # then nothing is cut off, and every multiplication arrives in the sum
        assert answer.macs == int(made.sum().round())


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(1, 3))
def test_same_is_a_convolution_of_the_padded_picture(size, kernel, stride, dilation) -> None:
    answer = work_out(Layer("conv", (1, size, size), (kernel,) * 2, 1, (stride,) * 2, "same", (dilation,) * 2))
    before, after = answer.width.padding
    padded = F.pad(torch.ones(1, 1, 1, size), (before, after))
    made = F.conv2d(padded, torch.ones(1, 1, 1, kernel), stride=(1, stride), dilation=(1, dilation))
    assert answer.width.out_px == made.shape[-1] == -(-size // stride)
    assert after - before in (0, 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5))
def test_transposed_same_undoes_same(size, kernel, stride) -> None:
    assume(kernel >= stride)
    axis = work_out(Layer("deconv", (1, size, size), (kernel,) * 2, 1, (stride,) * 2, "same")).width
    assert windows.same_output_size(axis.out_px, stride) == size
    assert axis.padding == windows.same_padding(axis.out_px, kernel, stride)


def arithmetic(*args: object, **kwargs: object) -> str:
    return work_out(Layer(*args, **kwargs)).width.arithmetic  # type: ignore[arg-type]


def test_arithmetic_as_it_is_written() -> None:
    assert arithmetic("conv", (3, 32, 32), (5, 5), 10, padding=(2, 2)) == "(32 + 2x2 - 5) / 1 + 1 = 32"
    assert arithmetic("conv", (3, 227, 227), (11, 11), 96, (4, 4)) == "(227 - 11) / 4 + 1 = 55"
    assert arithmetic("conv", (3, 224, 224), (11, 11), 96, (4, 4)) == "(224 - 11) / 4 + 1 = 54.25, rounded down to 54"
    assert arithmetic("conv", (1, 9, 9), (3, 3), 1, dilation=(2, 2)) == "(9 - 5) / 1 + 1 = 5"
    up = arithmetic("pool", (1, 112, 112), (3, 3), None, (2, 2), rounding="up")
    assert up == "(112 - 3) / 2 + 1 = 55.5, rounded up to 56"
    cut = arithmetic("pool", (1, 4, 4), (1, 1), None, (2, 2), rounding="up")
    assert cut == "(4 - 1) / 2 + 1 = 2.5, rounded up to 3, without the last window, which would start outside: 2"
    assert arithmetic("pool", (1, 4, 4), (1, 1), None, (2, 2), rounding="caffe").endswith("rounded up to 3")
    larger = arithmetic("pool", (1, 2, 2), (3, 3), None, (2, 2), rounding="up")
    assert larger == "(2 - 3) / 2 + 1 = 0.5, rounded up to 1"
    assert arithmetic("conv", (3, 224, 224), (7, 7), 1, (2, 2), "same") == "224 / 2 = 112"
    assert arithmetic("conv", (3, 7, 7), (3, 3), 1, (2, 2), "same") == "7 / 2 = 3.5, rounded up = 4"
    assert arithmetic("deconv", (1, 4, 4), (3, 3), 1, (2, 2), (1, 1), output_padding=(1, 1)) == (
        "(4 - 1) x 2 - 2x1 + 3 + 1 = 8"
    )
    assert arithmetic("deconv", (1, 7, 7), (3, 3), 1, (2, 2), "same") == "7 x 2 = 14"
    assert arithmetic("deconv", (1, 7, 7), (3, 3), 1, (2, 2), "valid") == "7 x 2 + 3 - 2 = 15"


def test_strides_that_do_not_fit() -> None:
    axis = work_out(Layer("conv", (1, 7, 7), (3, 3), 1, stride=(3, 3))).width
    assert (axis.left_over_px, axis.untouched) == (7 - 2 * 3, (6,))
    larger = work_out(Layer("pool", (1, 2, 2), (3, 3), stride=(2, 2), rounding="up")).width
    assert (larger.left_over_px, larger.untouched) == (2, ())  # no window fits; the one there is sees both pixels
    holes = work_out(Layer("conv", (1, 7, 7), (1, 1), 1, stride=(2, 2))).width
    assert (holes.left_over_px, holes.untouched) == (0, (1, 3, 5))


def test_grouped_cost_by_hand() -> None:
    answer = work_out(Layer("conv", (96, 27, 27), (5, 5), 256, padding=(2, 2), groups=2))  # AlexNet's conv2
    assert answer.weights == 256 * 48 * 5 * 5 == 307_200
    assert answer.macs == 307_200 * 27 * 27
    assert answer.output_bytes == 4 * 256 * 27 * 27


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Layer("conf", (3, 8, 8), (3, 3), 4), "unknown layer kind 'conf'; did you mean 'conv'"),
        (Layer("conv", (3, 8, 8), (3, 3)), "conv needs filters: how many channels come out"),
        (Layer("conv", (3, 8, 8), (3, 3), 4, groups=2), "2 groups must divide the channels, 3, and the filters, 4"),
        (Layer("conv", (3, 8, 8), (0, 3), 4), "kernel must be at least 1, got 0"),
        (Layer("conv", (3, 8, 8), (3, 3), 4, (0, 1)), "stride must be at least 1, got 0"),
        (Layer("conv", (0, 8, 8), (3, 3), 4), "channels must be at least 1, got 0"),
        (Layer("conv", (3, 2, 8), (5, 5), 4), "a window of 5 pixels does not fit into 2 pixels with 0 of padding"),
        (Layer("conv", (3, 8, 8), (3, 3), 4, rounding="up"), "conv has no rounding to choose; only pool rounds up"),
        (Layer("conv", (3, 8, 8), (3, 3), 4, output_padding=(1, 1)), "output padding belongs to deconv, not to conv"),
        (Layer("pool", (3, 8, 8), (2, 2), 4), "pool works on each channel by itself: it takes neither filters"),
        (Layer("pool", (3, 8, 8), (2, 2), padding=(2, 2)), "a padding of 2 is more than half of the pooling kernel"),
        (
            Layer("pool", (3, 9, 9), (3, 3), padding=(2, 2), dilation=(2, 2)),
            "a padding of 2 is more than half of the pooling kernel of 3, which torch refuses; 1 at most",
        ),
        (Layer("pool", (3, 8, 8), (2, 2), padding="same", rounding="up"), "padding 'same' decides the output size"),
        (Layer("pool", (3, 8, 8), (2, 2), dilation=(2, 2), rounding="caffe"), "Caffe's pooling has no dilation, got 2"),
        (Layer("deconv", (3, 8, 8), (2, 2), 4, padding="same", dilation=(2, 2)), "told for a dilation of 1, got 2"),
        (Layer("deconv", (3, 1, 1), (2, 2), 4, padding=(3, 3)), "a padding of 3 cuts off everything"),
        (Layer("conv", (3, 30_000, 8), (3, 3), 4), "the input may have 20,000 pixels a side at most, got 30,000"),
        (Layer("deconv", (3, 9_000, 8), (3, 3), 4, (9, 9)), "the output may have 20,000 pixels a side at most"),
    ],
)
def test_what_does_not_exist_is_one_clear_error(layer: Layer, message: str) -> None:
    with pytest.raises(StriateError) as error:
        work_out(layer)
    assert message in str(error.value)


def test_whole_text() -> None:
    assert as_text(work_out(Layer("conv", (2, 7, 7), (3, 3), 4, stride=(3, 3), groups=2))).splitlines() == [
        "convolution of 2x7x7: 4 filters of 3x3, stride 3, padding 0, 2 groups",
        "output      4x2x2",
        "sides       (7 - 3) / 3 + 1 = 2.333, rounded down to 2",
        "parameters  4 x (2 / 2)x3x3 = 36 weights + 4 biases = 40",
        "MACs        36 x 2x2 places of the output = 144",
        "memory      4x2x2 = 16 numbers, 64 bytes as 32-bit floats",
        "fits        no, the stride leaves over 1 of the height and 1 of the width; never seen: rows 6 and columns 6",
        "",
        "along the width: # reads this pixel",
        "             0 1 2 3 4 5 6",
        "window 0     # # # . . . .",
        "window 1     . . . # # # .",
        "never seen               x",
    ]


def test_text_of_a_transposed_layer_with_holes() -> None:
    text = as_text(work_out(Layer("deconv", (2, 3, 4), (1, 1), 4, stride=(2, 2), padding="valid", bias=False)))
    assert "height      3 x 2 = 6\n" in text and "width       4 x 2 = 8\n" in text
    assert "4 x 2x1x1 = 8 weights, no biases" in text and "8 x 3x4 places of the input = 96" in text
    assert "never written (bias only): rows 1, 3, 5 and columns 1, 3, 5, 7" in text


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 20), st.integers(1, 9), st.integers(0, 9), st.integers(1, 3))
def test_drawing_marks_the_taps_and_fits_the_terminal(size, kernel, stride, padding, dilation) -> None:
    answer = answered(Layer("conv", (1, size, size), (kernel,) * 2, 1, (stride,) * 2, (padding,) * 2, (dilation,) * 2))
    assume(answer is not None)
    axis = answer.width
    _, ruler, *lines = draw_windows(axis)
    assert all(len(line) <= 76 for line in (ruler, *lines))
    if "..." not in "".join((ruler, *lines)):
        marks = [line.split()[2:] for line in lines if line.startswith("window")]
        pixels = [int(label) for label in ruler.split()]
        for start, row in zip(axis.starts, marks, strict=True):
            drawn = [pixel for pixel, mark in zip(pixels, row, strict=True) if mark in "#o"]
            assert drawn == [start + tap for tap in axis.taps]
            assert all((mark == "o") == (not 0 <= p < size) for p, mark in zip(pixels, row, strict=True) if mark != ".")


def test_drawing_of_a_transposed_layer() -> None:
    axis = work_out(Layer("deconv", (1, 2, 2), (3, 3), 1, stride=(2, 2), padding=(1, 1))).width
    assert draw_windows(axis, WRITING) == [
        "# adds to this pixel of the output, o is cut off",
        "                -1  0  1  2  3",
        "input 0          o  #  #  .  .",
        "input 1          .  .  #  #  o",
    ]


def test_dict_is_json() -> None:
    told = json.loads(json.dumps(work_out(Layer("conv", (3, 7, 9), (3, 3), 8, stride=(3, 3))).to_dict()))
    assert (told["out_shape"], told["params"], told["macs"]) == ([8, 2, 3], (27 + 1) * 8, 27 * 8 * 2 * 3)
    assert (told["height"]["fits"], told["height"]["untouched_px"], told["width"]["fits"]) == (False, [6], True)
    assert told["width"]["starts_px"] == [0, 3, 6]
