"""A linear support vector machine of few positives and of those among many negatives that are hard for it.

Felzenszwalb et al., "Object detection with discriminatively trained part-based models", TPAMI 32 (2010), section 4.4;
the numbers are those of the code of R-CNN (arXiv:1311.2524, section 2.3), which made one pass.
"""

from __future__ import annotations

import torch
from torch import Tensor

C, POSITIVES_COUNT = 1e-3, 2.0
"""The weight of costs against the penalty, for features whose mean norm is 20, and how often each positive counts."""
BIAS_UNIT = 10.0
"""The bias is the weight of a feature of this size, so that the penalty hardly touches it."""
HARD, EASY = -1.0, -1.2
"""The margin above which a negative is taken up, and that below which it is let go of again."""
REFIT_AFTER = 2000
"""Negatives that are taken up between one solution and the next."""


class MinedSVM:
    """Sees negatives part by part and keeps those that are hard. Margins are features @ weight + bias.

    positives: float64 (P, D). weight: (D,). Both are 0 until a negative has been seen, and where there are no
    positives.
    """

    def __init__(self, positives: Tensor) -> None:
        self.positives, self.negatives = positives, positives[:0]
        self.weight, self.bias = positives.new_zeros(positives.shape[1]), 0.0
        self._fresh, self._solved = 0, False

    def margins(self, features: Tensor) -> Tensor:
        """(N,) of features (N, D)."""
        return features @ self.weight + self.bias

    def look(self, negatives: Tensor) -> None:
        """Take up those of some negatives (N, D) that are hard, and solve anew where these have become many."""
        hard = negatives[self.margins(negatives) > HARD]
        self.negatives = torch.cat([self.negatives, hard])
        self._fresh += len(hard)
        if self._fresh > REFIT_AFTER or not self._solved:
            self.solve()

    def solve(self) -> None:
        """Solve for what is kept, then let go of the negatives that have become easy."""
        if not len(self.positives) or not len(self.negatives):
            return
        from sklearn.svm import LinearSVC

        features = torch.cat([self.positives, self.negatives]).cpu().numpy()
        is_positive = [1] * len(self.positives) + [0] * len(self.negatives)
        machine = LinearSVC(
            loss="hinge",
            C=C,
            class_weight={1: POSITIVES_COUNT},
            intercept_scaling=BIAS_UNIT,
            max_iter=100_000,
            random_state=0,
        )
        machine.fit(features, is_positive)
        self.weight, self.bias = torch.from_numpy(machine.coef_[0]).to(self.weight), float(machine.intercept_[0])
        self._fresh, self._solved = 0, True
        self.negatives = self.negatives[self.margins(self.negatives) >= EASY]
