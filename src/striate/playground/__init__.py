"""Small networks on points of the plane: what `striate playground` shows, and the same from Python."""

from striate.playground.settings import Settings
from striate.playground.training import Trained, train

__all__ = ["Settings", "Trained", "train"]
