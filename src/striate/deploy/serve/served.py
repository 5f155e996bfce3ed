"""A network as the routes, and what a page adds to them, have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from striate.deploy.predictor import Predictor
from striate.deploy.serve.admission import Admission
from striate.deploy.serve.batching import Batcher
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.settings import Settings
from striate.deploy.serve.uploads import Decoder


@dataclass(frozen=True)
class Served:
    """A network, its thread, and what is counted.

    An endpoint reads `uploads.read_uploads`, and asks within `admitted`: `decoder.pictures`, then `batcher.answers`, or
    `batcher.call` for anything else that needs the network.
    """

    predictor: Predictor
    settings: Settings
    admission: Admission
    measures: Measures
    decoder: Decoder
    batcher: Batcher

    @contextmanager
    def admitted(self, pictures: int) -> Iterator[None]:
        """The context in which a request of so many pictures is answered. Raises Refused when too many wait."""
        with self.admission.admitted(pictures):
            self.measures.waiting.set(self.admission.pictures)
            yield
        self.measures.waiting.set(self.admission.pictures)

    def close(self) -> None:
        """End its threads."""
        self.decoder.close()
        self.batcher.close()


def served(predictor: Predictor, settings: Settings) -> Served:
    """Its threads run from now on."""
    measures = Measures()
    decoder, batcher = Decoder(predictor.preprocess, settings), Batcher(predictor, settings, measures)
    return Served(predictor, settings, Admission(settings.most_waiting), measures, decoder, batcher)
