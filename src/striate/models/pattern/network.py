"""The network of a pattern, with the names of torchvision's VGG and AlexNet: features.0, ..., classifier.0, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.layers import LocalResponseNorm, he_normal_
from striate.models.network import Network
from striate.models.pattern.grammar import Pattern, parse
from striate.models.pattern.words import KINDS, Layer, wrong

SIDE_PX, CHANNELS, CLASSES = 224, 3, 1000  # where neither the text nor the caller says otherwise
WITH_MARGIN_PX = 64  # from here on pictures come with the usual margin, smaller ones are seen whole
MOST_PARAMETERS = 10**10
SHOWN_CHARACTERS = 60
MAY_BE_OVERWRITTEN = ("conv", "fc", "bn")  # nobody reads their outputs again, so that ReLU needs no memory of its own


class PatternNetwork(Network):
    """Convolutions and pools, then, from the first fc, gap or class layer on, what reads them as one vector.

    Without gap it is made for one size of picture. Weights are drawn as He et al. say, whatever the activations.
    """

    def __init__(self, pattern: Pattern, classes: int, in_channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        maps, gap, vector = _parts(pattern)
        self.architecture = str(pattern)
        self.smallest_px = smallest_px(maps)
        shapes = _shapes(maps, in_channels, size, self.smallest_px)
        channels, *sides = shapes[-1]
        self.fitted = not gap
        nothing = nn.Identity() if gap else nn.Flatten()  # where no layer reads maps
        self.features = nn.Sequential(*(_modules(maps, [shape[0] for shape in shapes]) or [nothing]))
        self.avgpool = nn.AdaptiveAvgPool2d(1) if gap else None
        widths = [channels if gap else channels * sides[0] * sides[1]]
        for layer in vector:
            widths.append(int(layer.number or 0) if layer.kind == "fc" else widths[-1])
        head = _modules(vector, widths, flat=True)
        self.classifier = nn.Sequential(*head, nn.Linear(widths[-1], classes))
        self.classifier_name = f"classifier.{len(head)}"
        self.built_for = size
        self.features_info = tuple(_stages(maps, [shape[0] for shape in shapes]))
        self.preprocess = Preprocess(size, size).for_channels(in_channels)
        he_normal_(self)

    @property
    def label(self) -> str:
        """The pattern, its end left out where it is long."""
        whole = self.architecture
        return whole if len(whole) <= SHOWN_CHARACTERS else f"{whole[:SHOWN_CHARACTERS]}..."

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to the last maps (N, channels, h, w)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, channels, h, w) to (N, classes)."""
        pooled = features if self.avgpool is None else self.avgpool(features)
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(pooled.flatten(1))  # type: ignore[no-any-return]

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError unless the size fits: without gap, exactly the one that it was built for."""
        if not self.fitted:
            return super().require_size(height, width)
        if (height, width) != self.built_for:
            fits = "x".join(map(str, self.built_for))
            raise StriateError(
                f"{self.label}: its first layer behind the maps reads every place of those of a {fits} picture, got "
                f"{height}x{width}; resize the pictures, build it with size=({height}, {width}), or put gap in front "
                "of that layer, which makes any size fit"
            )
        return None


def pattern_network(
    text: str, classes: int | None = None, in_channels: int | None = None, size: tuple[int, int] | None = None
) -> PatternNetwork:
    """Build the network that a pattern describes.

    classes, in_channels, size (height, width in pixels): what the pattern says when not given, otherwise 1000, 3 and
    224x224, or larger where it needs more. Raises StriateError, with the column, for what cannot be built.

    >>> network = pattern_network("[(conv64-relu)*2-pool]*3-(fc256-relu)*1-softmax", classes=10, size=(32, 32))
    >>> network.architecture
    '((conv64-relu)*2-pool)*3-fc256-relu-softmax'
    >>> network.smallest_px, network.classifier_name
    (8, 'classifier.2')
    """
    pattern = parse(text)
    maps, _, _ = _parts(pattern)
    own = pattern.size or (CHANNELS, *[max(SIDE_PX, smallest_px(maps))] * 2)
    classes = classes or pattern.classes or CLASSES
    channels, sides = in_channels or own[0], size or (own[1], own[2])
    if size is not None:
        _require_buildable(pattern, classes, channels, sides)
    network = PatternNetwork(pattern, classes, channels, sides)
    if size is None and min(sides) >= WITH_MARGIN_PX:
        network.preprocess = replace(network.preprocess, resize=Preprocess(sides).resize)
    return network


def _parts(pattern: Pattern) -> tuple[list[Layer], bool, list[Layer]]:
    """The layers of maps, whether gap follows them, and the layers behind, of one vector.

    A dropout directly before the first fc is one of the vector. Raises StriateError for a layer of maps among these.
    """
    layers = list(pattern.layers())
    maps = list(takewhile(lambda layer: layer.kind not in ("fc", "gap"), layers))
    gap = len(maps) < len(layers) and layers[len(maps)].kind == "gap"
    while not gap and maps and maps[-1].kind == "dropout":
        maps.pop()
    vector = layers[len(maps) + gap :]
    for layer in vector:
        if KINDS[layer.kind].maps:
            ending = next(layer for layer in layers if layer.kind in ("fc", "gap"))
            raise wrong(
                layer.column, f"{layer} reads maps, and there are none behind {ending} (column {ending.column})"
            )
    return maps, gap, vector


def _is_window(layer: Layer) -> bool:
    return layer.kind in ("conv", "pool", "avgpool")


def smallest_px(maps: Sequence[Layer]) -> int:
    """The smallest height and width of which every layer leaves something, found from the last layer back."""
    need = 1
    for layer in filter(_is_window, reversed(maps)):
        need = max(1, (need - 1) * layer.stride + layer.kernel - 2 * layer.padding)
    return need


def _shapes(
    maps: Sequence[Layer], in_channels: int, size: tuple[int, int], smallest: int
) -> list[tuple[int, int, int]]:
    """Channels, height, width before each layer and behind the last. Raises StriateError where a layer does not fit."""
    shapes = [(in_channels, *size)]
    for layer in maps:
        channels, *sides = shapes[-1]
        if _is_window(layer):
            if min(sides) + 2 * layer.padding < layer.kernel:
                raise wrong(
                    layer.column,
                    f"{layer} gets maps of {sides[0]}x{sides[1]}, smaller than its window of {layer.kernel}; the "
                    f"smallest pictures that the pattern takes are {smallest}x{smallest}, got {size[0]}x{size[1]}",
                )
            if layer.kind == "conv":
                filters = int(layer.number or 0)
                if channels % layer.groups or filters % layer.groups:
                    raise wrong(
                        layer.column,
                        f"{layer} divides {channels} channels into {filters} by {layer.groups} groups; both must be "
                        f"multiples of {layer.groups}",
                    )
                channels = filters
            sides = [(side + 2 * layer.padding - layer.kernel) // layer.stride + 1 for side in sides]
        shapes.append((channels, sides[0], sides[1]))
    return shapes


def _modules(layers: Sequence[Layer], widths: Sequence[int], *, flat: bool = False) -> list[nn.Module]:
    """A module for each layer. widths: channels before each layer and behind the last; flat: of vectors, not maps."""
    kinds = ["", *(layer.kind for layer in layers)]
    pairs = zip(layers, kinds, widths, widths[1:], strict=False)
    return [_module(layer, before in MAY_BE_OVERWRITTEN, taken, given, flat) for layer, before, taken, given in pairs]


def _module(layer: Layer, overwrites: bool, taken: int, given: int, flat: bool) -> nn.Module:
    kernel, stride, padding = layer.kernel, layer.stride, layer.padding
    match layer.kind:
        case "conv":
            return nn.Conv2d(taken, given, kernel, stride=stride, padding=padding, groups=layer.groups)
        case "pool":
            return nn.MaxPool2d(kernel, stride=stride, padding=padding)
        case "avgpool":
            return nn.AvgPool2d(kernel, stride=stride, padding=padding)
        case "fc":
            return nn.Linear(taken, given)
        case "bn":
            return nn.BatchNorm1d(taken) if flat else nn.BatchNorm2d(taken)
        case "lrn":
            return LocalResponseNorm()
        case "relu":
            return nn.ReLU(inplace=overwrites)
        case "leakyrelu":
            return nn.LeakyReLU()
        case "elu":
            return nn.ELU()
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
        case _:
            return nn.Dropout(layer.number or 0.0)


def _stages(maps: Sequence[Layer], channels: Sequence[int]) -> list[Feature]:
    """One per run of layers with a convolution: its last layer before what makes the maps smaller, and the last."""
    stages, stride, convolved = [], 1, False
    for number, layer in enumerate(maps):
        if layer.stride > 1 and convolved:
            stages.append(Feature(f"features.{number - 1}", channels[number], stride))
            convolved = False
        stride *= layer.stride
        convolved = convolved or layer.kind == "conv"
    if convolved:
        stages.append(Feature(f"features.{len(maps) - 1}", channels[-1], stride))
    return stages


def _require_buildable(pattern: Pattern, classes: int, in_channels: int, size: tuple[int, int]) -> None:
    """Raise StriateError, with the layer that has most of them, for more parameters than any machine here holds."""
    maps, gap, vector = _parts(pattern)
    shapes = _shapes(maps, in_channels, size, smallest_px(maps))
    counts = [
        (int(layer.number or 0) * (shape[0] // layer.groups * layer.kernel**2 + 1), layer.column, str(layer))
        for layer, shape in zip(maps, shapes, strict=False)
        if layer.kind == "conv"
    ]
    channels, height, width = shapes[-1]
    taken = channels if gap else channels * height * width
    last = (classes, pattern.end, "the class layer")
    dense = [(int(layer.number or 0), layer.column, str(layer)) for layer in vector if layer.kind == "fc"]
    for units, column, name in [*dense, last]:
        counts.append((units * (taken + 1), column, name))
        taken = units
    if (total := sum(count for count, _, _ in counts)) > MOST_PARAMETERS:
        count, column, name = max(counts)
        raise wrong(
            column,
            f"with pictures of {size[0]}x{size[1]} {name} has {count:,} of {total:,} parameters, and at most "
            f"{MOST_PARAMETERS:,} can be built; pool more in front of it, or put gap there",
        )
