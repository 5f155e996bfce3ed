"""Several networks asked as one: the probabilities that they give a picture are averaged, class by class.

Source: Simonyan and Zisserman, arXiv:1409.1556, section 4.4, average the probabilities of several networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from striate.answers.classes import CLASSIFICATION, Prediction
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen, few
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.core.values import checked
from striate.data.decode import Pixels
from striate.data.streaming import Undecoded
from striate.data.views import CENTRE
from striate.deploy.engines import is_exported
from striate.deploy.given import Picture
from striate.deploy.opened import load
from striate.deploy.predictor import Predictor, Tell, log
from striate.deploy.tiles import require_tiles

HELD_BY = "model.safetensors"
"""What a folder of pictures does not hold, and that of a run does."""


class Together(Predictor, OneScreen):
    """Two or more networks for classification that know the same classes, in any order; each has its own preprocessing.

    Raises StriateError for fewer, another task and other classes.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.first, *_ = self.members = require_alike(members)
        self.path = self.first.path

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the first network's."""
        return self.first.classes

    @property
    def preprocess(self) -> Preprocess:
        """That of the first network."""
        return self.first.preprocess

    @property
    def task_name(self) -> str:
        """Classification."""
        return self.first.task_name

    @property
    def engine_words(self) -> str:
        """What computes, and in which precision, as a person reads it."""
        return ", ".join(dict.fromkeys(member.engine_words for member in self.members))

    @property
    def sha256(self) -> str:
        """Of those of all weights."""
        return hashlib.sha256("".join(member.sha256 for member in self.members).encode()).hexdigest()

    def choose_engine(self, engine: str = "auto", pictures: int | None = None, tell: Tell = log.info) -> None:
        """Have an engine compute what is predicted from now on; see `Run`, `Exported`."""
        for member in self.members:
            member.choose_engine(engine, pictures, tell)

    def answer(self, pictures: Pixels, names: Sequence[str], top: int) -> list[Any]:
        """Of uint8 (N, h, w, C) at the first network's working size, which the others bring to theirs."""
        return self.predict_pixels(list(pictures), names, top)

    def predict_pixels(self, pictures: Sequence[Pixels], names: Sequence[str], top: int = 5) -> list[Any]:
        """Predict decoded pictures, uint8 (H, W, channels) each, of any sizes."""
        told = [member.predict_pixels(pictures, names, len(self.classes)) for member in self.members]
        return [mean_prediction(each, self.classes, top) for each in zip(*told, strict=True)]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The context in which all of them answer many batches."""
        with ExitStack() as opened:
            for member in self.members:
                opened.enter_context(member.computing())
            yield

    def answers(
        self, given: Sequence[Undecoded], top: int = 5, tiles: bool = False, views: str = CENTRE
    ) -> Generator[Prediction, None, None]:
        """Answers to pictures, in order; each network reads each picture."""
        if tiles:
            require_tiles(self.task_name)
        if top < 1:
            raise StriateError(f"top must be at least 1, got {top}")
        return self._means([member.answers(given, len(self.classes), views=views) for member in self.members], top)

    def _means(self, told: Sequence[Generator[Prediction, None, None]], top: int) -> Generator[Prediction, None, None]:
        """Members that take turns end in the order in which they began, each leaving torch as many threads as it found,
        which of the second on is one: so these are kept around them all, and none outlives the last mean.
        """
        with self.computing(), ExitStack() as answering:
            for each in told:
                answering.enter_context(closing(each))
            for of_each in zip(*told, strict=True):
                yield mean_prediction(of_each, self.classes, top)

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"networks": len(self.members), **{str(m.path): m.engine_words for m in self.members}} | {
            "classes": few(self.classes)
        }


def mean_prediction(told: Sequence[Prediction], classes: tuple[str, ...], top: int) -> Prediction:
    """The mean of what several networks say of a picture, each of all classes; of equal classes the first comes first.

    >>> one = Prediction("a.png", "ant", 0.8, (("ant", 0.8), ("bee", 0.2)))
    >>> other = Prediction("a.png", "bee", 0.9, (("bee", 0.9), ("ant", 0.1)))
    >>> [(name, round(share, 2)) for name, share in mean_prediction([one, other], ("ant", "bee"), 1).top]
    [('bee', 0.55)]
    """
    if bad := next((each for each in told if each.problem), None):
        return bad
    shares = [dict(each.top) for each in told]
    means = {name: sum(each[name] for each in shares) / len(shares) for name in classes}
    ranked = tuple(sorted(means.items(), key=lambda pair: -pair[1])[:top])
    return Prediction(told[0].path, *ranked[0], top=ranked)


def require_alike(members: Sequence[Predictor]) -> Sequence[Predictor]:
    """Several networks. Raises StriateError for fewer than two, another task than classification, and other classes."""
    if len(members) < 2:
        raise StriateError(f"{counted(len(members), 'run')} cannot be averaged; give two or more")
    first = members[0]
    for each in members:
        if each.task_name != CLASSIFICATION:
            raise StriateError(
                f"{each.path} is for {each.task_name}; answers of runs for {CLASSIFICATION} are averaged"
            )
        if set(each.classes) != set(first.classes):
            other = sorted(set(each.classes) ^ set(first.classes))
            raise StriateError(
                f"{first.path} and {each.path} were trained on other classes (such as {other[0]!r}); give equal ones"
            )
    return members


@checked
def predict_together(
    runs: Sequence[Predictor | str | Path], paths: Iterable[Picture] | Picture, top: int = 5, views: str = CENTRE
) -> list[Prediction]:
    """Predict pictures with several networks: the mean of their probabilities.

    runs: two or more for classification of the same classes: open, run folders, exported files, or what else `load`
    takes. paths, top, views: as of `Run.predict`. Raises StriateError as `Together` and `Run.predict` do.
    """
    opened = [load(run) if isinstance(run, str | Path) else run for run in runs]
    return Together(opened).predict(paths, top, views=views)


def networks_first(words: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """What a person lists behind a network: further networks, which are run folders and exported files; the rest.

    Raises StriateError where nothing is left.

    >>> networks_first([Path("cats.onnx"), Path("holiday")])
    ([PosixPath('cats.onnx')], [PosixPath('holiday')])
    """
    networks = list[Path]()
    for word in words:
        if not (is_exported(word) or (word / HELD_BY).is_file()):
            break
        networks.append(word)
    if len(networks) == len(words):
        raise StriateError(f"{networks[-1]} is a network, and no picture is named behind it; list pictures last")
    return networks, list(words[len(networks) :])
