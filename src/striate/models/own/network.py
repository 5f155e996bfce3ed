"""Any `nn.Module` as a network: it keeps its code, the names of its weights, and its own way into training mode."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.models.network import Network, replace_classifier
from striate.models.own.outputs import Answer, answer_of
from striate.models.own.walk import takes_channels_last, walk_or_refuse

if TYPE_CHECKING:
    from typing_extensions import Self

SHARED = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


class OwnNetwork(Network):
    """A network of a person's own.

    behind: the module itself. It shares all that it holds with this one, so that every weight and every layer has one
    name, its own; torch calls it as ever. `classifier_name` is "" where it ends in no linear layer.
    """

    behind: nn.Module
    pinned: tuple[str, ...] = ()
    """Names of the parameters that came without gradients, and stay so."""
    _takes_channels_last: bool | None = None

    def __init__(self, module: nn.Module, name: str, preprocess: Preprocess, classifier: str, classes: int) -> None:
        super().__init__()
        self._stand_before(module)
        self.architecture, self.preprocess, self.features_info = name, preprocess, ()
        self.classifier_name, self.answers = classifier, classes
        self.pinned = tuple(path for path, p in module.named_parameters() if not p.requires_grad)

    def _stand_before(self, module: nn.Module) -> None:
        vars(self)["behind"] = module
        vars(self).update({name: vars(module)[name] for name in SHARED})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        vars(copied).update({n: copy.deepcopy(v, memo) for n, v in vars(self).items() if n not in (*SHARED, "behind")})
        copied._stand_before(copy.deepcopy(self.behind, memo))
        return copied

    def __setattr__(self, name: str, value: Any) -> None:
        """What is a part of the module becomes one of it; the rest stays here, whatever the module calls its parts."""
        if isinstance(value, nn.Module | Tensor):
            setattr(self.behind, name, value)
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        """What is found nowhere else is the module's own."""
        behind = vars(self).get("behind")
        if behind is None:
            raise AttributeError(name)
        return getattr(behind, name)

    def get_submodule(self, target: str) -> nn.Module:
        """The module's own, which may be called as something else here is."""
        return self.behind.get_submodule(target)

    @property
    def training(self) -> bool:
        """Whether the module itself is in training mode."""
        return self.behind.training if "behind" in vars(self) else True

    @training.setter
    def training(self, mode: bool) -> None:
        if "behind" in vars(self):
            self.behind.training = mode

    def train(self, mode: bool = True) -> Self:
        """Training mode by the module's own `train`, or evaluation; what is frozen stays in evaluation."""
        self.behind.train(mode)
        self.hold_frozen()
        return self

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The module's own."""
        return self.behind.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The module's own."""
        return self.behind.load_state_dict(state_dict, *args, **kwargs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes) or (N, classes, H, W), whatever the module gives besides."""
        return self._answer(images).main

    def _answer(self, images: Tensor) -> Answer:
        """What the module gives, as logits; of pixels at the size of the images."""
        return answer_of(self.behind(images), self.label).at_size(images.shape[2], images.shape[3])

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        return self._answer(images).weighted

    @property
    def against_channels_last(self) -> str:
        """As of every network, and whether its code can, which is found by trial once."""
        if reason := super().against_channels_last:
            return reason
        if self._takes_channels_last is None:
            self._takes_channels_last = takes_channels_last(self.behind, (self.in_channels, *self.preprocess.size))
        asks = "its code asks for a view of them, where reshape or flatten would do"
        return "" if self._takes_channels_last else asks

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError, with the line of its own code, unless it runs on pictures of this size."""
        walk_or_refuse(self.behind, self.label, (self.in_channels, height, width))

    def require_fit(self, images: Tensor) -> None:
        """Nothing: what fits is for the module's own code to say."""

    def forward_features(self, images: Tensor) -> Tensor:
        """Images to what the last layer reads. Raises StriateError where the module ends in no linear layer."""
        read: list[Tensor] = []
        hook = self.get_classifier().register_forward_pre_hook(lambda _, given: read.append(given[0]))
        try:
            self.behind(images)
        finally:
            hook.remove()
        return read[-1]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """What the last layer reads to what it gives; what the module does behind it is left out."""
        return features.flatten(1) if pre_logits else self.get_classifier()(features)

    def get_classifier(self) -> nn.Module:
        """The last layer. Raises StriateError where there is none that is linear."""
        if not self.classifier_name:
            raise StriateError(
                f"{self.label} ends in no linear layer that gives its logits, so nothing can be told of what that "
                "reads, nor another be put in its place"
            )
        return self.get_submodule(self.classifier_name)

    @property
    def classes(self) -> int:
        """How many logits it gives."""
        return self.answers

    def reset_classifier(self, classes: int) -> None:
        """A fresh last layer for another number of classes. Raises StriateError where there is none."""
        self.get_classifier()
        replace_classifier(self, self.classifier_name, classes)
        self.answers = classes

    def freeze(self, paths: Iterable[str], eval_only: Iterable[str] = ()) -> None:
        """As of every network; what came without gradients stays so, and what is in no layer is of the lowest stage."""
        super().freeze(paths, eval_only)
        *_, lowest = (self.modules_by_stage or {"": ()}).values()
        with_lowest = bool(lowest) and set(lowest) <= set(self.frozen)
        for name, parameter in self.named_parameters():
            if name in self.pinned or (with_lowest and "." not in name):
                parameter.requires_grad_(False)
