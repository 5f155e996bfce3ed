"""What is wrong with a run on masks that its loss does not tell."""

from __future__ import annotations

from itertools import islice

from striate.data.batches import Batch
from striate.data.targets.masks import masks_of
from striate.ops.pixels import Overlap, overlap
from striate.ops.shifts import common_shift
from striate.tasks.finding import Finding, Missed, Validated

FOUND_OF_OTHERS = 0.1  # of the pixels that are of other classes than the commonest answer
NEVER_FROM = 0.5  # of the epochs: a rare class is learned late
SHIFTS_OF = 32  # training pictures: some 50 ms each at 480x360

RARE = (
    "--set class_weights=median_frequency lets them count more, --set loss=cross_entropy,dice cares for each class "
    "alike"
)


def findings_of(run: Validated) -> list[Finding]:
    """Masks beside their pictures; one class for nearly all pixels; classes that no pixel is answered with."""
    found = [] if run.looked_at is None else _shifted(run.looked_at)
    pixels: Overlap = overlap(run.metric.confusion)
    if not run.judged or not pixels.truth.sum():
        return found
    one = one_class(pixels, run.metric.names)
    if one is not None:
        return [*found, one]
    return found if run.done < NEVER_FROM else [*found, *_never(pixels, run.metric.names)]


def one_class(pixels: Overlap, names: tuple[str, ...]) -> Finding | None:
    """Other classes than the commonest answer are answered for less than a tenth of their pixels."""
    most, whole = int(pixels.predicted.argmax()), int(pixels.truth.sum())
    others, answered = whole - int(pixels.truth[most]), whole - int(pixels.predicted[most])
    if answered >= FOUND_OF_OTHERS * others:
        return None
    return Finding(
        "one class",
        f"{answered_share(1 - answered / whole)} of the pixels of the validation pictures are answered {names[most]!r},"
        f" and {1 - others / whole:.1%} are of it. Usually the rate is wrong (--set peak_lr=..., ten times less, then "
        f"ten times more), or the other classes are so rare that the loss hardly notices them: {RARE}",
    )


def answered_share(share: float) -> str:
    """A share that is near all, not rounded up to it.

    >>> answered_share(1.0), answered_share(0.9999), answered_share(0.98)
    ('all', '99.9%', '98.0%')
    """
    return "all" if share == 1 else f"{int(share * 1000) / 10:.1f}%"


def _never(pixels: Overlap, names: tuple[str, ...]) -> list[Finding]:
    shares = pixels.truth.double() / pixels.truth.sum()
    missed = [n for n in range(len(names)) if pixels.truth[n] and not pixels.predicted[n]]
    if not missed:
        return []
    which, told = Missed.of([f"{names[n]!r} ({float(shares[n]):.2%})" for n in missed])
    return [
        Finding(
            "never answered",
            f"no pixel of the validation pictures is answered with {which} in their masks: {told}. Usually such "
            f"classes are rare, and the loss hardly notices them: {RARE}; larger pictures (--size) help where they are "
            "thin",
        )
    ]


def _shifted(batch: Batch) -> list[Finding]:
    """Masks whose outlines fit the edges of their pictures better elsewhere, in nearly all pictures.

    The answers would not tell: where all masks are shifted alike a network learns the shift.
    """
    pictures = (picture.permute(1, 2, 0).numpy() for picture in batch.pictures)
    shift = common_shift(islice(zip(pictures, masks_of(batch.targets).numpy(), strict=True), SHIFTS_OF))
    if shift is None:
        return []
    height, width = batch.pictures.shape[-2:]
    return [
        Finding(
            "shifted masks",
            f"masks lie {shift.beside} what their pictures show, in {shift.better} of {shift.pictures} training "
            f"pictures looked at (at {width}x{height}, as the network sees them). Usually masks or pictures were cut, "
            "scaled or turned without the other, and the network learns the shift with everything else: lay some masks "
            "over their pictures, and make them anew",
        )
    ]
