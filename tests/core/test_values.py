from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from striate.core.errors import StriateError
from striate.core.values import checked, converted


class Place:
    """Something that stands for a path, as an open run does."""

    def __fspath__(self) -> str:
        return "runs/cats"


@pytest.mark.parametrize(
    ("value", "kind", "taken"),
    [
        (3.0, int, 3),
        (np.int64(3), int, 3),
        (np.float32(3), int, 3),
        (np.array(3), int, 3),
        (torch.tensor(3), int, 3),
        (3, float, 3.0),
        (np.float64(0.1), float, 0.1),
        (np.float32(0.5), float, 0.5),
        (np.bool_(True), bool, True),
        (np.str_("sgd"), str, "sgd"),
        (np.int64(3), int | None, 3),
        (None, int | None, None),
        ([0.5, 1], tuple[float, ...], (0.5, 1.0)),
        (np.array([0.5, 0.75]), tuple[float, ...], (0.5, 0.75)),
        (0.5, tuple[float, ...], (0.5,)),
        ("layer2", tuple[str, ...], ("layer2",)),
        (np.array([8, 9]), tuple[int, int], (8, 9)),
        ("a", Literal["a", "b"], "a"),
        (Path("x"), str | Path, Path("x")),
        (Place(), str | Path, "runs/cats"),
        (Path("x"), str, "x"),
    ],
)
def test_what_a_person_would_pass_is_taken_as_python_s_own(value, kind, taken):
    answer = converted("field", value, kind)
    assert answer == taken
    assert type(answer) is type(taken)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("32", int, "field must be a whole number, got '32' (str)"),
        (1.5, int, "field must be a whole number, got 1.5 (float)"),
        (float("inf"), int, "field must be a whole number, got inf (float)"),
        (True, int, "field must be a whole number, got True (bool)"),
        (np.bool_(True), float, f"field must be a number, got {np.bool_(True)!r} (bool)"),
        (10**400, float, "field must be a number, got 1000"),
        (None, int, "field must be a whole number, got None (NoneType)"),
        (1, bool, "field must be True or False, got 1 (int)"),
        ("yes", bool, "field must be True or False, got 'yes' (str)"),
        ("a", int | None, "field must be a whole number or None, got 'a' (str)"),
        (("a", 1), tuple[str, ...], "field must be a tuple, each a text, got ('a', 1) (tuple)"),
        ({0.5}, tuple[float, ...], "field must be a tuple, each a number, got {0.5} (set)"),
        (8, tuple[int, int], "field must be 2 values, each a whole number, got 8 (int)"),
        ((8, 8, 8), tuple[int, int], "field must be 2 values, each a whole number, got (8, 8, 8) (tuple)"),
        (3, Literal["sgd", "adamw"], "field must be 'sgd' or 'adamw', got 3 (int)"),
        (3, str | Path, "field must be a path, got 3 (int)"),
    ],
)
def test_anything_else_is_named_with_what_came_and_what_is_allowed(value, kind, message):
    with pytest.raises(StriateError) as error:
        converted("field", value, kind)
    text = str(error.value)
    assert text.startswith(message)
    assert len(text) < 150


def test_a_function_s_arguments_are_taken_by_its_own_declaration():
    @checked
    def area(height: int, width: int = 2, *, unit: str = "px", **others: int) -> tuple[int, str]:
        return height * width, unit

    assert area(np.float32(3), unit=np.str_("m")) == (6, "m")
    with pytest.raises(StriateError, match=r"^width must be a whole number, got 'two' \(str\)$"):
        area(3, "two")
    with pytest.raises(TypeError, match="missing"):
        area()
