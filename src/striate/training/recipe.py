"""A recipe: everything that a paper's training section decides, as one frozen record."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

from striate.core.bounds import BATCH_PICTURES, SPLIT_SEED, TRAINING_SIDE_PX, require_within
from striate.core.errors import IdleField, StriateError, unknown_name
from striate.core.one_screen import OneScreen
from striate.core.own_code import names_code
from striate.core.records import Fit
from striate.core.values import convert_fields, shown
from striate.data.augment import Augmentation
from striate.data.balance import Balance
from striate.frozen.linear import Kind
from striate.training.other_names import TAKEN_NAMES, unknown_field
from striate.training.recipe_text import parse_value
from striate.training.usual_rates import OPTIMIZERS

SCHEDULES = ("constant", "step", "plateau", "cosine", "one_cycle")
Best = Literal["accuracy", "loss"]
STAGED = "a staged run, which begins with trained weights (--weights embedded)"
# Fields that act only beside others: what they need, in words, and whether a recipe has it.
NEEDS: dict[str, tuple[str, Callable[[Recipe], bool]]] = {
    **dict.fromkeys(("unfreeze_to", "keep_statistics", "head", "head_views"), (STAGED, lambda recipe: recipe.staged)),
    **dict.fromkeys(("muon_lr", "muon_decay"), ("optimizer=muon", lambda recipe: recipe.optimizer == "muon")),
    "nesterov": ("optimizer=sgd", lambda recipe: recipe.optimizer == "sgd"),
    "momentum": ("optimizer=sgd or optimizer=muon", lambda recipe: recipe.optimizer in ("sgd", "muon")),
    **dict.fromkeys(
        ("weight_decay", "decay_norms_and_biases"),
        (f"optimizer={', '.join(OPTIMIZERS)}: one of your own has its own", lambda recipe: not recipe.own_optimizer),
    ),
    "warmup_epochs": (
        f"schedule={', '.join(SCHEDULES)}: one of your own decides every step",
        lambda recipe: recipe.schedule in SCHEDULES,
    ),
    "drop_at": ("schedule=step", lambda recipe: recipe.schedule == "step"),
    "drop_factor": ("schedule=step or schedule=plateau", lambda recipe: recipe.schedule in ("step", "plateau")),
    "patience_epochs": ("schedule=plateau", lambda recipe: recipe.schedule == "plateau"),
    "tiles": ("size_px", lambda recipe: recipe.size_px is not None),
    "full_size_at": ("start_px", lambda recipe: recipe.start_px is not None),
    "least_px": ("size_px to be open", lambda recipe: recipe.size_px is None),
}

# Both allowed; those of the fields that vary the pictures are `Augmentation`'s.
BOUNDS: dict[str, tuple[float, float]] = {
    "white": (1e-9, 1e30),
    "least_px": TRAINING_SIDE_PX,
    "epochs": (1, 100_000),
    "shown_at_most": (1, 10**12),
    "batch_size": BATCH_PICTURES,
    "peak_lr": (0, 1000),
    "muon_lr": (0, 1000),
    "muon_decay": (0, 10),
    "momentum": (0, 1),
    "weight_decay": (0, 1_000_000),
    "warmup_epochs": (0, 100_000),
    "drop_factor": (0, 1),
    "patience_epochs": (1, 100_000),
    "ema_decay": (0, 0.999999),
    "validate_every_epochs": (1, 100_000),
    "stop_after_epochs": (1, 100_000),
    "head_views": (1, 1_000),
    "layer_decay": (0, 1),
    "label_smoothing": (0, 1),
    "start_px": TRAINING_SIDE_PX,
    "test_enlargement": (1, 4),
    "full_size_at": (0.01, 1),
    "dropout": (0, 1),
    "cut_mix": (0, 1),
    "mosaic": (0, 1),
    "split_seed": SPLIT_SEED,
}


# The names that fields have which take code of a person's own as well.
KNOWN: dict[str, tuple[str, ...]] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "augment": ()}


@dataclass(frozen=True, repr=False)
class Recipe(OneScreen, Augmentation):
    """How a network is trained. Every field can be set by `--set field=value`; units are in the names.

    The fields that vary the pictures are those of `Augmentation`.

    Numpy's scalars and whole floats are taken as Python's numbers. Raises StriateError, with the field's name, for a
    value of another type or one that makes no sense.

    >>> Recipe(model="lenet5", epochs=0)
    Traceback (most recent call last):
    striate.core.errors.StriateError: epochs must be between 1 and 100,000, got 0
    """

    model: str
    """A network of the zoo."""
    size_px: int | tuple[int, int] | None = None
    """Height and width that the network sees in use, HEIGHTxWIDTH or one number for a square; None: the network's own,
    or less when the pictures are smaller, times `test_enlargement`."""
    tiles: bool = False
    """Pictures are seen at their own resolution, in tiles of `size_px` that overlap, and judged as wholes: for small
    objects in large pictures."""
    fit: Fit | None = None
    """How pictures of another shape come to the size: cover (the middle is cut out), contain (all of it, with bars of
    the mean colour) or stretch; None: as the weights have it, cover where they are drawn."""
    white: float | None = None
    """The number that is white in pictures of 16 or 32 bits or of floating-point numbers; None: by the bits that the
    training pictures use."""
    least_px: int = 1
    """Pictures that are smaller are enlarged to this, where `size_px` is open."""
    proposals: str | None = None
    """In which boxes R-CNN and Fast R-CNN look: selective_search, or another method of `striate proposals`; None: in
    windows that are slid."""
    weights: str | None = None
    """What it begins with: embedded, imagenet, a run folder or a file; None: drawn weights."""
    layers: tuple[str, ...] = ()
    """A new last layer reads these, averaged over places and side by side; (): the network's own head."""
    staged: bool = False
    """The head alone first, on features computed once; then stages of the network from the top, one after the other."""
    head: Kind = "logistic"
    """What the head alone is solved as: logistic regression, or svm, a linear support vector machine."""
    head_views: int = 8
    """Views of every picture that it is solved on: as it is, mirrored, augmented; fewer where pictures are many."""
    unfreeze_to: str | None = None
    """The lowest stage that is tuned, such as layer3, or head; None: decided from the pictures."""
    keep_statistics: bool = False
    """Batch norms of a staged run keep the statistics that the weights came with, in tuned stages too."""
    layer_decay: float = 1.0
    """What the rate is multiplied by from each stage to the one below."""
    epochs: int = 30
    shown_at_most: int | None = None
    """Pictures that all epochs together show at most, where that takes five epochs or more: of a large data set fewer
    epochs are enough. It is for `epochs` as the recipe has them; those that are asked for are made. None: no limit."""
    batch_size: int = 64
    optimizer: str = "sgd"
    """sgd, adagrad, adadelta, rmsprop, adam, adamw or muon; or one of your own, FILE.py:NAME: what takes parameters,
    as those of torch.optim do."""
    peak_lr: float = 0.05
    """The highest rate. Where another optimizer than the recipe's is named and no rate, the recipe's is scaled by what
    both are usually begun with (sgd 0.05, adagrad 0.01, adadelta 1, the others 0.001). Of an optimizer of your own it
    is that which it was made with, unless this is given."""
    muon_lr: float = 0.03
    """Peak rate of the convolutions under Muon; `peak_lr` is that of everything else."""
    muon_decay: float = 0.0
    """Share of a convolution's weights that a step of Muon takes off, per unit of its rate."""
    momentum: float = 0.9
    """Of SGD and Muon; Adam and AdamW keep their betas of 0.9 and 0.999."""
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay_norms_and_biases: bool = False
    schedule: str = "cosine"
    """constant, step, plateau, cosine or one_cycle; or one of your own, FILE.py:NAME: a function of (step, steps), the
    first step being 0, that gives what `peak_lr` is multiplied by."""
    warmup_epochs: float = 0.0
    """The rate rises linearly over these before the schedule takes over, or to the end of a shorter run."""
    drop_at: tuple[float, ...] = (0.5, 0.75)
    """When the step schedule drops the rate, as shares of the run."""
    drop_factor: float = 0.1
    """What the step and plateau schedules multiply the rate by."""
    patience_epochs: int = 5
    """Epochs without a better validation accuracy before the plateau schedule drops the rate."""
    ema_decay: float = 0.0
    """Validated and kept is a moving average of the weights, of this decay per step; 0: the weights themselves."""
    validate_every_epochs: int = 1
    """The last epoch is always validated."""
    best_by: Best = "accuracy"
    """What makes weights the best on validation, which are kept: accuracy, or loss, steadier on few pictures."""
    stop_after_epochs: int | None = None
    """Validations without better weights that end the run, once all stages are tuned; None: it goes to its end."""
    loss: tuple[str, ...] = ()
    """What is minimised, the sum of several, as the task has them: of segmentation cross_entropy, focal, dice and
    lovasz, of localisation smooth_l1, l1, l2 and iou for the box; (): the task's first."""
    class_weights: Literal["median_frequency"] | None = None
    """median_frequency: pixels of rare classes count more; None: all alike."""
    balance: Balance = "none"
    """Classes of few pictures: weights, whose loss counts more; or sampler, every class is shown equally often."""
    label_smoothing: float = 0.0
    dropout: float | None = None
    """Probability of every dropout layer; None: the network's own."""
    whiten: bool = False
    """The first convolution is set to whitening filters of the training pictures and stays so."""
    start_px: int | None = None
    """Shorter side of the pictures at the start; they grow in steps of 8 px, and keep their shape. None: no growth."""
    test_enlargement: float = 1.0
    """How much larger pictures are wherever the network is used than at the end of its training. Random crops enlarge
    what they show, and whole pictures should show it as large (Touvron et al., arXiv:1906.06423)."""
    full_size_at: float = 0.75
    """Share of the run after which growing pictures have their last size."""
    test_flip: bool = False
    """The answer is the average over a picture and its mirror image, here and wherever the weights are used."""
    cut_mix: float = 0.0
    """Share of the pictures that get a rectangle of another one, and that share of its label."""
    mosaic: float = 0.0
    """Share of the pictures, of objects to find, whose place a part of four of them, side by side, takes."""
    augment: str | None = None
    """An augmentation of your own, FILE.py:NAME, before those of the recipe: a function of uint8 pictures (N, C, h, w)
    of the working size that gives as many alike; or of one picture of Pillow's, where that is what its parameter is
    annotated as."""
    ignore_class: str | None = None
    """Of masks, a class of whose pixels nothing is asked, such as void."""
    split_seed: int = 0
    """Decides the split where the data has none; apart from the seed, so that seeds share one test set."""

    def facts(self) -> dict[str, object]:
        """What a prompt shows: the fields that are not as they are by default."""
        defaults = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in self.to_dict().items() if value != defaults[name]}

    def __post_init__(self) -> None:
        for name in KNOWN:
            if callable(own := getattr(self, name)):
                raise StriateError(
                    f"{name} of a Recipe is a name, such as my_train.py:make, got {shown(own)}; a function itself goes "
                    f"beside the recipe: train(..., {name}=...)"
                )
        convert_fields(self)
        for name, known in KNOWN.items():
            require_known(name, getattr(self, name), known)
        for name, bounds in BOUNDS.items():
            require_within(name, getattr(self, name), bounds)
        (least, most), sides = TRAINING_SIDE_PX, () if self.size_px is None else self.size
        if any(not least <= side <= most for side in sides):
            raise StriateError(f"size_px must be between {least} and {most:,}, got {self.size_px}")
        if self.staged and self.weights is None:
            raise StriateError("staged begins with trained weights, and there are none; give weights, such as embedded")
        if self.whiten and self.weights:
            raise StriateError("whiten draws the first layer anew, which weights bring along; leave one of them out")
        if any(not 0 < share < 1 for share in self.drop_at):
            raise StriateError(f"drop_at are shares of the run between 0 and 1, got {self.drop_at}")
        super().__post_init__()

    def changed(self, fields: dict[str, Any]) -> Recipe:
        """The recipe with some fields set otherwise.

        Raises StriateError for a field that would then do nothing: it would be written down as done.

        >>> Recipe(model="resnet18").changed({"unfreeze_to": "layer3"})
        Traceback (most recent call last):
        striate.core.errors.IdleField: unfreeze_to does nothing here: it needs a staged run, which begins with \
trained weights (weights='embedded')
        """
        known = {field.name for field in dataclasses.fields(self)}
        for name in fields:
            if name not in known:
                raise unknown_field(name, known)
        made = dataclasses.replace(self, **fields)
        for name in fields:
            if getattr(made, name) != getattr(self, name) and (needed := made.needed_by(name)):
                raise IdleField(name, needed)
        return made

    def needed_by(self, name: str) -> str | None:
        """What a field would need to do anything, in words; None: it acts, or nothing more is needed."""
        needed, has = NEEDS.get(name, (None, bool))
        return None if has(self) else needed

    def differences(self, other: Recipe) -> dict[str, Any]:
        """The fields that are otherwise in another recipe, with the values that they have here."""
        mine, others = self.to_dict(), other.to_dict()
        return {name: value for name, value in mine.items() if value != others[name]}

    @property
    def own_optimizer(self) -> bool:
        """Whether the optimiser is code of a person's own."""
        return names_code(self.optimizer)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of `size_px`, which must not be open."""
        assert self.size_px is not None  # noqa: S101 - our own invariant
        return self.size_px if isinstance(self.size_px, tuple) else (self.size_px, self.size_px)

    @property
    def augmentation(self) -> Augmentation:
        """The fields that vary the pictures, apart."""
        return Augmentation(**{each.name: getattr(self, each.name) for each in fields(Augmentation)})

    @classmethod
    def parse(cls, assignments: Iterable[str]) -> dict[str, Any]:
        """Values by field of texts such as "peak_lr=0.1". Raises StriateError, with the nearest name when misspelt.

        >>> Recipe.parse(["peak_lr=0.2", "flip=true", "drop_at=0.5,0.75"])
        {'peak_lr': 0.2, 'flip': True, 'drop_at': (0.5, 0.75)}
        """
        kinds = typing.get_type_hints(cls)
        values: dict[str, Any] = {}
        for assignment in assignments:
            name, equals, text = (part.strip() for part in assignment.partition("="))
            name = TAKEN_NAMES.get(name, name)
            if not equals:
                raise StriateError(f"--set takes field=value, got {assignment!r}")
            if name not in kinds:
                raise unknown_field(name, kinds)
            if name in values:
                raise StriateError(f"{name} is given twice, as --set {name}={values[name]} and --set {assignment}")
            values[name] = parse_value(name, text, kinds[name])
        return values

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; a base class's fields come first in a record, and here last."""
        values = dataclasses.asdict(self)
        return dict(sorted(values.items(), key=lambda each: each[0] in Augmentation.__dataclass_fields__))


def require_known(name: str, value: str | None, known: tuple[str, ...]) -> None:
    """Raise StriateError, with the nearest of the known names, unless a value is one of them, or names code.

    >>> require_known("optimizer", "adma", OPTIMIZERS)
    Traceback (most recent call last):
    striate.core.errors.StriateError: unknown optimizer 'adma'; did you mean 'adam' or 'adamw'?
    """
    if value is None or value in known or names_code(value):
        return
    if known:
        raise unknown_name(name, value, known)
    raise StriateError(f"{name} must be code of your own, FILE.py:NAME, got {value!r}")
