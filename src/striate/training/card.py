"""README.md of a run: a model card, whose names of folders and classes are text and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from striate.analysis.summary import summarize
from striate.core.commands import command
from striate.core.units import counted, duration
from striate.core.visible import visible
from striate.models import Network
from striate.report.facts import ReportFacts

MARKS = re.compile(r"[\\`*_\[\]<>|~&$!]")


def model_card(facts: ReportFacts, network: Network, folder: Path) -> str:
    """README.md of a run: what the network is, how it was trained, how good it is, how to use it."""
    task, names = facts.task, facts.names
    figure, value = task.measured(facts.evaluation)[0]
    low, high = map(figure.line, facts.evaluation.interval)
    front = {
        "library_name": "striate",
        "tags": [*task.tags, network.architecture],
        "metrics": [figure.title],
    }
    cost = facts.cost or summarize(network)
    height, width = network.preprocess.size
    listed = ", ".join(map(escaped, names[:20])) + (" ..." if len(names) > 20 else "")
    return f"""---
{chr(10).join(f"{key}: {json.dumps(value)}" for key, value in front.items())}
---

# {escaped(facts.title)}

{escaped(network.architecture)} for {facts.described}{": " + listed if names else ""}.

- {figure.heading} {figure.line(value)} on {counted(facts.evaluation.total, "picture")} of the \
{facts.evaluated_split} split (95 % interval {low} to {high}).
- Input {network.in_channels} x {height} x {width}; {cost.params:,} parameters; {cost.macs:,} multiply-accumulates.
- Trained on {escaped(facts.data["source"])} in {duration(facts.seconds)} on {escaped(facts.machine["processor"])}; \
weights of epoch {facts.best_epoch}, the best on validation.
{f"- {task.limits}" + chr(10) if task.limits else ""}
Repeat it:

```sh
{facts.command}
```

Use it:

```sh
{command("predict", folder, "PICTURE.jpg")}
```
"""


def escaped(text: str) -> str:
    r"""A text on one line of Markdown, its marks escaped.

    >>> print(escaped("<b>|x\n# y"))
    \<b\>\|x\\n# y
    """
    return MARKS.sub(lambda mark: f"\\{mark[0]}", visible(text))
