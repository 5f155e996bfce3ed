"""Names of strangers act on no terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from striate.core.visible import visible

JOINERS = "\u200c\u200d"  # letters of some scripts and emoji need them


@given(st.text(st.characters()))
def test_nothing_that_acts_is_left(text):
    shown = visible(text)
    assert [c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")] == []
    assert not {c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI")}
    assert visible(shown) == shown


def test_letters_of_every_script_stay():
    names = ("Küste", "日本 語", "می‌خواهم", "עברית", "👩‍🔬", "1\N{NARROW NO-BREAK SPACE}%", r"C:\new\test")
    assert [visible(name) for name in names] == list(names)
    assert any(joiner in "".join(names) for joiner in JOINERS)


def test_each_kind_by_its_escape():
    assert visible("a\tb\r\n") == r"a\tb\r\n"
    assert visible("\x1b]0;title\x07\x9b2J\x7f") == r"\x1b]0;title\x07\x9b2J\x7f"
    assert visible("\u202egnp.exe\u2066\u200b\u2028") == r"\u202egnp.exe\u2066\u200b\u2028"
    assert visible("\U000e0041") == r"\U000e0041"
