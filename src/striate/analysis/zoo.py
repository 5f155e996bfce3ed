"""Every network of the zoo in one line: year, paper, depth, cost, receptive field, published error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from striate.analysis.summary import Summary, summarize
from striate.analysis.zoo_costs import COSTS
from striate.answers.boxes import LOCALISATION
from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError, unknown_name
from striate.core.units import compact
from striate.meta.shapes import Shape
from striate.meta.weightless import blueprint
from striate.models import NAMED, ZOO, Network, create_model, list_models
from striate.models.catalog import CATALOG, CATALOG_OF_OBJECTS, CATALOG_OF_PIXELS, PROTOCOLS, Entry, Protocol, Published
from striate.models.localisation import localiser_named
from striate.models.stored import EMBEDDED

WILDCARDS = set("*?[")
SORTINGS = ("name", "year", "depth", "params", "macs", "field_px", "top5_pct")


@dataclass(frozen=True)
class Overview:
    """A network with what its papers say and what it costs on one picture.

    picture: channels, height, width. params: all; training_params: those of them that inference never reads, of
    auxiliary heads. field_px: largest receptive field of a map. errors: what is published, by protocol.
    """

    name: str
    year: int
    paper: str
    depth: int
    picture: Shape
    params: int
    training_params: int
    macs: int
    field_px: int | float
    errors: tuple[Published, ...]

    @property
    def top5_pct(self) -> float | None:
        """The published error, at one crop where that is published; see `errors` for its protocol."""
        return self.errors[0].top5_pct if self.errors else None

    def error(self, protocol: Protocol) -> Published | None:
        """What is published at a protocol."""
        return next((error for error in self.errors if error.protocol == protocol), None)

    @property
    def inference_params(self) -> int:
        """Parameters that inference reads."""
        return self.params - self.training_params

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON."""
        first = asdict(self.errors[0]) if self.errors else {"top5_pct": None, "protocol": None, "source": ""}
        own = {**asdict(self), "errors": [asdict(error) for error in self.errors]}
        return {**own, **first, "picture": list(self.picture), "inference_params": self.inference_params}


def overview(name: str, size: tuple[int, int] | None = None) -> Overview:
    """A network of the zoo in one line. size: height, width; the paper's when not given.

    Raises StriateError for an unknown name and a size that does not fit.

    >>> line = overview("resnet50")
    >>> line.year, line.params, line.macs, line.field_px, line.top5_pct
    (2015, 25557032, 4089184256, 427, 7.138)
    """
    boxed = localiser_named(name)
    if (boxed.body if boxed else name) not in NAMED:
        raise unknown_name("model", name, ZOO, "`striate models`")
    cost = COSTS[name] if size is None and name in COSTS else counted(name, size)
    if boxed is not None:  # what the paper says of the body, but no error, which is of the class alone
        entry = CATALOG.get(boxed.body, Entry(0, "", 0))
        return Overview(name, entry.year, entry.paper, entry.depth, *cost, ())
    entry = (CATALOG | CATALOG_OF_PIXELS | CATALOG_OF_OBJECTS).get(name, Entry(0, "", 0))
    return Overview(name, entry.year, entry.paper, entry.depth, *cost, entry.errors)


def overview_of(network: Network, name: str) -> Overview:
    """A network with its own weights in one line: what its paper says of it, but no error, which is of other weights.

    name: what it is called. The size is that of `network.preprocess`.
    """
    entry = CATALOG.get(network.architecture, Entry(0, "", 0))
    return Overview(name, entry.year, entry.paper, entry.depth, *_figures(summarize(network)), ())


def counted(name: str, size: tuple[int, int] | None = None) -> tuple[Shape, int, int, int, int | float]:
    """A line of the table of costs, counted now: picture, parameters, those only for training, MACs, field."""
    return _figures(summarize(blueprint(lambda: create_model(name, size=size))))


def _figures(cost: Summary) -> tuple[Shape, int, int, int, int | float]:
    return cost.input_shape[1:], cost.params, training_params(cost), cost.macs, cost.field_px


def training_params(cost: Summary) -> int:
    """Parameters that inference never reads: those of auxiliary heads."""
    return sum(row.params for row in cost.rows if row.kind == "not run")


def overviews(
    pattern: str | Overview = "*",
    years: tuple[int, int] | None = None,
    max_params: float | None = None,
    max_macs: float | None = None,
    sort: str | None = None,
    task: str = CLASSIFICATION,
) -> list[Overview]:
    """Networks by name, year (from, to), parameters and multiply-accumulates, in the order of the zoo or sorted.

    pattern: a shell pattern, or a part of a name; or what `overview_of` gives. sort: one of `SORTINGS`; ascending,
    what is unknown last. Errors are sorted within their protocol, those at one crop first. task: that they are for.
    Raises StriateError when no name matches, there is no such sorting, or a task takes all of the zoo.

    >>> [line.name for line in overviews("resnet*", max_params=1e6, sort="macs")]
    ['resnet20', 'resnet32', 'resnet44', 'resnet56']
    """
    if sort is not None and sort not in SORTINGS:
        raise unknown_name("sorting", sort, SORTINGS)
    if task == LOCALISATION:
        raise StriateError(
            f"any network that `striate models` lists is one for {task}, with +box or +boxes behind its name"
        )
    found = [
        line
        for line in (map(overview, matching(pattern, task)) if isinstance(pattern, str) else [pattern])
        if (years is None or years[0] <= line.year <= years[1])
        and (max_params is None or line.inference_params <= max_params)
        and (max_macs is None or line.macs <= max_macs)
    ]
    return found if sort is None else sorted(found, key=lambda line: _sort_key(line, sort))


def matching(pattern: str, task: str = CLASSIFICATION) -> list[str]:
    """Names of a task that match a shell pattern, or else contain it. Raises StriateError when there is none.

    >>> matching("vgg1[16]"), matching("plain3")
    (['vgg11', 'vgg16'], ['plain34', 'plain32'])
    """
    names = list_models(pattern, task)
    if not names and not WILDCARDS & set(pattern):
        names = list_models(f"*{pattern}*", task)
    if not names:
        raise unknown_name("model", pattern, (*list_models(task=task), EMBEDDED), "`striate models`")
    return names


def _sort_key(line: Overview, sort: str) -> tuple[Any, ...]:
    if sort == "top5_pct":
        first = line.errors[0] if line.errors else None
        return (len(PROTOCOLS), 0.0) if first is None else (PROTOCOLS.index(first.protocol), first.top5_pct)
    value = line.inference_params if sort == "params" else getattr(line, sort)
    return value is None, value


def columns(found: Sequence[Overview]) -> dict[str, list[str]]:
    """Heading to cells of a table; parameters are those that inference reads."""
    return {
        "model": [line.name for line in found],
        "year": [str(line.year or "") for line in found],
        "depth": [str(line.depth or "") for line in found],
        "picture": ["x".join(map(str, line.picture)) for line in found],
        "params": [compact(line.inference_params) for line in found],
        "MACs": [compact(line.macs) for line in found],
        "field px": [f"{line.field_px:g}" for line in found],
        **{f"top-5 %, {protocol}": [_percent(line.error(protocol)) for line in found] for protocol in PROTOCOLS},
        "source": ["; ".join(dict.fromkeys(error.source for error in line.errors)) for line in found],
        "paper": [line.paper for line in found],
    }


def _percent(error: Published | None) -> str:
    return "" if error is None else f"{error.top5_pct:g}"


def year_range(text: str) -> tuple[int, int]:
    """A year or the first and the last of several: 2015, 2012-2014.

    >>> year_range("2015"), year_range("2012-2014")
    ((2015, 2015), (2012, 2014))
    """
    parts: Sequence[str] = text.split("-")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) == 4 for part in parts):
        raise StriateError(f"years are given as 2015 or 2012-2014, got {text!r}")
    return int(parts[0]), int(parts[-1])
