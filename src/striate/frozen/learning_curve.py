"""What more pictures would bring: accuracy over the number of pictures, measured, fitted and carried on.

Everything is a linear classifier of features that are computed once. D draws, S shares, K classes, B resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.frozen.linear import Array, Labels, cross_validate, fit, folds_of, one_thread
from striate.ops.power_law import PowerLaw, fit_power_law

SHARES = (0.1, 0.25, 0.5, 1.0)
CLASS_SHARES = (0.25, 0.5)
"""What is kept of a class whose pictures are left out; all of it is measured anyway."""
FOLDS = 10
FEWEST = 20
FEWEST_OF_A_CLASS = 4  # to train on, or its shares are the same pictures
DRAWS_BELOW = ((1_000, 10), (5_000, 5))  # many pictures need few draws, and each takes long
FEWEST_DRAWS = 3
CLASS_FITS = 120  # classifiers, all classes together
MOST_CLASSES = 20
MOST_TO_CHOOSE_BY = 1_000
RESAMPLES = 200
MIDDLE_95 = (2.5, 97.5)

Counts = npt.NDArray[np.int64]
Step = Callable[[int, int], None]
"""Called with (done, total) classifiers."""


@dataclass(frozen=True)
class Size:
    """Accuracy with a share of the pictures.

    pictures: trained on. interval: 95 %, by bootstrap over the draws. accuracies: one per draw.
    """

    share: float
    pictures: int
    accuracy: float
    interval: tuple[float, float]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class ClassGain:
    """What more pictures of one class would bring.

    pictures: of the class, that were trained on. error: share of its pictures that are taken for another class. gain:
    of the mean over the classes of the share that is recognised, 0..1, so that small classes count too; interval:
    95 %, by bootstrap over the draws.
    """

    number: int
    pictures: int
    error: float
    gain: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy over the number of pictures. law: of the error; laws: the same, each fitted to resampled draws.

    pictures: all there are. added: pictures of a class that `gains` speak of; these are in order, the largest first,
    of the classes that are mistaken most.
    """

    sizes: tuple[Size, ...]
    law: PowerLaw
    laws: tuple[PowerLaw, ...]
    pictures: int
    added: int
    gains: tuple[ClassGain, ...]

    def forecast(self, pictures: float) -> tuple[float, float, float]:
        """Accuracy with that many pictures, and the ends of its 95 % interval."""
        low, high = np.percentile([1 - law.error(pictures) for law in self.laws], MIDDLE_95)
        return 1 - self.law.error(pictures), float(low), float(high)


@dataclass(frozen=True)
class Draw:
    """Places of the pictures to train on, in a random order, and of those that are held out."""

    train: Labels
    held: Labels


@dataclass(frozen=True)
class Bench:
    """Features (N, dimensions), their labels (N,) and how classifiers of them are made. tick: after each one."""

    features: Array
    labels: Labels
    classes: int
    C: float
    tick: Callable[[], None]

    def correct(self, draw: Draw, shares_K: Array) -> Counts:
        """Held pictures of each class that are recognised, (K,), after training on shares of the classes."""
        part = draw.train[kept(self.labels[draw.train], shares_K)]
        linear = fit(self.features[part], self.labels[part], self.classes, self.C)
        truth = self.labels[draw.held]
        right = linear.logits(self.features[draw.held]).argmax(1) == truth
        self.tick()
        return np.bincount(truth[right], minlength=self.classes)

    def asked(self, draws: Sequence[Draw]) -> Counts:
        """Held pictures of each class, (D, K)."""
        return np.array([np.bincount(self.labels[draw.held], minlength=self.classes) for draw in draws])


def measure_curve(
    features: Array, labels: Labels, classes: int, added: int = 50, seed: int = 0, step: Step | None = None
) -> LearningCurve:
    """Measure, fit and forecast. features: (N, dimensions). labels: (N,). added: pictures of a class to speak of.

    The pictures are parted into ten folds; each draw holds one of them out and trains on shares of the other nine,
    stratified, the small shares within the large ones. The strength of the classifiers is chosen once: as a prior of
    their weights it means the same for any number of pictures. Raises StriateError for fewer than 20 pictures.
    """
    if len(labels) < FEWEST:
        raise StriateError(f"a learning curve needs at least {FEWEST} pictures, got {len(labels)}")
    with one_thread():
        return _measured(features, labels, classes, added, np.random.default_rng(seed), step)


def _measured(
    features: Array, labels: Labels, classes: int, added: int, random: np.random.Generator, step: Step | None
) -> LearningCurve:
    some = np.sort(random.permutation(len(labels))[:MOST_TO_CHOOSE_BY])
    draws = draws_of(labels, random)
    trained_K = np.bincount(labels[draws[0].train], minlength=classes)
    askable = np.flatnonzero(trained_K >= FEWEST_OF_A_CLASS)
    few = draws[: max(FEWEST_DRAWS, CLASS_FITS // (len(CLASS_SHARES) * max(1, min(len(askable), MOST_CLASSES))))]
    fits = len(draws) * len(SHARES) + len(few) * len(CLASS_SHARES) * min(len(askable), MOST_CLASSES)
    strength = cross_validate(features[some], labels[some], classes).C
    bench = Bench(features, labels, classes, strength, ticks(step, fits))

    hits_DSK = np.array([[bench.correct(draw, np.full(classes, share)) for share in SHARES] for draw in draws])
    asked_DK = bench.asked(draws)
    pictures_S = np.array([kept(labels[draws[0].train], np.full(classes, share)).sum() for share in SHARES])
    sizes, laws = fitted(hits_DSK.sum(2), asked_DK.sum(1), pictures_S, random)

    missed_K = (asked_DK - hits_DSK[:, -1]).sum(0)
    worst = askable[np.argsort(-missed_K[askable], kind="stable")][:MOST_CLASSES]
    gains = [class_gain(bench, few, number, hits_DSK[:, -1], laws[0].exponent, added) for number in worst.tolist()]
    gains.sort(key=lambda gain: -gain.gain)
    return LearningCurve(sizes, laws[0], laws[1:], len(labels), added, tuple(gains))


def draws_of(labels: Labels, random: np.random.Generator) -> list[Draw]:
    """One draw for each fold that is held out, or for the first few of the folds where pictures are many."""
    order = random.permutation(len(labels))
    fold = folds_of(labels[order], FOLDS)
    count = next((draws for below, draws in DRAWS_BELOW if len(labels) < below), FEWEST_DRAWS)
    return [Draw(random.permutation(order[fold != number]), order[fold == number]) for number in range(count)]


def kept(labels: Labels, shares_K: Array) -> npt.NDArray[np.bool_]:
    """Which pictures are in given shares of their classes: the first of each, and one at least.

    >>> kept(np.array([0, 0, 1, 0, 0]), np.array([0.5, 0.1])).tolist()
    [True, True, True, False, False]
    """
    order = np.argsort(labels, kind="stable")
    counts_K = np.bincount(labels, minlength=len(shares_K))
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - (np.cumsum(counts_K) - counts_K)[labels[order]]
    allowed: npt.NDArray[np.bool_] = rank < np.maximum(1, np.rint(shares_K * counts_K))[labels]
    return allowed


def ticks(step: Step | None, total: int) -> Callable[[], None]:
    """A function that counts its calls and tells them on."""
    done = iter(range(1, total + 1))
    return lambda: step(next(done), total) if step else None


def resampled(draws: int, random: np.random.Generator) -> Counts:
    """How often each draw is taken in each resample, (B, D); in the first, each is taken once."""
    drawn = random.multinomial(draws, np.full(draws, 1 / draws), RESAMPLES)
    return np.concatenate([np.ones((1, draws), np.int64), drawn])


def errors_of(hits_DS: Counts, asked_D: Counts, times_BD: Counts) -> Array:
    """Shares of wrong answers, (B, S); sums over the draws are divided once."""
    errors: Array = 1 - times_BD @ hits_DS / (times_BD @ asked_D)[:, None]
    return errors


def mean_errors_of(hits_DSK: Counts, asked_DK: Counts, times_BD: Counts) -> Array:
    """The same for each class, and the mean over the classes that were asked about, (B, S)."""
    hits_BSK = np.einsum("bd,dsk->bsk", times_BD, hits_DSK)
    asked_BK = times_BD @ asked_DK
    recalls_BSK = hits_BSK / np.maximum(1, asked_BK)[:, None, :]
    errors: Array = 1 - recalls_BSK.sum(2) / (asked_BK > 0).sum(1)[:, None]
    return errors


def least_variance(wrong: Counts, asked: Counts) -> Array:
    """Of shares of pictures that are wrong: of Jeffreys' posterior, which is never 0."""
    shares: Array = (wrong + 0.5) / (asked + 1)
    return shares * (1 - shares) / (asked + 2)


def spread(values_BS: Array, variances_S: Array, random: np.random.Generator) -> Array:
    """Resampled shares, no surer than counts of pictures allow: draws that happen to agree say nothing of others.

    values_BS: resamples, the first of them as measured. variances_S: that they have at least; what is missing is added,
    alike for all columns, since these are of the same pictures.

    >>> wider = spread(np.zeros((201, 1)), least_variance(np.array([0]), np.array([12])), np.random.default_rng(0))
    >>> float(wider[0, 0]), bool(0.03 < np.percentile(wider[1:], 97.5) < 0.15)
    (0.0, True)
    """
    missing_S = np.maximum(0, variances_S - values_BS[1:].var(0))
    noise_B1 = np.concatenate([np.zeros((1, 1)), random.standard_normal((len(values_BS) - 1, 1))])
    spread_BS: Array = np.clip(values_BS + noise_B1 * np.sqrt(missing_S), 0, 1)
    return spread_BS


def fitted(
    hits_DS: Counts, asked_D: Counts, pictures_S: Counts, random: np.random.Generator
) -> tuple[tuple[Size, ...], tuple[PowerLaw, ...]]:
    """Accuracy at each size; and the fitted laws, of all draws first, then of resampled ones."""
    errors_BS = errors_of(hits_DS, asked_D, resampled(len(asked_D), random))
    errors_BS = spread(errors_BS, least_variance(asked_D.sum() - hits_DS.sum(0), asked_D.sum()), random)
    accuracies_DS = hits_DS / asked_D[:, None]
    ends_2S = 1 - np.percentile(errors_BS[1:], MIDDLE_95[::-1], axis=0)
    sizes = tuple(
        Size(share, int(pictures), float(1 - error), (float(low), float(high)), tuple(accuracies.tolist()))
        for share, pictures, error, (low, high), accuracies in zip(
            SHARES, pictures_S, errors_BS[0], ends_2S.T, accuracies_DS.T, strict=True
        )
    )
    return sizes, tuple(fit_power_law(pictures_S.astype(float), errors_S) for errors_S in errors_BS)


def class_gain(
    bench: Bench, draws: Sequence[Draw], number: int, full_DK: Counts, exponent: float, added: int
) -> ClassGain:
    """What more pictures of a class would bring, from what leaving some of them out takes away.

    full_DK: correct answers of at least these draws, trained on everything. The mean error is a line in n ** -exponent
    of the class's n pictures, carried on to n + added; no more can be gained than the class is mistaken now.
    """
    shares = np.ones((len(CLASS_SHARES), bench.classes))
    shares[:, number] = CLASS_SHARES
    left_out_DSK = np.array([[bench.correct(draw, shares_K) for shares_K in shares] for draw in draws])
    hits_DSK = np.concatenate([left_out_DSK, full_DK[: len(draws), None]], axis=1)
    asked_DK, trained = bench.asked(draws), bench.labels[draws[0].train]
    random = np.random.default_rng(number)
    asked_K = asked_DK.sum(0)
    errors_BS = mean_errors_of(hits_DSK, asked_DK, resampled(len(draws), random))
    of_classes_SK = least_variance(asked_K - hits_DSK.sum(0), asked_K)
    errors_BS = spread(errors_BS, of_classes_SK[:, asked_K > 0].sum(1) / (asked_K > 0).sum() ** 2, random)

    count = int((trained == number).sum())
    pictures_S = np.maximum(1, np.rint(np.array([*CLASS_SHARES, 1.0]) * count))
    powers_S = pictures_S**-exponent
    off_S = powers_S - powers_S.mean()
    slopes_B = errors_BS @ off_S / (off_S @ off_S)
    right = int(full_DK[: len(draws), number].sum())
    wrong = int(asked_K[number]) - right
    missed = wrong / max(1, wrong + right)
    missed_B = np.concatenate([[missed], random.beta(wrong + 0.5, right + 0.5, RESAMPLES)])
    most_B = missed_B / int((asked_K > 0).sum())
    gains_B = np.minimum(slopes_B * (powers_S[-1] - (count + added) ** -exponent), most_B)
    low, high = np.percentile(gains_B[1:], MIDDLE_95)
    return ClassGain(number, count, missed, float(gains_B[0]), (float(low), float(high)))
