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
    low, high = facts.evaluation.interval
    classes = facts.evaluation.classes
    front = {
        "library_name": "striate",
        "tags": ["image-classification", network.architecture],
        "metrics": ["accuracy"],
    }
    cost = summarize(network)
    height, width = network.preprocess.size
    listed = ", ".join(map(escaped, classes[:20])) + (" ..." if len(classes) > 20 else "")
    return f"""---
{chr(10).join(f"{key}: {json.dumps(value)}" for key, value in front.items())}
---

# {escaped(facts.title)}

{network.architecture} for {len(classes)} classes: {listed}.

- Accuracy {facts.evaluation.accuracy:.2%} on {counted(facts.evaluation.total, "picture")} of the \
{facts.evaluated_split} split (95 % interval {low:.2%} to {high:.2%}).
- Input {network.in_channels} x {height} x {width}; {cost.params:,} parameters; {cost.macs:,} multiply-accumulates.
- Trained on {escaped(facts.data["source"])} in {duration(facts.seconds)} on {escaped(facts.machine["processor"])}; \
weights of epoch {facts.best_epoch}, the best on validation.
- It knows these classes only: a picture of anything else gets one of them too.

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
