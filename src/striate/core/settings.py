"""Whether runs were made alike: what of recipe.json decides that, whoever reads it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def settings_of(recipe: dict[str, Any]) -> str:
    """A short hash of all that a recipe.json says of how a run was made but its seed, the machine and the folder.

    Of the data the fingerprint counts too: other pictures, or others to validate on, are another setting.

    >>> one, other = ({"source": "digits", "recipe": {"epochs": 2}, "seed": seed} for seed in (0, 1))
    >>> settings_of(one) == settings_of(other) != settings_of({"source": "digits", "recipe": {"epochs": 3}})
    True
    """
    data = recipe.get("data")
    fingerprint = data.get("fingerprint") if isinstance(data, dict) else None
    mixed = [recipe["soup"]] if "soup" in recipe else []  # the mean of runs is none of another seed
    made = [*(recipe.get(key) for key in ("source", "recipe", "code")), fingerprint, *mixed]
    decided = json.dumps(made, sort_keys=True)
    return hashlib.sha256(decided.encode()).hexdigest()[:12]
