"""The lines of a model card that use a network without Striate do what the network does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import striate
from striate.core.records import Preprocess
from striate.training.card import onnx_lines


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from factories import tinted_folders

    folder = tmp_path_factory.mktemp("tinted")
    data = tinted_folders(folder / "data")
    return striate.train(data, model="lenet5", run=folder / "run", epochs=2, batch_size=8, quiet=True, size_px=28)


def without_striate(lines: str, folder: Path) -> str:
    """What the lines print, in a Python that has neither Striate nor torch."""
    code = f"import sys; sys.modules['striate'] = sys.modules['torch'] = None\n{lines}"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_lines_of_the_card_give_the_networks_class(run, tmp_path, monkeypatch):
    card = (run.path / "README.md").read_text(encoding="utf-8")
    export = re.search(r"```sh\n(striate export .*)\n```", card)[1]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(export))
    from striate.cli import main

    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    lines = re.search(r"```python\n(.*?)\n```", card, re.DOTALL)[1]
    assert len(lines.splitlines()) <= 9
    for tint in ("teal", "orange"):
        Image.new("RGB", (60, 40), tint).save(tmp_path / "PICTURE.jpg")
        assert without_striate(lines, tmp_path) == run.predict(tmp_path / "PICTURE.jpg")[0].label


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_lines_bring_a_picture_to_the_working_size(fit, channels, tmp_path, monkeypatch):
    preprocess = Preprocess((20, 24), (22, 26), fit=fit).for_channels(channels)
    lines = onnx_lines(preprocess)
    Image.effect_noise((640, 400), 80).save(tmp_path / "PICTURE.jpg")  # of which a fraction is decoded
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(
        "\n".join(line for line in lines.splitlines() if "network" not in line and "onnxruntime" not in line).join(
            ["import numpy as np\n", ""]
        ),
        names,
    )
    from striate.data.decode import read_picture
    from striate.data.working_size import to_working_size

    ours = to_working_size(read_picture(tmp_path / "PICTURE.jpg", channels, (22, 26), None), preprocess)
    theirs = names["pixels"].reshape(ours.shape)
    assert abs(ours.astype(int) - theirs.astype(int)).mean() < 2
