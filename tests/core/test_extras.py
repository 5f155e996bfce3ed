"""The table of packages against pyproject.toml, and the sentence where some are missing."""

import re
from pathlib import Path

import pytest

from striate.core import extras
from striate.core.errors import StriateError

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
CALLED = {
    "yaml": "pyyaml",
    "cv2": "opencv-contrib-python-headless",
}  # what is installed, where it is called otherwise than what is imported


@pytest.mark.parametrize(("package", "extra"), extras.EXTRA_OF.items())
def test_the_extra_brings_the_package(package, extra):
    (listed,) = re.findall(rf"^{extra} = \[(.*)\]$", PYPROJECT.read_text(), re.MULTILINE)
    called = CALLED.get(package, package.replace("_", "-"))
    assert f'"{called}>=' in listed


def test_several_missing_packages_are_one_sentence(monkeypatch):
    monkeypatch.setattr(extras, "installed", lambda package: package == "onnx")
    with pytest.raises(StriateError) as refused:
        extras.require_packages("openvino files need", "onnx", "onnxscript", "openvino")
    assert str(refused.value) == (
        "openvino files need the packages onnxscript, openvino, which are not installed; install them with: "
        "pip install 'striate[onnx,openvino]'"
    )
