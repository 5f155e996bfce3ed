"""`striate check` says how many boxes there are and how large they are."""

from factories import tinted_boxes, tinted_objects
from striate.data.check import check_data
from striate.data.scan import scan_pictures
from striate.data.sources import open_data


def notes_of(table) -> list[str]:
    data = open_data(str(table))
    return [each for each in check_data(data, scan_pictures(data.pictures)).notes if "boxes a picture" in each]


def test_boxes_a_picture_and_their_sizes_are_told(tmp_path):
    (note,) = notes_of(tinted_objects(tmp_path / "objects"))
    assert note.endswith("3 at most; 100% are small (below 32x32 px), 0% medium, 0% large (from 96x96 px)")
    assert notes_of(tinted_boxes(tmp_path / "boxes")) == []  # one each, as that task needs
