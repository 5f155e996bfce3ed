"""What a person gets wrong, each quoted by the one line that says so."""

from __future__ import annotations

import shutil
import struct
import zlib

import pytest
from PIL import Image

from striate.data.formats import READABLE

TRAIN = ("train", "digits", "--recipe", "digits_lenet5")


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of any size, without a single pixel: who decodes it finds it damaged."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("verb", ["check", "train"])
def test_no_such_folder(striate, verb, tmp_path):
    line = striate(verb, tmp_path / "phtos").mistake()
    assert line.startswith(
        f"striate: {tmp_path / 'phtos'}: no such file or folder; data is digits (built in), a folder"
    )


@pytest.mark.parametrize("verb", ["check", "train"])
def test_misspelt_data(striate, verb):
    assert striate(verb, "digit").mistake() == "striate: unknown data 'digit'; did you mean 'digits'?"


@pytest.mark.parametrize("verb", ["check", "train"])
def test_a_folder_without_pictures(striate, verb, tmp_path):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "notes.txt").write_text("none yet")
    line = striate(verb, tmp_path / "photos").mistake()
    assert line.startswith(
        f"striate: {tmp_path / 'photos'} holds no pictures; expected is a folder with one sub-folder"
    )
    assert line.endswith(f"pictures are {READABLE}")


@pytest.mark.parametrize("verb", ["check", "train"])
def test_pictures_without_classes(striate, verb, scans):
    line = striate(verb, scans).mistake()
    assert "holds 3 pictures directly and no sub-folders, so nothing says their classes; expected is" in line


@pytest.mark.parametrize("verb", ["check", "train"])
def test_one_class_only(striate, verb, photos):
    shutil.rmtree(photos / "level")
    assert striate(verb, photos).mistake() == (
        f"striate: {photos} holds one class only ('upright'); a classifier needs two or more, "
        "each with its own sub-folder or label"
    )


def test_a_file_that_is_no_data(striate, tmp_path):
    (tmp_path / "notes.doc").write_text("x")
    assert "is not data that can be opened; data is digits" in striate("check", tmp_path / "notes.doc").mistake()


def test_a_truncated_jpeg(striate, digits_run, digit_folder, tmp_path):
    whole = tmp_path / "whole.jpg"
    Image.effect_noise((64, 64), 60).save(whole)
    broken = digit_folder / "3" / "broken.jpg"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    reason = f"{broken} is damaged (image file is truncated"

    checked = striate("check", digit_folder)
    assert checked.status == 0
    assert f"warning: 1 picture cannot be read and will be left out:\n  {reason}" in checked.out
    assert "warning: 1 picture cannot be read and will be left out" in checked.out

    predicted = striate("predict", digits_run, broken, digit_folder / "3" / "3.png")
    assert predicted.status == 1
    assert predicted.err.startswith(f"striate: {reason}")
    assert predicted.err.count("\n") == 1
    assert "3.png" in predicted.out

    evaluated = striate("evaluate", digits_run, digit_folder, "--split", "all")
    assert evaluated.status == 1
    assert evaluated.err.startswith(f"striate: {reason}")
    assert evaluated.err.count("\n") == 1
    assert "all: top-1 " in evaluated.out
    assert ", 100 pictures (73 trained on, 8 used to choose the weights: no measure of new ones)\n" in evaluated.out


def test_text_called_jpg(striate, digits_run, photos, scans):
    (scans / "letter.jpg").write_text("Dear Sirs, ...")
    (photos / "level" / "letter.jpg").write_text("Dear Sirs, ...")
    reason = "letter.jpg is not a picture in a known format (it starts with 'Dear Sir')"
    answer = striate("predict", digits_run, scans)
    assert (answer.status, answer.err) == (1, f"striate: {scans / reason}\n")
    assert len(answer.out.splitlines()) == 5  # heading, rule, three pictures
    assert (
        f"warning: 1 picture cannot be read and will be left out:\n  {photos / 'level' / reason}"
        in striate("check", photos).out
    )


def test_a_network_is_not_evaluated_on_nothing(striate, digits_run, digit_folder):
    for file in digit_folder.rglob("*.png"):
        file.write_bytes(b"")
    line = striate("evaluate", digits_run, digit_folder).mistake()
    assert line == f"striate: {digit_folder} has no picture that can be read among the 20 to evaluate"


def test_a_picture_of_too_many_pixels_is_refused_undecoded(striate, digits_run, photos, tmp_path):
    bomb = photos / "level" / "bomb.png"
    bomb.write_bytes(png_header(20_000, 20_000))
    reason = (
        f"{bomb} has too many pixels to be decoded: 20,000 x 20,000 = 400,000,000, allowed are 89,478,485 "
        "(--max-megapixels, or PIL.Image.MAX_IMAGE_PIXELS, raises that)"
    )
    # Pillow itself looks first where it is twice the limit, and does not tell the sides.
    reason = reason.replace("20,000 x 20,000 = ", "")
    answer = striate("predict", digits_run, bomb)
    assert (answer.status, answer.out, answer.err) == (1, "", f"striate: {reason}\n")
    assert f"warning: 1 picture cannot be read and will be left out:\n  {reason}" in striate("check", photos).out


def test_max_megapixels_moves_the_limit(striate, digits_run, tmp_path):
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_header(10_000, 10_000))
    assert "= 100,000,000, allowed are 89,478,485" in striate("predict", digits_run, bomb).err
    Image.new("L", (100, 50), 200).save(tmp_path / "wide.png")
    small = striate("predict", digits_run, tmp_path / "wide.png", "--max-megapixels", 0.0049)
    assert small.status == 1
    assert "has too many pixels to be decoded: 100 x 50 = 5,000, allowed are 4,900" in small.err
    assert striate("predict", digits_run, tmp_path / "wide.png", "--max-megapixels", 0.005).status == 0
    raised = striate("predict", digits_run, bomb, "--max-megapixels", 101)
    assert (raised.status, raised.err.count("too many pixels")) == (1, 0)
    assert "bomb.png is damaged" in raised.err


@pytest.mark.parametrize("number", ["0", "-3", "nan", "inf"])
def test_a_limit_of_no_pixels(striate, number):
    line = striate("check", "digits", "--max-megapixels", number).mistake()
    assert line == f"striate: --max-megapixels must be a number above 0, got {number}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("models", "resnet19"), "unknown model 'resnet19'; did you mean 'resnet18'"),
        (("summary", "lenet6"), "unknown model 'lenet6'; did you mean 'lenet5'"),
        (("train", "digits", "--model", "resnett18"), "unknown model 'resnett18'; did you mean 'resnet18'"),
        (
            ("train", "digits", "--recipe", "digits_lenet"),
            "unknown recipe 'digits_lenet'; did you mean 'digits_lenet5'",
        ),
        (("train", "digits", "--task", "clasification"), "unknown task 'clasification'; did you mean 'classification'"),
        ((*TRAIN, "--set", "peek_lr=0.1"), "unknown recipe field 'peek_lr'; did you mean 'peak_lr'?"),
        ((*TRAIN, "--set", "optimizer=sdg"), "unknown optimizer 'sdg'; did you mean 'sgd'?"),
        ((*TRAIN, "--set", "schedule=cosin"), "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ((*TRAIN, "--precision", "bf15"), "unknown precision 'bf15'; did you mean 'bf16'?"),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(striate, words, line):
    assert striate(*words).mistake().startswith(f"striate: {line}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((*TRAIN, "--set", "peak_lr"), "--set takes field=value, got 'peak_lr'"),
        ((*TRAIN, "--set", "peak_lr=fast"), "peak_lr must be a number, got 'fast'"),
        ((*TRAIN, "--set", "epochs=2.5"), "epochs must be a whole number, got '2.5'"),
        ((*TRAIN, "--set", "flip=perhaps"), "flip must be true or false, got 'perhaps'"),
        ((*TRAIN, "--epochs", 0), "epochs must be between 1 and 100,000, got 0"),
        ((*TRAIN, "--epochs", 2, "--set", "epochs=3"), "epochs is given twice, by --set epochs=... and by --epochs"),
        ((*TRAIN, "--size", 32, "--set", "size_px=28"), "size_px is given twice, by --set size_px=... and by --size"),
        (("train",), "no data: give digits, or a folder with one sub-folder of pictures per class"),
        (("train", "--resume"), "--resume needs --run, the folder of the run to go on with; `striate runs` lists them"),
        (("summary", "lenet5", "--size", "big"), "--size takes HEIGHTxWIDTH in pixels, such as 224x224, got 'big'"),
        (("summary", "lenet5", "--size", "²"), "--size takes HEIGHTxWIDTH in pixels, such as 224x224, got '²'"),
        (("summary", "lenet5", "--size", "0x9"), "--size takes HEIGHTxWIDTH in pixels, such as 224x224, got '0x9'"),
        (("summary", "lenet5", "--classes", 0), "lenet5: classes must be at least 1, got 0"),
        (
            ("summary", "lenet5", "--size", "4x4"),
            "lenet5: a 4x4 picture is too small: layer 'features.c1' (Conv2d) gets 4x4; "
            "the smallest that works is 16x16",
        ),
    ],
)
def test_a_value_that_makes_no_sense(striate, words, line):
    assert striate(*words).mistake() == f"striate: {line}"


@pytest.mark.parametrize(
    ("words", "box"),
    [
        (("trian", "digits"), "No such command 'trian'. Did you mean 'train'?"),
        (("train", "digits", "--epoch", "3"), "No such option: --epoch"),
        (("predict", "run"), "Missing argument"),
        (("train", "digits", "--epochs", "many"), "Invalid value for '--epochs'"),
        (("predict", "run", "a.png", "--top", "0"), "Invalid value for '--top'"),
        (("train", "digits", "--seed", "-1"), "Invalid value for '--seed'"),
    ],
)
def test_words_that_are_no_command(striate, words, box):
    assert box in striate(*words).usage_box()


def test_the_nearest_option_is_offered(striate):
    assert "--epochs" in striate("train", "digits", "--epoch", 3).usage_box()


def test_a_folder_that_holds_a_run_is_not_trained_into(striate, digits_run, tmp_path):
    line = striate(*TRAIN, "--run", digits_run).mistake()
    assert line == f"striate: {digits_run} holds a run already; go on with it by --resume, or choose another --run"
    (tmp_path / "thesis.doc").write_text("x")
    line = striate(*TRAIN, "--run", tmp_path).mistake()
    assert line == f"striate: {tmp_path} is not empty and holds no run; choose another --run"


def test_nothing_to_resume(striate, tmp_path):
    line = striate("train", "--run", tmp_path / "none", "--resume").mistake()
    assert line.startswith(f"striate: {tmp_path / 'none'} holds no run to resume (no recipe.json); leave --resume out")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("digits", "--set", "batch_size=5"), "was begun with batch_size 64, not 5"),
        (("--model", "mlp"), "was begun with model lenet5, not mlp"),
        (("--recipe", "default"), "was begun with recipe digits_lenet5, not default"),
        (("--seed", 4), "was begun with seed 0, not 4"),
        (("--precision", "bf16"), "was begun with precision auto, not bf16"),
        (("--set", "flip=yes"), "was begun with flip False, not True"),
        (("elsewhere",), "was begun with data digits, not elsewhere"),
    ],
)
def test_resume_refuses_what_would_be_another_run(striate, digits_run, words, line):
    answer = striate("train", "--run", digits_run, "--resume", *words).mistake()
    assert answer == f"striate: {digits_run} {line}; leave that out to go on with it, or start another run"


def test_resume_names_the_nearest_of_a_misspelt_name(striate, digits_run):
    line = striate("train", "--run", digits_run, "--resume", "--recipe", "digits_lenet").mistake()
    assert line == "striate: unknown recipe 'digits_lenet'; did you mean 'digits_lenet5'?"
    line = striate("train", "--run", digits_run, "--resume", "--task", "classify").mistake()
    assert line.startswith("striate: unknown task 'classify'")


def test_resume_takes_the_same_command_again(striate, digits_run):
    words = (*TRAIN, "--task", "classification", "--epochs", 2, "--seed", 0)
    assert striate(*words, "--run", digits_run, "--resume").status == 0


@pytest.mark.parametrize("words", [("evaluate", "digits"), ("predict", "a.png")])
def test_no_such_run(striate, tmp_path, words):
    verb, other = words
    line = striate(verb, tmp_path / "none", other).mistake()
    told = "`striate runs` lists those there are, `embedded` is the packaged network"
    assert line == f"striate: {tmp_path / 'none'}: no such run folder; {told}"


def test_a_run_of_a_like_name_is_offered(striate, digits_run, tmp_path, monkeypatch):
    shutil.copytree(digits_run, tmp_path / "runs" / "cats")
    monkeypatch.chdir(tmp_path)
    for name in ("catz", "runs/catz", "runs/Cat"):
        line = striate("evaluate", name, "digits").mistake()
        assert line == f"striate: {name}: no such run folder; did you mean runs/cats?"
    line = striate("compare", "catz", "resnet18").mistake()
    assert line.startswith("striate: unknown model 'catz'; the nearest of ")
    assert line.endswith("; the run runs/cats has a like name")


def test_runs_of_no_such_folder(striate, tmp_path):
    assert striate("runs", tmp_path / "none").mistake() == f"striate: {tmp_path / 'none'}: no such folder"
    (tmp_path / "file").write_text("x")
    assert "file is a file; `striate runs` takes the folder" in striate("runs", tmp_path / "file").mistake()


def test_classes_that_the_network_does_not_know(striate, digits_run, photos):
    assert striate("evaluate", digits_run, photos).mistake() == (
        f"striate: {photos} has classes that {digits_run} was not trained on: level, upright; "
        "it knows 0, 1, 2, 3, 4 ..."
    )


def test_no_such_split(striate, digits_run):
    line = striate("evaluate", digits_run, "digits", "--split", "tset").mistake()
    assert line == "striate: digits has no split 'tset'; it has train, val, test and all"


def test_a_folder_without_pictures_to_predict(striate, digits_run, tmp_path):
    (tmp_path / "empty").mkdir()
    line = striate("predict", digits_run, tmp_path / "empty").mistake()
    assert line == f"striate: {tmp_path / 'empty'} holds no pictures; pictures are {READABLE}"


def test_two_formats_at_once(striate, digits_run, scans):
    assert striate("predict", digits_run, scans, "--json", "--csv").mistake() == (
        "striate: --json and --csv exclude each other"
    )


@pytest.mark.parametrize("verb", ["check", "evaluate", "predict"])
def test_ctrl_c_is_one_line_and_130(striate, digits_run, scans, monkeypatch, verb):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    words = {"check": ("digits",), "evaluate": (digits_run, "digits"), "predict": (digits_run, scans)}[verb]
    monkeypatch.setattr("striate.tasks.checked_data.open_data", interrupted)
    monkeypatch.setattr("striate.deploy.run.evaluate", interrupted)
    monkeypatch.setattr("striate.tasks.classification.prediction.network_input", interrupted)
    answer = striate(verb, *words)
    assert (answer.status, answer.out, answer.err) == (130, "", "striate: stopped\n")
