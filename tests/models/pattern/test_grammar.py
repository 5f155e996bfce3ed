"""Patterns as text: what is read, how it is written back, and the column of what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.models.pattern import ALEXNET, LENET5, VGG16, canonical, is_pattern, parse
from striate.models.pattern.grammar import Pattern, Repeat
from striate.models.pattern.words import Layer, read_word

ISSUE = "[(conv64-relu)*2-pool]*3-(fc256-relu)*1-softmax"


def kinds(text: str) -> list[str]:
    return [str(layer) for layer in parse(text).layers()]


@pytest.mark.parametrize(
    "text, written",
    [
        (ISSUE, "((conv64-relu)*2-pool)*3-fc256-relu-softmax"),
        ("INPUT->[[CONV8->RELU]*2->POOL?]*1->[FC9->RELU]*2->FC", "(conv8-relu)*2-pool-(fc9-relu)*2-softmax"),
        (" conv8 - relu\n", "conv8-relu-softmax"),
        ("(conv8*2)*3-fc-softmax", "conv8*6-softmax"),
        ("conv8*2*3", "conv8*6-softmax"),
        ("((conv8-relu))-[gap]", "conv8-relu-gap-softmax"),
        ("conv8k3s1p1g1-conv8k5p2-conv8k1p0-conv8k4s2p1", "conv8-conv8k5-conv8k1-conv8k4s2-softmax"),
        ("maxpool2-pool2s2p0-pool2s1-pool3-avgpool2p1", "pool-pool-pool2s1-pool3-avgpool2p1-softmax"),
        ("dropout-dropout.25-dropout0.50", "dropout0.5-dropout0.25-dropout0.5-softmax"),
        ("dense7-batchnorm-linear8-relu", "fc7-bn-fc8-relu-softmax"),
        ("input3x32x48-softmax7", "input3x32x48-softmax7"),
        ("softmax", "softmax"),
        *[(text, text) for text in (LENET5, ALEXNET, VGG16)],
    ],
)
def test_the_canonical_text(text: str, written: str) -> None:
    assert str(parse(text)) == written
    assert parse(written) == parse(text)


def test_layers_are_written_out_in_their_order() -> None:
    assert kinds("[(conv4-relu)*2-pool]*2") == ["conv4", "relu", "conv4", "relu", "pool"] * 2
    assert (parse("input1x8x9-softmax4").size, parse("input1x8x9-softmax4").classes) == ((1, 8, 9), 4)


convolutions = st.builds(
    lambda filters, kernel, stride, padding, groups: Layer("conv", filters, kernel, stride, padding, groups),
    st.integers(1, 99), st.integers(1, 7), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3),
)  # fmt: skip
pools = st.integers(1, 5).flatmap(
    lambda window: st.builds(
        lambda kind, stride, padding: Layer(kind, None, window, stride, padding),
        st.sampled_from(("pool", "avgpool")), st.integers(1, 5), st.integers(0, window // 2),
    )
)  # fmt: skip
others = st.one_of(
    st.sampled_from(("gap", "bn", "lrn", "relu", "leakyrelu", "elu", "tanh", "sigmoid")).map(Layer),
    st.integers(0, 9_999).map(lambda number: Layer("dropout", number / 10_000)),
)
layers = st.one_of(convolutions, pools, others)


def repeated(inside: st.SearchStrategy[tuple[object, ...]]) -> st.SearchStrategy[tuple[object, ...]]:
    """Sequences in which some items are repetitions, none of them of a repetition alone."""
    groups = st.builds(Repeat, inside.filter(lambda items: not isinstance(items[0], Repeat) or len(items) > 1),
                       st.integers(2, 3))  # fmt: skip
    return st.lists(st.one_of(layers, groups), min_size=1, max_size=3).map(tuple)


sequences = st.recursive(st.lists(layers, min_size=1, max_size=3).map(tuple), repeated, max_leaves=6)
patterns = st.builds(
    Pattern,
    sequences,
    st.none() | st.tuples(st.integers(1, 4), st.integers(1, 99), st.integers(1, 99)),
    st.none() | st.integers(1, 999),
)


@given(patterns)
def test_what_is_written_is_read_as_the_same(pattern: Pattern) -> None:
    assert parse(str(pattern)) == pattern
    assert str(parse(str(pattern).upper().replace("-", " -> "))) == str(pattern)


@given(st.text("convplrefu123(*)[]-> ?.x", max_size=30))
def test_any_text_is_a_pattern_or_one_sentence_with_a_column(text: str) -> None:
    try:
        written = str(parse(text))
    except StriateError as error:
        said = str(error)
        assert said.startswith("column ") and "\n" not in said
        assert 1 <= int(said.split()[1]) <= len(text) + 1
    else:
        assert str(parse(written)) == written


@pytest.mark.parametrize(
    "text, said",
    [
        ("conv64-(cnv64-relu)*2", "column 9 of the pattern: 'cnv64' is no layer; did you mean conv64? layers are "),
        ("conv64-64", "column 8 of the pattern: '64' is no layer; layers are input3x32x32, conv64, pool,"),
        ("conv-relu", "column 5 of the pattern: conv needs its number of filters, such as conv64"),
        ("conv0", "column 5 of the pattern: the number of conv must be between 1 and 65,536, got 0"),
        ("conv1.5", "column 5 of the pattern: conv takes a whole number, such as conv64, got 1.5"),
        ("conv8kk3", "column 6 of the pattern: 'kk3' is nothing that conv64 may have; options are k (kernel), s (str"),
        ("conv8k3k5", "column 8 of the pattern: the kernel of conv stands twice"),
        ("conv8s0", "column 6 of the pattern: the stride of conv must be between 1 and 255, got 0"),
        ("conv3x3", "column 6 of the pattern: conv has no option 'x'; options are k (kernel), s (stride), p (paddi"),
        ("relu2", "column 5 of the pattern: relu takes no number, got 2; a repetition is relu*2"),
        ("pool2p2", "column 1 of the pattern: 'pool2p2' pads more than half of its window: 2 of 2"),
        ("dropout1", "column 8 of the pattern: the number of dropout must be between 0 and 0.9999, got 1"),
        ("dropout0.00001", "column 8 of the pattern: a dropout has at most four decimals, got 0.00001"),
        ("conv8 relu", "column 7 of the pattern: 'relu' needs - or -> before it"),
        ("conv8-relu-", "column 12 of the pattern: a layer is missing: input3x32x32, conv64"),
        ("conv8--relu", "column 7 of the pattern: a layer is missing before '-': input3x32x32"),
        ("(conv8-relu", "column 1 of the pattern: '(' is never closed"),
        ("[conv8-relu)*2", "column 12 of the pattern: ')' does not close '[' of column 1; ']' does"),
        ("conv8)-relu", "column 6 of the pattern: ')' closes no bracket"),
        ("conv8-()", "column 8 of the pattern: a layer is missing before ')'"),
        ("[(conv8)*N]*M", "column 10 of the pattern: * needs a number of times behind it, such as *2, got 'N'"),
        ("conv8*", "column 7 of the pattern: * needs a number of times behind it, such as *2"),
        ("conv8*0", "column 7 of the pattern: a repetition is 1 to 1,000 times, got 0"),
        ("((conv8-relu)*100)*100", "column 19 of the pattern: a pattern has at most 1,000 layers, up to here it has"),
        ("(" * 17 + "conv8" + ")" * 17, "column 17 of the pattern: brackets may stand 16 deep at most"),
        ("conv8" + "-relu" * 500, "column 2001 of the pattern: a pattern has at most 2,000 characters, got 2,505"),
        ("conv8+relu", "column 6 of the pattern: '+' is no sign of a pattern, which has letters, numbers and - -> ("),
        ("conv8-fc10-softmax", "column 7 of the pattern: fc10 stands directly before the class layer, which has one"),
        ("conv8-fc-relu", "column 7 of the pattern: fc needs its number of units, such as fc256; only the last one"),
        ("softmax-relu", "column 1 of the pattern: softmax stands only at the end"),
        ("conv8-input", "column 7 of the pattern: input stands only at the beginning"),
        ("(conv8-softmax)*2", "column 8 of the pattern: softmax cannot be repeated"),
        ("input32x32", "column 1 of the pattern: the size of an input is input3x32x32: channels, height, width;"),
        ("", "column 1 of the pattern: a layer is missing: input3x32x32"),
    ],
)  # fmt: skip
def test_mistakes_name_their_column(text: str, said: str) -> None:
    with pytest.raises(StriateError) as caught:
        parse(text)
    assert str(caught.value).startswith(said)


def test_a_word_knows_where_it_stands() -> None:
    assert [layer.column for layer in parse("conv8 -> [relu - pool]").layers()] == [1, 11, 18]
    assert read_word("conv8", 3) == read_word("CONV8k3", 9)


@pytest.mark.parametrize(
    "name, meant",
    [
        (ISSUE, True), ("conv64", True), ("softmax", True), ("[cnv64-relu]", True), ("INPUT -> FC", True),
        ("resnet-18", False), ("convnext-tiny", False), ("runs/conv8-relu", False), ("net.py:conv", False),
        ("vgg16", False), ("inception_v4", False), ("conv_net", False), ("", False),
    ],
)  # fmt: skip
def test_names_that_are_meant_for_patterns(name: str, meant: bool) -> None:
    assert is_pattern(name) is meant
    assert meant or canonical(name) == name
