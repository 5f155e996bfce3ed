"""What a frame of the playground costs: bytes, and milliseconds of the processor, without the browser's drawing.

    python benchmarks/playground.py [frames]

Time is the processor's, which other programs change less than that of the clock. An epoch is 25 steps.
"""

import sys
import time

from striate.ops.threads import torch_threads
from striate.playground import Settings
from striate.playground.frame import frame
from striate.playground.learner import FEATURES, Learner

NETWORKS = {
    "4, 2 neurons": Settings(hidden=(4, 2)),
    "8 x 6 neurons, all features": Settings(data="spiral", hidden=(8,) * 6, features=tuple(FEATURES)),
    "support vectors": Settings(data="gauss", learner="svm", l2=0.01),
}


def measured(settings: Settings, steps: int, frames: int) -> tuple[float, float]:
    """Kilobytes and milliseconds of a frame."""
    learner = Learner(settings)
    learner.advance(10)
    frame(learner)
    start, size = time.process_time(), 0
    for _ in range(frames):
        learner.advance(steps)
        size += len(frame(learner))
    return size / frames / 1e3, (time.process_time() - start) / frames * 1e3


if __name__ == "__main__":
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with torch_threads(1):
        for name, settings in NETWORKS.items():
            for steps in (1, Learner(settings).steps_an_epoch):
                kilobytes, milliseconds = measured(settings, steps, frames)
                print(f"{name:28} {steps:3} steps: {kilobytes:5.1f} kB, {milliseconds:5.1f} ms")
