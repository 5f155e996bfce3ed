"""The whole job on real pictures: train LeNet-5 on handwritten digits, measure it, report it, use it.

make demo
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

import striate
from striate.data.sources import open_data
from striate.training.folder.layout import next_free


def main() -> None:
    """Train, evaluate, report; then predict three digits that the network has never seen."""
    run = striate.train("digits", recipe="digits_lenet5", run=next_free(Path("runs"), "demo"))
    low, high = run.metrics["test_top1_interval"]
    print(
        f"\ntest accuracy {run.metrics['test_top1']:.2%} (95 % interval {low:.2%} to {high:.2%}) on "
        f"{run.metrics['test_pictures']} scans, trained in {run.metrics['seconds']} s"
    )

    digits = open_data("digits")
    held_out = digits.splits["test"][[0, 100, 200]]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index in held_out.tolist():
            file = Path(folder) / f"digit-{index}-is-{digits.classes[digits.labels[index]]}.png"
            Image.fromarray(digits.pictures.decode(index, 1)[:, :, 0]).save(file)
            files.append(file)
        for prediction in run.predict(files):
            print(f"{Path(prediction.path).name}: {prediction.label} ({prediction.probability:.1%})")
    print(f"\nreport: {run.path / 'report.html'}")
    print(f"next:   .venv/bin/striate evaluate {run.path} digits")


if __name__ == "__main__":
    main()
