"""Classification: one class per picture, cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from striate.answers.classes import CLASSIFICATION as NAME
from striate.answers.classes import Prediction, read
from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.data.targets.classes import ClassBatch
from striate.runtime.runtime import Runtime
from striate.tasks.classification.examples import Mistake, captions, confident_mistakes
from striate.tasks.classification.losses import Settings, chance_loss, losses, losses_for
from striate.tasks.classification.metric import ClassificationMetric, Evaluation
from striate.tasks.classification.mixing import cut_mix
from striate.tasks.classification.prediction import predict_logits
from striate.tasks.classification.sections import facts, headline, sections
from striate.tasks.evaluation import evaluate as evaluated
from striate.tasks.task import Figure, Task

__all__ = ["CLASSIFICATION", "Evaluation", "Mistake", "Prediction", "Settings", "evaluate", "predict_logits"]


def mix(
    pictures: Tensor, targets: ClassBatch, classes: int, recipe: Settings, generator: torch.Generator
) -> tuple[Tensor, ClassBatch]:
    """CutMix, where a recipe asks for it."""
    if not recipe.cut_mix:
        return pictures, targets
    pictures, labels = cut_mix(pictures, targets.labels, classes, recipe.cut_mix, generator)
    return pictures, ClassBatch(labels)


CLASSIFICATION = Task(
    name=NAME,
    learns_from="one class each",
    answers_with="one class a picture",
    one_answer="class of a whole picture",
    figures=(
        Figure("accuracy", "accuracy", stated="top1", unit="%"),
        Figure("loss", "loss", stated="loss", higher_is_better=False, unit="cross-entropy in nats"),
    ),
    outputs=len,
    losses=losses,
    losses_for=losses_for,
    predict=predict_logits,
    metric=ClassificationMetric,
    read=read,
    captions=captions,
    examples=confident_mistakes,
    mix=mix,
    chance_loss=chance_loss,
    headline=headline,
    facts=facts,
    sections=sections,
    alt="of class {}",
    examples_are="mistakes",
    tags=("image-classification",),
    limits="It knows these classes only: a picture of anything else gets one of them too.",
)


def evaluate(
    network: nn.Module, batches: Iterable[Batch], preprocess: Preprocess, classes: tuple[str, ...], runtime: Runtime
) -> Evaluation:
    """Run a classifier in its inference form over batches of working-size pictures; it is left as it was."""
    found: Evaluation = evaluated(CLASSIFICATION, network, batches, preprocess, classes, runtime).result()
    return found
