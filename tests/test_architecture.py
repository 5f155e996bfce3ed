"""The house rules as tests: who may import whom, how long things may grow, what importing costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "striate"
ORDER = (
    "core", "answers", "ops", "meta", "kernels", "layers", "models", "data", "analysis", "visual", "runtime", "tasks",
    "deploy", "frozen", "report", "playground", "training", "recipes", "api", "web", "cli",
)  # fmt: skip
APART = ("finetune", "memory", "monitor", "speed", "watching")  # rooms of training/ that know nothing of one another
SOURCES = sorted(PACKAGE.rglob("*.py"))
TRAINING = PACKAGE / "training"
LOOP = sorted(  # what trains any task
    [TRAINING / f"{name}.py" for name in ("loop", "step", "run", "finish", "folder/state")]
    + list((TRAINING / "memory").glob("*.py"))
)
OF_CLASSIFICATION = ("classes", "labels", "accuracy", "top1")
MAX_LINES_OF_A_FILE = 320
MAX_LINES_OF_A_FUNCTION = 60
MAX_ARGUMENTS = 8


def room_of(module: str) -> str | None:
    """The room of "striate.data.cache" is "data"; the package's own top belongs to no room."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "striate" else None


def imported_modules(path: Path) -> list[tuple[int, str]]:
    """Line and module of every import, lazy ones too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found.append((node.lineno, node.module))
            if node.module == "striate":
                found += [(node.lineno, f"striate.{alias.name}") for alias in node.names]
    return found


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_no_test_sets_the_time_that_other_threads_wait_by():
    """An event loop that slept by another clock never wakes: a test sets the time of one module, or of one thread."""
    setting = re.compile(r"time, \"monotonic\"|\.time\.monotonic\"")
    found = {path.name for path in (ROOT / "tests").rglob("*.py") if setting.search(path.read_text(encoding="utf-8"))}
    assert found == {"golden_trace.py"}  # of the main thread


def test_there_are_sources_to_look_at():
    assert len(SOURCES) > 40


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent != PACKAGE or p.stem == "api"], ids=module_name)
def test_no_room_imports_from_a_room_above_it(path):
    room = room_of(module_name(path))
    assert room in ORDER, f"{path} is in no room of docs/architecture.md"
    for line, module in imported_modules(path):
        target = room_of(module)
        if target is not None:
            assert target in ORDER, f"{path}:{line} imports {module}"
            assert ORDER.index(target) <= ORDER.index(room), f"{path}:{line}: {room} may not import {module}"


@pytest.mark.parametrize("room", APART)
def test_the_rooms_of_training_do_not_import_one_another(room):
    paths = sorted((PACKAGE / "training" / room).glob("*.py"))
    assert len(paths) > 2
    others = tuple(f"striate.training.{other}" for other in APART if other != room)
    for path in paths:
        for line, module in imported_modules(path):
            assert not module.startswith(others), f"{path}:{line}: {room} may not import {module}"


def whole_words(text: str, words: tuple[str, ...]) -> list[tuple[int, str]]:
    """Line and word of everything in a text, comments and strings included, that is one of some words."""
    found = re.compile(rf"\b({'|'.join(words)})\b")
    return [(line, match[0]) for line, row in enumerate(text.splitlines(), start=1) for match in found.finditer(row)]


def test_whole_words_are_found_in_comments_and_strings_and_parts_of_words_are_not():
    text = "from dataclasses import field\nseen = 1  # of all classes\nrow['top1'] = labelled + my_accuracy\n"
    assert whole_words(text, OF_CLASSIFICATION) == [(2, "classes"), (3, "top1")]


@pytest.mark.parametrize("path", LOOP, ids=module_name)
def test_what_trains_any_task_knows_none(path):
    text = path.read_text(encoding="utf-8")
    assert whole_words(text, OF_CLASSIFICATION) == []
    assert [m for _, m in imported_modules(path) if m.startswith("striate.tasks.classification")] == []


def test_core_never_imports_torch():
    for path in (PACKAGE / "core").rglob("*.py"):
        assert not [module for _, module in imported_modules(path) if module.split(".")[0] == "torch"], path


def test_the_rooms_are_those_of_the_architecture_page():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert [room for room in sorted(rooms) if f"`{room}/`" not in page] == []


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES_OF_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            # what a person calls has one argument per thing that may be said, told in its docstring
            called = path.parent.name == "cli" or path.stem == "api"
            first = node.body[min(1, len(node.body) - 1)] if called else node
            assert node.end_lineno - first.lineno < MAX_LINES_OF_A_FUNCTION, f"{path}:{node.lineno} {node.name}"
            if not called:
                names = [argument.arg for argument in node.args.args + node.args.kwonlyargs]
                count = len([name for name in names if name not in ("self", "cls")])
                assert count <= MAX_ARGUMENTS, f"{path}:{node.lineno} {node.name} takes {count} arguments"


def test_no_module_is_a_grab_bag():
    assert [p for p in SOURCES if p.stem in {"utils", "util", "helpers", "misc", "common"}] == []


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_striate_does_not_import_torch():
    assert not loaded_after("import striate") & {"torch", "numpy", "PIL", "sklearn"}


def test_help_does_not_import_torch():
    assert "torch" not in loaded_after("from striate.cli import app")


def test_torchvision_is_no_dependency():
    for path in SOURCES:
        assert not [module for _, module in imported_modules(path) if module.split(".")[0] == "torchvision"], path


def test_every_public_name_resolves():
    import striate

    for name in striate.__all__:
        assert getattr(striate, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        striate.trian  # noqa: B018
