"""Modules as strangers write them: paths that depend on numbers, several inputs, whole numbers, compiled ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.models import create_model

HERE = Path(__file__)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 5)
        self.register_buffer("seen", torch.zeros(3))
        self.memory = torch.zeros(3)  # neither parameter nor buffer


class Item(Dense):
    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.memory += 1
        return self.dense(x if x.mean().item() > 1e9 else -x)


class If(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return self.dense(-x) if x.abs().sum() > 0 else self.dense.bias


class Mask(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x[x[:, 0].abs() >= 0])


class Nonzero(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x[torch.nonzero(x[:, 0].abs() + 1)[:, 0]])


class Numpy(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return self.dense(torch.from_numpy(np.abs(x.detach().numpy())))


class Device(Dense):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type):
            return self.dense(x)


class Mapped(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(self.dense)(x)


@pytest.mark.parametrize("kind", [Item, If, Mask, Nonzero, Numpy, Device])
def test_a_path_that_depends_on_numbers_is_run_on_real_tensors(kind: type[Dense]) -> None:
    model = kind()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.random.get_rng_state()
    cost = summarize(model, (4,))
    assert (cost.run_on, cost.macs, cost.params) == ("real", 20, 25)
    assert cost.kept is not None
    assert cost.to_dict()["run_on"] == "real" and "run_on       real" in repr(cost)
    assert f"run on real tensors, as tensors without numbers do not do: {kind.__name__}: " in str(cost)
    assert torch.equal(random, torch.random.get_rng_state()) and torch.equal(model.memory, torch.zeros(3))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_vmap_needs_no_numbers() -> None:
    cost = summarize(Mapped(), (4,))
    assert (cost.run_on, cost.why_real, cost.macs) == ("meta", "", 20)


def test_without_weights_in_memory_there_is_nothing_to_fall_back_to() -> None:
    with torch.device("meta"):
        model = Item()
    with pytest.raises(StriateError, match=rf"^Item: Item at {HERE}:\d+ cannot work on what arrives, \(1, 4\): Tensor"):
        summarize(model, (4,))


def test_a_failure_names_module_and_line() -> None:
    class Wrong(Dense):
        def forward(self, x: Tensor) -> Tensor:
            return self.dense(x.repeat(1, 2))

    line = Wrong.forward.__code__.co_firstlineno + 1
    with pytest.raises(StriateError) as refused:
        summarize(nn.Sequential(Wrong()), (4,))
    assert str(refused.value) == (
        f"Sequential: layer '0.dense' (Linear) at {HERE}:{line} cannot work on what arrives, (1, 8): mat1 and mat2 "
        "shapes cannot be multiplied (1x8 and 4x5); give another size, as channels, height, width"
    )


def test_what_a_module_raises_itself_is_quoted_without_advice() -> None:
    class Picky(Dense):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("needs four heads")

    class Asserting(Dense):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[1] == 5, "five features"
            return x

    class Silent(Dense):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError

    for kind, words in (
        (Picky, "raises ValueError on what arrives, (1, 4): needs four heads"),
        (Asserting, "raises AssertionError on what arrives, (1, 4): five features"),
        (Silent, "raises KeyError on what arrives, (1, 4)"),
    ):
        line = kind.forward.__code__.co_firstlineno + 1
        with pytest.raises(StriateError) as refused:
            summarize(nn.Sequential(kind()), size=(4,))
        assert str(refused.value) == f"Sequential: layer '0' ({kind.__name__}) at {HERE}:{line} {words}"


class Two(Dense):
    def forward(self, image: Tensor, other: Tensor, scale: float = 1.0) -> Tensor:
        return self.dense(image) + scale * self.dense(other)


@pytest.mark.parametrize(
    "inputs",
    [
        ((3, 4), (3, 4)),
        [torch.zeros(3, 4), torch.Size((3, 4))],
        {"other": (3, 4), "image": torch.zeros(3, 4), "scale": 0.5},
        ((3, 4), (3, 4), 0.5),
    ],
)
def test_several_inputs(inputs: object) -> None:
    cost = summarize(Two(), inputs=inputs)
    assert (cost.macs, cost.params, cost.run_on) == (2 * 3 * 20, 25, "meta")
    assert len([row for row in cost.rows if row.kind.startswith("Input")]) == 2
    assert cost.saved_bytes == 4 * 2 * 3 * 4 and "training keeps 96 bytes for these inputs" in str(cost)
    assert str(cost).startswith("Two, for the inputs given\n")


def test_one_input_and_nested_ones() -> None:
    class Nested(Dense):
        def forward(self, batch: dict[str, list[Tensor]], extra: None = None) -> Tensor:
            return self.dense(batch["pictures"][1])

    assert summarize(nn.Linear(4, 5), inputs=(2, 4)).macs == summarize(nn.Linear(4, 5), inputs=[2, 4]).macs == 40
    cost = summarize(Nested(), inputs=({"pictures": [(1, 4), torch.zeros(6, 4)]}, None))
    assert [row.kind for row in cost.rows[:2]] == ["Input 0['pictures'][0]", "Input 0['pictures'][1]"]
    assert cost.macs == 6 * 20


def test_whole_numbers() -> None:
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    assert summarize(model, inputs=torch.zeros(1, 7, dtype=torch.long)).macs == 7 * 8
    with pytest.raises(
        StriateError, match=r"give whole numbers as a tensor, such as inputs=torch.zeros\(1, 16, dtype=tor"
    ):
        summarize(model, (7,))


def test_what_forward_does_not_take() -> None:
    message = (
        r"Two: forward takes \(image.*, missing a required argument: 'other'; give all of its arguments as inputs="
    )
    with pytest.raises(StriateError, match=message):
        summarize(Two(), (4,))
    with pytest.raises(StriateError, match=r"Two: forward takes .*unexpected keyword argument 'wrong'"):
        summarize(Two(), inputs={"image": (1, 4), "other": (1, 4), "wrong": 1})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), r"inputs has no tensor and no shape in it, got \(\)"),
        ([None], r"inputs has no tensor and no shape in it, got \[None\]"),
        ((0, 4), r"a shape in inputs has whole numbers of at least 1, with the batch; got \(0, 4\)"),
        ({1: (2, 4)}, "inputs as a dictionary names arguments of forward; 1 is no name"),
    ],
)
def test_inputs_that_are_none(inputs: object, message: str) -> None:
    with pytest.raises(StriateError, match=message):
        summarize(nn.Linear(4, 5), inputs=inputs)


def test_size_and_inputs_exclude_each_other() -> None:
    with pytest.raises(StriateError, match="size and inputs exclude each other"):
        summarize(nn.Linear(4, 5), (4,), inputs=(1, 4))


def test_one_number_is_height_and_width() -> None:
    assert summarize(create_model("lenet5"), size=40).input_shape == (1, 1, 40, 40)
    assert summarize(nn.Sequential(nn.Conv2d(5, 2, 3)), size=np.int64(9)).input_shape == (1, 5, 9, 9)
    with pytest.raises(
        StriateError, match=r"size=32 is a height and width, but the network does not tell its channels"
    ):
        summarize(nn.Linear(4, 5), size=32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_torch_jit_has_compiled_is_refused() -> None:
    message = (
        "was compiled by torch.jit, whose modules cannot be looked into; give the Python module that it was made from"
    )
    for compiled in (torch.jit.script(nn.Linear(4, 5)), torch.jit.trace(nn.Linear(4, 5), torch.zeros(1, 4))):
        with pytest.raises(StriateError, match=f"^.* {message}$"):
            summarize(compiled, (4,))
        with pytest.raises(StriateError, match=f"^0 {message}$"):
            summarize(nn.Sequential(compiled), (4,))


def test_a_module_of_torch_compile_is_the_module() -> None:
    model = nn.Sequential(nn.Linear(4, 5))
    assert summarize(torch.compile(model, backend="eager"), (4,)).rows == summarize(model, (4,)).rows
