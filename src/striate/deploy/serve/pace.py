"""How fast a network answers, so that no more waits than it will have answered soon."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from striate.deploy.predictor import Predictor
from striate.deploy.serve.settings import Settings

WAITING_SECONDS = 2.0
MOST_WAITING = 1_024
TRIED = 8  # pictures


def at_its_pace(settings: Settings, predictor: Predictor) -> Settings:
    """The same, but so many pictures may wait as are answered in WAITING_SECONDS: one request's files at the least."""
    pictures = np.zeros((TRIED, *predictor.preprocess.resize, predictor.preprocess.channels), np.uint8)
    with predictor.computing():
        for _ in range(2):  # the first one prepares what the others use
            start = time.perf_counter()
            predictor.answer(pictures, [""] * TRIED, 1)
    answered = int(predictor.at_once * TRIED * WAITING_SECONDS / (time.perf_counter() - start))
    return replace(settings, most_waiting=max(settings.most_files, min(answered, MOST_WAITING)))
