"""What five lectures on convolutional networks print, as far as a computation can answer it."""

from __future__ import annotations

from printed.lecture_costs import COST_TABLE
from printed.lecture_layers import LAYER_ROWS, LECTURE_1
from printed.lecture_networks import INCEPTION_ROWS, NETWORK_ROWS
from printed.lecture_walk import WALK_ROWS

SECTIONS = {
    "Lecture 1": LECTURE_1,
    "AlexNet against LeNet, layer by layer (lecture 1)": COST_TABLE,
    "One layer (lectures 2 to 5)": LAYER_ROWS,
    "VGG-16, layer by layer (lecture 2)": WALK_ROWS,
    "Networks (lectures 2 to 5)": NETWORK_ROWS,
    "The Inception module (lectures 3 and 5)": INCEPTION_ROWS,
}
