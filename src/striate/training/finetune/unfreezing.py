"""Which stages of a network are tuned when: unfrozen from the top, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from striate.models import Network
from striate.models.stages import HEAD, groups_of, norms_of


@dataclass(frozen=True)
class UnfreezeSchedule:
    """The stages that are tuned, from the top; none leaves it at the head, which is solved and not trained.

    Gradual unfreezing is Howard and Ruder's, section 3.3, of the source above.
    """

    stages: tuple[str, ...]

    def unfrozen_stages(self, epoch: int, epochs: int) -> tuple[str, ...]:
        """Stages that are tuned in an epoch, counted from 0: one more at even distances over the first half.

        >>> [len(UnfreezeSchedule(("layer3", "layer2")).unfrozen_stages(epoch, 8)) for epoch in range(8)]
        [1, 1, 2, 2, 2, 2, 2, 2]
        """
        return self.stages[: 1 + 2 * epoch * len(self.stages) // epochs]

    def apply(self, network: Network, epoch: int, epochs: int, *, keep_statistics: bool) -> None:
        """Freeze what is not tuned in an epoch, and with `keep_statistics` those of all batch norms."""
        tuned = {HEAD, *self.unfrozen_stages(epoch, epochs)}
        network.freeze(
            (path for name, paths in groups_of(network).items() if name not in tuned for path in paths),
            eval_only=norms_of(network) if keep_statistics else (),
        )
