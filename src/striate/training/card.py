"""README.md of a run: a model card, whose names of folders and classes are text and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from striate.analysis.summary import summarize
from striate.answers.classes import CLASSIFICATION
from striate.core.commands import command
from striate.core.records import Preprocess
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
{_elsewhere(facts, network, folder)}"""


def _elsewhere(facts: ReportFacts, network: Network, folder: Path) -> str:
    """How a program without Striate uses it, of a classifier."""
    if facts.task.name != CLASSIFICATION:
        return ""
    own = ("--model", network.written.flagged) if network.written else ()
    export = command("export", folder, "--with-preprocessing", "--output", "network.onnx", *own)
    return f"""
Use it without Striate, by ONNX Runtime:

```sh
{export}
```

```python
{onnx_lines(network.preprocess)}
```
"""


def onnx_lines(preprocess: Preprocess) -> str:
    """Python that reads a picture, asks a file `network.onnx` that takes pixels, and prints the class.

    >>> print(onnx_lines(Preprocess((32, 32), (40, 40))).splitlines()[6])
    pixels = np.asarray(ImageOps.fit(picture, (40, 40), Image.Resampling.BILINEAR))
    """
    height, width = preprocess.resize
    side = max(height, width)
    mode = "RGB" if preprocess.channels == 3 else "L"
    scaled = {
        "cover": f"ImageOps.fit(picture, ({width}, {height}), Image.Resampling.BILINEAR)",
        "contain": f"ImageOps.pad(picture, ({width}, {height}), Image.Resampling.BILINEAR, {_colour(preprocess)})",
        "stretch": f"picture.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    }[preprocess.fit]
    axes = "pixels.transpose(2, 0, 1)[None]" if mode == "RGB" else "pixels[None, None]"
    return f"""import json, numpy as np, onnxruntime
from PIL import Image, ImageOps
network = onnxruntime.InferenceSession("network.onnx")
picture = Image.open("PICTURE.jpg")
picture.draft(None, ({side}, {side}))  # a large JPEG file at 1/2, 1/4 or 1/8 of its size, as Striate decodes it
picture = ImageOps.exif_transpose(picture).convert("{mode}")
pixels = np.asarray({scaled})
logits = network.run(["logits"], {{"images": {axes}}})[0]
print(json.loads(network.get_modelmeta().custom_metadata_map["striate"])["classes"][logits.argmax()])"""


def _colour(preprocess: Preprocess) -> object:
    colour = preprocess.mean_colour
    return colour if len(colour) > 1 else colour[0]


def escaped(text: str) -> str:
    r"""A text on one line of Markdown, its marks escaped.

    >>> print(escaped("<b>|x\n# y"))
    \<b\>\|x\\n# y
    """
    return MARKS.sub(lambda mark: f"\\{mark[0]}", visible(text))
