"""Code of a person's own, named as FILE.py:NAME or PACKAGE.MODULE:NAME.

It runs because somebody named it, on the command line or in a program, and never because a file of a run does: of a
run's files only names and hashes are read.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from striate.core.errors import StriateError, unknown_name

NAMED = re.compile(r"(?P<where>.+):(?P<name>[^:\\/]+)")
UNREACHABLE = ("<lambda>", "<locals>")


@dataclass(frozen=True)
class Written:
    """What the files of a run say of code: what it is called, and the SHA-256 of the file that it is written in.

    sha256: None where there is no file. reachable: whether its name finds it again in another process.
    """

    name: str
    sha256: str | None = None
    reachable: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def flagged(self) -> str:
        """The name as a value of the command line, or what stands in its place where it cannot be named there."""
        return self.name if self.reachable else "FILE.py:NAME"


@dataclass(frozen=True)
class OwnCode:
    """A class, a function or an object of a person's own. thing: it itself; written: its name, and where it stands."""

    thing: Any
    written: Written

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.written.name


def as_code(given: Any) -> OwnCode | None:
    """What a person gave as code, by name or itself; None for any other text.

    >>> as_code("resnet18") is None, as_code(print).name
    (True, 'memory:print')
    """
    if isinstance(given, OwnCode):
        return given
    if isinstance(given, str):
        return load_code(given) if names_code(given) else None
    return code_of(given)


def names_code(text: str) -> bool:
    """Whether a text names code: FILE.py:NAME or PACKAGE.MODULE:NAME.

    >>> names_code("my_net.py:Net"), names_code("my_nets.small:Net"), names_code("resnet18"), names_code("C:/x.pth")
    (True, True, False, False)
    """
    found = NAMED.fullmatch(text)
    return found is not None and (found["where"].endswith(".py") or found["where"].replace(".", "_").isidentifier())


def load_code(text: str) -> OwnCode:
    """Run a file or a module and take what is named in it; a file is run once as long as it is the same.

    Modules beside the file can be imported by it. Raises StriateError where there is no such file, module or name, and
    with its own line where running it fails.
    """
    found = NAMED.fullmatch(text)
    where, name = (found["where"], found["name"].strip()) if found else (text, "")
    if not name.isidentifier():
        raise StriateError(f"{text!r} names no code; give FILE.py:NAME or PACKAGE.MODULE:NAME, such as my_net.py:Net")
    module = _file(Path(where).expanduser()) if where.endswith(".py") else _module(where)
    try:
        thing = getattr(module, name)
    except AttributeError:
        public = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise unknown_name(f"name in {where}", name, public) from None
    return OwnCode(thing, Written(text, _hash(_home(thing) or getattr(module, "__file__", None)), reachable=True))


def code_of(thing: Any) -> OwnCode:
    """A class, a function or an object as code: by the place where it, or its class, is written.

    >>> code_of(lambda step: 0.1).written.reachable
    False
    """
    written = thing
    while isinstance(written, functools.partial):
        written = written.func
    if not (inspect.isclass(written) or inspect.isroutine(written)):
        written = type(written)
    written = inspect.unwrap(written)
    name = getattr(written, "__qualname__", type(written).__name__)
    with suppress(TypeError, OSError):
        if (file := inspect.getsourcefile(written)) and file.endswith(".py"):
            module = inspect.getmodule(written)
            packaged = module is not None and "." in module.__name__ and not module.__name__.startswith("_own_")
            where = module.__name__ if packaged and module is not None else Path(file).name
            reachable = not any(part in name for part in UNREACHABLE) and written is inspect.unwrap(thing)
            return OwnCode(thing, Written(f"{where}:{name}", _hash(file), reachable))
    return OwnCode(thing, Written(f"memory:{name}"))


def _home(thing: Any) -> str | None:
    """The file of a class or a function, wherever it is imported from; None for objects and what a function made."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return None
    written = inspect.unwrap(thing)
    if any(part in getattr(written, "__qualname__", UNREACHABLE[0]) for part in UNREACHABLE):
        return None
    with suppress(TypeError, OSError):
        return inspect.getsourcefile(written)
    return None


def line_in(error: BaseException, file: Path) -> str:
    """The last line of a file that an error passed through, 'line 3', or the line that cannot be read."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    return f"line {lines[-1]}" if lines else "its import"


def _hash(file: str | Path | None) -> str | None:
    with suppress(OSError, TypeError):
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
    return None


def _file(path: Path) -> ModuleType:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StriateError(
            f"{path} cannot be read ({error.strerror or error}); name a file as my_net.py:Net"
        ) from error
    path = path.resolve()
    name = f"_own_{path.stem}_{hashlib.sha256(bytes(path) + content).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: S101 - a .py file has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    beside = str(path.parent)
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a person's code raises
        del sys.modules[name]
        raise _failed(path, error, line_in(error, path)) from error
    finally:
        with suppress(ValueError):
            sys.path.remove(beside)
    return module


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise StriateError(
                f"there is no module {name!r} to import; a file is named with its ending, as my_net.py:Net"
            ) from error
        raise _failed(name, error, "its import") from error
    except (Exception, SystemExit) as error:  # whatever a person's code raises
        raise _failed(name, error, "its import") from error


def _failed(what: str | Path, error: BaseException, where: str) -> StriateError:
    reason = (str(error).splitlines() or [""])[0]
    return StriateError(f"{what} cannot be loaded: {where} raises {type(error).__name__}: {reason}")
