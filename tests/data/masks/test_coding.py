"""What numbers and colours stand for: as a list says, or as the masks show; and what is asked where neither tells."""

from __future__ import annotations

import re

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.decode import DecodeError
from striate.data.masks.class_table import ClassTable, Row
from striate.data.masks.coding import Coding, coding_of
from striate.data.masks.mask_file import RawMask
from striate.data.masks.survey import Survey, seen_in
from striate.ops.pixels import IGNORED

SKY, ROAD = 0x808080, 0x804000


def grey(*numbers: int) -> RawMask:
    return RawMask(np.array([numbers], np.uint32), coloured=False)


def colour(*colours: int) -> RawMask:
    return RawMask(np.array([colours], np.uint32), coloured=True)


def palette(*numbers: int, **colours: int) -> RawMask:
    table = np.zeros(256, np.uint32)
    for name, value in colours.items():
        table[int(name.removeprefix("of_"))] = value
    return RawMask(np.array([numbers], np.uint32), coloured=False, palette=table)


def coded(*masks: RawMask, table: ClassTable | None = None) -> Coding:
    return coding_of(Survey([seen_in(mask, "m.png") for mask in masks], {}), table, "photos")


def refused(*masks: RawMask, said: str, table: ClassTable | None = None) -> None:
    with pytest.raises(StriateError, match=re.escape(said)):
        coded(*masks, table=table)


def listed(*rows: Row) -> ClassTable:
    return ClassTable("classes.txt", rows)


NAMES = listed(Row("sky"), Row("road"), Row("car"))
COLOURS = listed(Row("sky", None, SKY), Row("road", None, ROAD), Row("void", None, 0))


def test_numbers_without_a_list_are_classes_in_their_order_and_255_is_ignored():
    coding = coded(grey(0, 7, 255), grey(11, 7))
    assert (coding.names, coding.classes) == (("0", "7", "11"), {0: 0, 7: 1, 11: 2, 255: IGNORED})
    assert coding.class_numbers(grey(11, 255, 0), "m.png").tolist() == [[2, 255, 0]]


def test_numbers_by_a_list():
    coding = coded(grey(0, 2, 255), table=NAMES)
    assert (coding.names, coding.note) == (("sky", "road", "car"), "")
    assert coding.class_numbers(grey(2, 1, 0, 255), "m.png").tolist() == [[2, 1, 0, 255]]
    with pytest.raises(DecodeError, match=r"m.png has the numbers 3, 9, which are no classes"):
        coding.class_numbers(grey(0, 9, 3), "m.png")


def test_a_list_may_name_255_and_numbers_with_gaps():
    coding = coded(grey(1, 255), table=listed(Row("sky", 1), Row("road", 255), Row("void", 0)))
    assert coding.class_numbers(grey(255, 1, 0), "m.png").tolist() == [[1, 0, 255]]


def test_binary_masks():
    for coding in (coded(grey(0, 255)), coded(grey(0, 0), grey(255, 255))):
        assert (coding.names, coding.classes) == (("background", "foreground"), {0: 0, 255: 1})
        assert coding.note == "masks of 0 and 255 are read as background and foreground"
    named = coded(grey(0, 255), table=listed(Row("street"), Row("person")))
    assert (named.names, named.classes) == (("street", "person"), {0: 0, 255: 1})
    assert coded(grey(0, 1)).classes == {0: 0, 1: 1, 255: IGNORED}


def test_masks_that_count_objects_are_binary_and_say_so():
    masks = grey(0, 1), grey(0, 1, 2, 3), grey(0, 1, 2)
    coding = coded(*masks)
    assert coding.class_numbers(grey(0, 3, 1), "m.png").tolist() == [[0, 1, 1]]
    assert coding.note.startswith("masks count objects, up to 3 in one, and are read as background and foreground")
    assert coded(*masks, table=listed(Row("street"), Row("person"))).classes == {0: 0, 1: 1, 2: 1, 3: 1}
    assert coded(*masks, grey(0, 3)).names == ("0", "1", "2", "3")  # a gap: no count
    assert coded(*masks[1:2] * 3).names == ("0", "1", "2", "3")  # always as many: classes
    assert coded(*masks, table=listed(*map(Row, "abcd"))).names == ("a", "b", "c", "d")


def test_colours_are_asked_for_with_those_that_were_found():
    refused(
        colour(ROAD, ROAD, SKY, 0),
        said="photos: masks have colours, and no list says which class each is; write classes.txt beside them with a "
        "line such as 128 64 0 road for each of 128 64 0; 0 0 0; 128 128 128",
    )
    refused(colour(ROAD, SKY), table=NAMES, said="classes.txt says no colours, and masks have them; begin each line")


def test_colours_by_a_list():
    coding = coded(colour(ROAD, SKY, 0), table=COLOURS)
    assert coding.names == ("sky", "road")
    assert coding.class_numbers(colour(0, ROAD, SKY), "m.png").tolist() == [[255, 1, 0]]
    with pytest.raises(DecodeError, match=r"m.png has the colour 0 0 9, which is no class"):
        coding.class_numbers(colour(9), "m.png")


def test_palettes_go_by_their_colours_where_the_list_has_them_and_else_by_their_places():
    mask = palette(5, 9, of_5=SKY, of_9=ROAD)
    assert coded(mask, table=COLOURS).class_numbers(mask, "m.png").tolist() == [[0, 1]]
    other = palette(0, 1, of_0=1, of_1=2)
    assert coded(other, table=COLOURS).class_numbers(other, "m.png").tolist() == [[0, 1]]
    assert coded(palette(0, 4, of_0=SKY, of_4=ROAD)).names == ("0", "4")


def test_numbers_saved_as_levels_of_grey_are_numbers():
    coding = coded(colour(0, 0x020202), grey(2))
    assert coding.class_numbers(colour(0x020202, 0), "m.png").tolist() == [[1, 0]]
    with pytest.raises(DecodeError, match="m.png has colours, where the masks of the data have numbers"):
        coding.class_numbers(colour(ROAD), "m.png")


def test_what_jpeg_leaves_behind_is_told():
    refused(grey(0, 0, 1, 3, 252, 255, 255), said="masks hold 0, 255 and numbers next to both (0, 255, 1, 3, 252)")


def test_more_classes_than_masks_can_tell_apart():
    many = listed(*(Row(f"class {number}") for number in range(256)))
    refused(grey(0), table=many, said="classes.txt has 256 classes; masks can tell 255 apart")


def test_pixels_are_counted_by_class_and_strange_numbers_apart():
    coding = coded(grey(0, 2), table=NAMES)
    seen = seen_in(grey(0, 0, 2, 255, 9, 9), "m.png")
    assert coding.pixels(seen) == [2, 0, 1, 1]
    assert coding.strange(seen) == {9: 2}
