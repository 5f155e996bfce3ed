"""The report of a run as an offline page: its result, its key figures, and a list of sections, some its task's."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from markupsafe import Markup

from striate.report.charts import charts_of, thinned
from striate.report.facts import ReportFacts
from striate.report.offline import rendered, write_page
from striate.report.space import FeatureSpace, maps_of, shown_look_ups
from striate.tasks.task import Figure, Section

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
MOST_SAMPLES = 16
MOST_LAYER_ROWS, MOST_EPOCH_ROWS = 30, 200


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write the report of a run as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render(facts))


def render(facts: ReportFacts) -> str:
    """The page of a report."""
    task, found = facts.task, facts.evaluation
    split_name = SPLIT_NAMES.get(facts.evaluated_split, facts.evaluated_split)
    return rendered(
        "report.html",
        facts=facts,
        headline=task.headline_of(found, split_name),
        interval=task.figures[0].between(found.interval),
        network=network_name(facts),
        key_figures=task.facts_of(found),
        speed=median_speed(facts.history),
        sections=[(section, drawn(section, split_name)) for section in sections_of(facts)],
    )


def drawn(section: Section, split_name: str) -> Markup:
    """What stands below a section's title; its template knows its values and what the split is called."""
    return Markup(rendered(section.template, split_name=split_name, **section.values).rstrip("\n"))


def sections_of(facts: ReportFacts) -> list[Section]:
    """All sections, in the order of the page: how training went, what the task shows, what the run was made of."""
    augmented = {"samples": facts.augmented[:MOST_SAMPLES], "alt": facts.task.alt}
    cost = {"cost": facts.cost, "network": network_name(facts), "most_rows": MOST_LAYER_ROWS}
    data = {"data": facts.data, "names": facts.names, "described": facts.described}
    record = {"recipe": facts.recipe, "machine": facts.machine}
    return [
        *([Section("transfer", "Transfer", "transfer.html", {"transfer": facts.transfer})] if facts.transfer else []),
        curves_section(facts),
        seen_section(facts),
        *facts.task.sections(facts.evaluation, facts.examples),
        Section("augmented", "As the network sees it", "augmented.html", augmented),
        *([space_section(facts.space)] if facts.space else []),
        Section("data", "Data", "data.html", data),
        Section("cost", "Cost", "cost.html", cost),
        Section("recipe", "Recipe and machine", "recipe.html", record, link="Recipe"),
        Section("repeat", "Repeat it", "repeat.html", {"command": facts.command}),
    ]


def curves_section(facts: ReportFacts) -> Section:
    """Curves over the epochs, and their numbers."""
    history, figures = facts.history, facts.task.curves
    values = {
        "charts": charts_of(history, facts.best_epoch, figures),
        "columns": columns_of(history, figures),
        "epochs": thinned(history, facts.best_epoch, MOST_EPOCH_ROWS) if history else [],
        "epochs_in_all": len(history),
        "best_epoch": facts.best_epoch,
        "smoothed": bool(facts.recipe.get("label_smoothing")),
    }
    return Section("curves", "Curves", "curves.html", values)


def columns_of(history: list[dict[str, Any]], figures: tuple[Figure, ...]) -> list[tuple[str, Figure, str]]:
    """The columns of a table of epochs: part of the data, figure, and its key in the history, which may lack some."""
    parts = (("training", "train"), ("validation", "val"))
    columns = [(name, figure, f"{part}_{figure.key}") for name, part in parts for figure in figures]
    return [column for column in columns if any(column[2] in entry for entry in history)]


def seen_section(facts: ReportFacts) -> Section:
    """What the run saw of itself."""
    vitals = [entry for entry in facts.history if "update_ratio" in entry]
    values = {
        "findings": [finding for entry in facts.history for finding in entry.get("findings", ())],
        "vitals": vitals,
        "learned": any("clean_accuracy" in entry for entry in vitals),
        "figure": facts.task.figures[0],
    }
    return Section("seen", "What the run saw of itself", "seen.html", values, link="What it saw")


def space_section(space: FeatureSpace) -> Section:
    """Pictures as the features of the network place them."""
    values = {"space": space, "maps": maps_of(space), "look_ups": shown_look_ups(space)}
    return Section("space", "What the network finds alike", "space.html", values, link="What it finds alike")


def network_name(facts: ReportFacts) -> str:
    """What the network is called."""
    return facts.cost.name if facts.cost else str(facts.recipe.get("model", "network"))


def median_speed(history: list[dict[str, Any]]) -> float | None:
    """Training pictures per second in the median epoch; None where it was not taken."""
    speeds = [entry["images_per_second"] for entry in history if entry["images_per_second"]]
    return median(speeds) if speeds else None
