"""Striate: the workbench for convolutional networks.

Names are resolved on first use, so that `import striate` is quick and torch comes only with what needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from striate.core.errors import Interrupted, StriateError
from striate.core.on_demand import on_demand
from striate.core.version import __version__

if TYPE_CHECKING:
    from striate import playground
    from striate.analysis.effective_field import effective_field
    from striate.analysis.gradients import check_gradients
    from striate.analysis.summary import Summary, summarize
    from striate.api import check, features, open_data, plan, resume, search, train
    from striate.deploy.calibrating import calibrate
    from striate.deploy.comparing import compare_runs
    from striate.deploy.ensemble import evaluate_together
    from striate.deploy.opened import load
    from striate.deploy.run import Run
    from striate.deploy.soup import soup
    from striate.deploy.together import predict_together
    from striate.deploy.view_gain import evaluate_views
    from striate.frozen.channel_weights import fit_distance
    from striate.frozen.dataset_curve import learning_curve
    from striate.frozen.distance import distance
    from striate.frozen.label_check import check_labels
    from striate.frozen.near_duplicates import near_duplicates
    from striate.models import create_model, list_models
    from striate.recipes import get_recipe, list_recipes
    from striate.report.diagram.diagram import diagram
    from striate.report.look.dream import dream
    from striate.report.look.look import look
    from striate.report.stability import stability
    from striate.report.step import step
    from striate.training.callbacks import Callback
    from striate.training.recipe import Recipe
    from striate.visual.attribution.methods import attribution
    from striate.visual.dreams.visualise import visualise

_HOMES = {
    "attribution": "striate.visual.attribution.methods",
    "diagram": "striate.report.diagram.diagram",
    "effective_field": "striate.analysis.effective_field",
    "Summary": "striate.analysis.summary",
    "summarize": "striate.analysis.summary",
    "check": "striate.api",
    "check_gradients": "striate.analysis.gradients",
    "check_labels": "striate.frozen.label_check",
    "features": "striate.api",
    "open_data": "striate.api",
    "plan": "striate.api",
    "resume": "striate.api",
    "search": "striate.api",
    "train": "striate.api",
    "dream": "striate.report.look.dream",
    "distance": "striate.frozen.distance",
    "fit_distance": "striate.frozen.channel_weights",
    "calibrate": "striate.deploy.calibrating",
    "compare_runs": "striate.deploy.comparing",
    "evaluate_together": "striate.deploy.ensemble",
    "evaluate_views": "striate.deploy.view_gain",
    "soup": "striate.deploy.soup",
    "predict_together": "striate.deploy.together",
    "learning_curve": "striate.frozen.dataset_curve",
    "near_duplicates": "striate.frozen.near_duplicates",
    "stability": "striate.report.stability",
    "step": "striate.report.step",
    "Prediction": "striate.answers.classes",
    "Run": "striate.deploy.run",
    "load": "striate.deploy.opened",
    "look": "striate.report.look.look",
    "visualise": "striate.visual.dreams.visualise",
    "create_model": "striate.models",
    "list_models": "striate.models",
    "get_recipe": "striate.recipes",
    "list_recipes": "striate.recipes",
    "Callback": "striate.training.callbacks",
    "Recipe": "striate.training.recipe",
}

_found = on_demand(__name__, _HOMES)
_ROOMS = ("playground",)  # whose functions are called by the room's name too: striate.playground.train

__all__ = [
    "Callback",
    "Interrupted",
    "Prediction",
    "Recipe",
    "Run",
    "StriateError",
    "Summary",
    "__version__",
    "attribution",
    "calibrate",
    "check",
    "check_gradients",
    "check_labels",
    "compare_runs",
    "create_model",
    "diagram",
    "distance",
    "dream",
    "effective_field",
    "evaluate_together",
    "evaluate_views",
    "features",
    "fit_distance",
    "get_recipe",
    "learning_curve",
    "list_models",
    "list_recipes",
    "load",
    "look",
    "near_duplicates",
    "open_data",
    "plan",
    "playground",
    "predict_together",
    "resume",
    "search",
    "soup",
    "stability",
    "step",
    "summarize",
    "train",
    "visualise",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"striate.{name}")
    return _found(name)


def __dir__() -> list[str]:
    return sorted(__all__)
