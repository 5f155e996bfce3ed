"""The SVM of mined negatives: scikit-learn's on what is kept, and what it would be with all negatives at once."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.svm import LinearSVC

from striate.ops.hard_negatives import EASY, HARD, MinedSVM


def clouds() -> tuple[torch.Tensor, list[torch.Tensor]]:
    """60 positives, and 12 parts of 400 negatives of which most are far away; mean norms of 20."""
    random = torch.Generator().manual_seed(0)

    def cloud(count: int, at: float, spread: float) -> torch.Tensor:
        return at + spread * torch.randn(count, 8, generator=random, dtype=torch.float64)

    return cloud(60, 7.0, 2.0), [torch.cat([cloud(390, -6.0, 2.0), cloud(10, 3.0, 3.0)]) for _ in range(12)]


def mined() -> tuple[MinedSVM, torch.Tensor]:
    positives, parts = clouds()
    machine = MinedSVM(positives)
    for part in parts:
        machine.look(part)
    machine.solve()
    return machine, torch.cat(parts)


def test_margins_are_scikit_learns_decision_function() -> None:
    positives, parts = clouds()
    machine = MinedSVM(positives)
    machine.look(parts[0])  # before anything is solved all are hard
    features = np.concatenate([positives, parts[0]])
    answers = np.repeat([1, -1], [60, 400])
    theirs = LinearSVC(C=1e-3, loss="hinge", class_weight={1: 2.0}, intercept_scaling=10.0, random_state=0)
    theirs.fit(features, answers)
    np.testing.assert_allclose(machine.margins(parts[1]), theirs.decision_function(parts[1].numpy()), rtol=1e-9)


def test_few_negatives_are_kept_and_the_machine_is_nearly_that_of_all() -> None:
    machine, negatives = mined()
    assert len(negatives) == 4800
    assert 20 < len(machine.negatives) < 1000
    hard = negatives[machine.margins(negatives) > HARD]
    kept = {tuple(row) for row in machine.negatives.tolist()}
    assert {tuple(row) for row in hard.tolist()} <= kept  # none that the machine still gets wrong was lost
    assert (machine.margins(machine.negatives) >= EASY).all()
    whole = MinedSVM(machine.positives)
    whole.negatives = negatives
    whole.solve()
    alike = np.corrcoef(whole.margins(negatives), machine.margins(negatives))[0, 1]
    assert alike > 0.999


def test_what_is_seen_twice_gives_the_same_bits() -> None:
    (once, _), (again, _) = mined(), mined()
    assert torch.equal(once.weight, again.weight)
    assert once.bias == again.bias


def test_a_class_without_positives_stays_unsolved() -> None:
    machine = MinedSVM(torch.zeros(0, 8, dtype=torch.float64))
    machine.look(clouds()[1][0])
    machine.solve()
    assert not machine.weight.any()
