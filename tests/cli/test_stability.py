"""`stability`: its table, its page, what cannot be."""

from __future__ import annotations

import json

import pytest

from albums import album_with_copies


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    return album_with_copies(tmp_path_factory.mktemp("album"))


def test_table_page_and_json_tell_the_same(striate, album, tmp_path):
    page = tmp_path / "stability.html"
    answer = striate("stability", "lenet5", album / "left", "--most", "4", "--output", page)
    assert answer.status == 0, answer
    assert "average pooling: what comes out changes" in answer.out
    told = json.loads(striate("stability", "lenet5", album / "left", "--most", "4", "--output", page, "--json").out)
    assert told["pictures"] == 4
    assert [each["layer"] for each in told["layers"]][:3] == ["pixels", "features.c1", "features.s2"]
    html = page.read_text(encoding="utf-8")
    for each in told["layers"]:
        assert each["layer"] in html
        assert f"{each['change']['shift'][0]:.2f}" in html
    assert html.count("<svg") == len(told["motions"])
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lenet5", "{empty}"), "holds no pictures"),
        (("lenet5", "{album}/left/0.png"), "stability needs at least two pictures"),
        (("lenet6", "{album}/left"), "did you mean 'lenet5'"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, sentence, striate, album, tmp_path):
    (tmp_path / "empty").mkdir()
    given = [word.format(album=album, empty=tmp_path / "empty") for word in words]
    assert sentence in striate("stability", *given, "--output", tmp_path / "s.html").mistake()
