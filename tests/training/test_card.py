"""The model card of a run: names in it are text, and its commands can be pasted."""

from __future__ import annotations

import shlex

import striate
from striate.training.card import escaped

NAME = "my cats; echo hi"


def test_the_card_holds_names_as_text(photos, tmp_path):
    (photos / "level").rename(photos / "<b>|x")
    (photos / "upright").rename(photos / "`[a](b)\n# c")
    run = striate.train(photos, "lenet5", run=tmp_path / NAME, epochs=1, autotune=False, threads=1)
    card = (run.path / "README.md").read_text(encoding="utf-8")
    lines = card.splitlines()
    assert f"# {NAME}" in lines
    assert r"lenet5 for 2 classes: \<b\>\|x, \`\[a\](b)\\n# c." in lines
    assert " px; 1 epoch of " in (run.path / "log.txt").read_text(encoding="utf-8")
    fenced = [lines[number + 1] for number, line in enumerate(lines) if line == "```sh"]
    assert shlex.split(fenced[0])[-2:] == ["--run", f"{run.path}-again"]
    assert shlex.split(fenced[1]) == ["striate", "predict", str(run.path), "PICTURE.jpg"]
    assert shlex.split(fenced[2])[:3] == ["striate", "export", str(run.path)]
    assert lines.count("```") == 4


def test_marks_of_markdown_are_escaped():
    assert escaped("a_b*c~d|e`f\\g") == r"a\_b\*c\~d\|e\`f\\g"
    assert escaped("![x](y)<script>&amp;\n---") == r"\!\[x\](y)\<script\>\&amp;\\n---"
