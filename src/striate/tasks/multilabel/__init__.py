"""Multi-label classification: any number of labels per picture, a sigmoid for each, mean average precision."""

from __future__ import annotations

from striate.answers.labels import MULTILABEL as NAME
from striate.answers.labels import Labelled, read
from striate.tasks.agreement import of_labels
from striate.tasks.multilabel.examples import LabelledPicture, captions, worst_and_best
from striate.tasks.multilabel.findings import findings_of
from striate.tasks.multilabel.losses import LOSSES, chance_loss, losses
from striate.tasks.multilabel.metric import LabelEvaluation, LabelMetric, thresholds_of
from striate.tasks.multilabel.prediction import predict_labels
from striate.tasks.multilabel.sections import facts, headline, sections
from striate.tasks.task import Figure, Task

__all__ = ["MULTILABEL", "LabelEvaluation", "Labelled", "LabelledPicture"]

MULTILABEL = Task(
    name=NAME,
    figures=(
        Figure("map", "mAP", stated="map", unit="%"),
        Figure("micro_f1", "F1", stated="micro_f1", unit="%"),
        Figure("macro_f1", "F1, mean of labels", stated="macro_f1", unit="%"),
        Figure("exact", "exactly right", stated="exact", unit="%"),
        Figure("loss", "loss", stated="loss", higher_is_better=False, unit="binary cross-entropy in nats"),
    ),
    needs=NAME,
    networks="classification",
    learns_from="any number of labels each (a table of path and labels, a;b, or of a column of 0 and 1 for each label)",
    answers_with="any number of labels a picture",
    one_answer="labels of a whole picture",
    idle=("staged",),
    outputs=len,
    losses=losses,
    loss_names=tuple(LOSSES),
    predict=predict_labels,
    metric=LabelMetric,
    read=read,
    captions=captions,
    examples=worst_and_best,
    agreement=of_labels,
    thresholds=thresholds_of,
    chance_loss=chance_loss,
    recipe="quick_labels",
    recipe_of_model="default",
    headline=headline,
    facts=facts,
    sections=sections,
    findings=findings_of,
    alt="of {}",
    tags=("image-classification",),
    limits="It knows these labels only, and names none of a picture that shows something else at best.",
)
