"""A .pt2 file looked through before torch loads it, so that it runs no code of whoever made it.

torch.export.load unpickles weights, constants and sample inputs, evaluates expressions of sizes and guards as Python,
and calls whatever function of torch a node names (torch 2.13). Of that a file that `striate export` made needs none: it
is numbers, operators of the processor, and sizes. What else there is is refused.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.files import read_regular

MOST_BYTES = 1 << 34
MOST_JSON_BYTES = 1 << 28
CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
PROGRAM, SAMPLES = "models/model.json", "data/sample_inputs/model.pt"
MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|\.format_version"
    r"|\.storage_alignment|extra/striate\.json|data/weights/weight_\d+|data/constants/tensor_\d+"
    r"|data/(weights/model_weights|constants/model_constants)_config\.json"
    r"|data/sample_inputs/model\.pt|models/model\.json"
)
OPERATOR = re.compile(r"torch\.ops\.(aten\.(?!from_file)[a-z0-9_]+\.[A-Za-z0-9_]+|striate\.kept_of_sorted\.default)")
OF_SIZES = re.compile(
    r"_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|and_|or_|not_|eq|ne|lt|le|gt|ge|getitem)|torch\.sym_[a-z]+|math\.[a-z]+"
)
EXPRESSION = re.compile(r"(?:[\d ,()=+*/<>!-]|'[su]\d+'|\b(?:[su]\d+|WORD)\b)*".replace("WORD", "|".join((
    "Symbol", "Integer", "Add", "Mul", "Pow", "Rational", "Max", "Min", "Mod", "Eq", "Ne", "Lt", "Le", "Gt", "Ge",
    "Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "And", "Or", "Not",
    "FloorDiv", "CleanDiv", "CeilDiv", "PythonMod", "ModularIndexing", "IntInfinity", "oo", "positive", "nonnegative",
    "integer", "true", "false", "True", "False",
))))  # fmt: skip
METADATA = {"stack_trace", "nn_module_stack", "torch_fn"}
CONTAINERS = re.compile(r'"type": (?:null|"builtins\.(?:tuple|list|dict)")')


def checked_archive(path: Path) -> io.BytesIO:
    """The bytes of a .pt2 file that holds numbers and operators only.

    Raises StriateError for any other, OSError for what is no regular file.
    """
    content = io.BytesIO(read_regular(path, MOST_BYTES))
    try:
        with zipfile.ZipFile(content) as archive:
            _require_program(path, archive)
            problem = next(_problems(archive), None)
    except (zipfile.BadZipFile, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise StriateError(f"{path} is damaged or no program of torch's: {error}") from error
    if problem:
        raise StriateError(f"{path} is not loaded: {problem}, which `striate export` never writes; it may run code")
    content.seek(0)
    return content


def _require_program(path: Path, archive: zipfile.ZipFile) -> None:
    inside = {name.partition("/")[2] for name in archive.namelist()}
    if missing := [name for name in (PROGRAM, SAMPLES, *CONFIGS) if name not in inside]:
        raise StriateError(f"{path} is a zip archive, but no program of torch's: it lacks {missing[0]}")


def _problems(archive: zipfile.ZipFile) -> Iterator[str]:
    """What there is in an archive that does not belong there."""
    sizes = {info.filename.partition("/")[2]: info.file_size for info in archive.infolist()}
    names = [name.lower() for name in sizes]  # torch's reader takes capital letters for small ones
    if len({info.filename.partition("/")[0] for info in archive.infolist()}) != 1:
        yield "it holds more than one folder"
    if len(set(names)) != len(archive.infolist()):
        yield "it holds two files of one name"
    yield from (f"it holds {name!r}" for name in sizes if not MEMBERS.fullmatch(name))
    if sizes[SAMPLES]:
        yield "it holds pickled pictures"
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        yield "it is compressed"
    if max(size for name, size in sizes.items() if name.endswith(".json")) > MOST_JSON_BYTES:
        yield "what it says of itself is too long"
    root = archive.infolist()[0].filename.partition("/")[0]
    for config in CONFIGS:
        for name, entry in json.loads(archive.read(f"{root}/{config}"))["config"].items():
            if entry["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
                yield f"{name!r} is pickled"
    yield from _of_program(json.loads(archive.read(f"{root}/{PROGRAM}")))


def _of_program(program: dict[str, Any]) -> Iterator[str]:
    if program.get("guards_code"):
        yield "it holds code"
    module = program["graph_module"]
    if module.get("treespec_namedtuple_fields"):
        yield "it holds a type of its own"
    for call in module["module_call_graph"]:
        for spec in ("in_spec", "out_spec"):
            text = (call.get("signature") or {}).get(spec, "")
            if text.count('"type"') != len(CONTAINERS.findall(text)):
                yield "it holds a type of its own"
    for node in module["graph"]["nodes"]:
        if not (OPERATOR.fullmatch(node["target"]) or OF_SIZES.fullmatch(node["target"])):
            yield f"it calls {node['target']}"
        if not METADATA.issuperset(node["metadata"]):
            yield f"a node says more of itself: {sorted(set(node['metadata']) - METADATA)}"
    yield from _expressions(program)


def _expressions(value: Any) -> Iterator[str]:
    """Texts that torch would evaluate, wherever they stand, other than sums and bounds of sizes."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if key == "expr_str" and not (isinstance(inside, str) and EXPRESSION.fullmatch(inside)):
                yield f"it computes {str(inside)[:60]!r}"
            yield from _expressions(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _expressions(inside)
