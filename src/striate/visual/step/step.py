"""One number of one layer for one picture: forward, backward, and the update of a weight, by hand and by torch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, first_line, unknown_name
from striate.ops.threads import threads_left_by_others
from striate.visual.attribution.score import CannotShow, Score, best_classes, in_evaluation, score_of
from striate.visual.step.calls import Call, Calls, layers_of
from striate.visual.step.kinds import worked_out
from striate.visual.step.worked import Place, Terms, Worked

RATE = 0.01
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Update:
    """A weight after one step that raises the score.

    name, place: of the weight. uses: at how many places of the output it counts. gradient: of the score by it, the sum
    over all of them, by hand. elsewhere: what comes from other layers that have the same weight. predicted, after: the
    score with the new weight, by the gradient alone and as the network gives it.
    """

    name: str
    place: Place
    value: float
    uses: int
    gradient: float
    elsewhere: float
    rate: float
    new: float
    predicted: float
    after: float


@dataclass(frozen=True, eq=False)
class Step:
    """One number of a layer, in 64-bit numbers.

    layer: as it was asked for. name: of the operation. place: in the layer's output, with the place in the batch.
    output: all of it. worked: the arithmetic by hand. torch_value: what torch gives. sources: what each tensor of the
    terms is called. score: of the class; gradient: of the score by this number. difference: the largest between our
    numbers and torch's, forward and backward. update: None where the operation has no weights.
    """

    layer: str
    name: str
    place: Place
    output: Tensor
    worked: Worked
    torch_value: float
    sources: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    class_number: int
    score: float
    gradient: float
    difference: float
    update: Update | None

    def flow(self, terms: Terms) -> Tensor:
        """What of the score's gradient flows through this number to each of the terms, (n,)."""
        return self.gradient * terms.derivatives

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "layer": self.layer,
            "operation": self.name,
            "shape": list(self.output.shape),
            "at": list(self.place),
            "formula": self.worked.formula,
            "steps": dict(self.worked.steps),
            "value": self.worked.value,
            "torch_value": self.torch_value,
            "largest_difference": self.difference,
            "class": self.class_number,
            "score": self.score,
            "gradient": self.gradient,
            "terms": [
                {
                    "of": self.sources[each.tensor],
                    "places": each.places.tolist(),
                    "inside": each.inside.tolist(),
                    "values": each.values.tolist(),
                    "derivatives": each.derivatives.tolist(),
                    "gradients": self.flow(each).tolist(),
                }
                for each in self.worked.terms
            ],
            "update": None if self.update is None else {**vars(self.update), "place": list(self.update.place)},
        }


@threads_left_by_others()
def worked_step(
    network: nn.Module,
    image: Tensor,
    layer: str,
    at: Sequence[int] | None = None,
    class_number: int | None = None,
    *,
    rate: float = RATE,
) -> Step:
    """One number of a layer's output with the numbers that it is made of, what its gradient reaches, and an update.

    network: any `nn.Module`; a copy in 64-bit numbers answers, in evaluation mode. image: (1, C, H, W), normalised.
    layer: a module's path, such as "conv1"; where a module makes several operations, or one is no module's, its
    function stands behind a colon or alone, such as "layer1.0:add". at: the place in the output, without the batch; by
    default that of the largest number. class_number: of the score whose gradient is meant; by default the likeliest.
    Every number is compared with torch's. Raises StriateError for a layer or place that there is not, for a kind of
    operation that is not known, and where ours and torch's numbers are not the same within 1e-5.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> _ = nn.init.ones_(network[0].weight)
    >>> step = worked_step(network, torch.ones(1, 1, 4, 4), "0", (1, 0, 0))
    >>> step.worked.value, step.worked.formula, step.sources
    (9.0, 'sum of x · w', ('input', '0.weight'))
    """
    if image.dim() != 4 or len(image) != 1:
        raise StriateError(f"a step is taken with one image (1, C, H, W), got {tuple(image.shape)}")
    network = copy.deepcopy(network).cpu().double().requires_grad_(True)
    image = image.detach().cpu().double()
    with in_evaluation(network, 0):
        number = int(best_classes(network, image)[0]) if class_number is None else class_number
        known = [each.label for each in layers_of(network, image)]
        if layer not in known:
            raise unknown_name("layer", layer, known, "`striate step`")
        score_by = score_of(network, image, torch.tensor([number]))
        call, score, trained = _run(network, image, score_by, known.index(layer))
        place = _place(call.output, at, layer)
        worked = worked_out(call, layer, place)
        difference = _compared(call, layer, place, worked)
        update = _updated(call, worked, trained, score, rate)
        if update is not None:
            with torch.no_grad():
                trained[update.name][update.place] = update.new
                update = replace(update, after=float(score_by(image)[0]))
    return Step(
        layer=layer,
        name=call.name,
        place=place,
        output=call.output,
        worked=worked,
        torch_value=float(call.output[place]),
        sources=tuple(call.sources),
        shapes=tuple(tuple(each.shape) for each in call.tensors),
        class_number=number,
        score=score,
        gradient=0.0 if call.gradient is None else float(call.gradient[place]),
        difference=difference,
        update=update,
    )


def _run(
    network: nn.Module, image: Tensor, score_by: Score, wanted: int
) -> tuple[Call, float, dict[str, nn.Parameter]]:
    """One operation of a network, the score, and the operation's parameters with the score's gradients by them."""
    calls = Calls(network, wanted)
    given = image.clone().requires_grad_(True) + 0  # no leaf, which functions in place may not change
    with calls.noting(network):
        output = score_by(given)[0]
    if output.requires_grad:
        try:
            output.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:  # as where a number that a gradient needs was changed in place
            raise CannotShow(f"torch cannot go back through the network: {first_line(error)}") from error
    (call,) = calls.kept
    trained = {name: each for name, each in network.named_parameters() if name in call.sources}
    return call, float(output.detach()), trained


def _place(output: Tensor, at: Sequence[int] | None, layer: str) -> Place:
    """The place in an output. Raises StriateError where there is none such."""
    if at is None:
        return tuple(int(index) for index in torch.unravel_index(output.argmax(), output.shape))
    batched = len(output) == 1 if output.dim() else False
    shape = tuple(output.shape[1:]) if batched else tuple(output.shape)
    if len(at) != len(shape) or not all(0 <= index < size for index, size in zip(at, shape, strict=True)):
        sizes = " x ".join(map(str, shape))
        most = ",".join(str(size - 1) for size in shape)
        raise StriateError(
            f"{layer} gives {sizes} numbers, so the place is from {','.join('0' * len(shape))} to {most}, got "
            f"{','.join(map(str, at))}"
        )
    return (0, *at) if batched else tuple(at)


def _compared(call: Call, layer: str, place: Place, worked: Worked) -> float:
    """The largest difference to torch's value and derivatives, relative to the largest of them where that is above 1.

    Raises StriateError where it is above the tolerance: no number is shown that torch does not confirm.
    """
    tensors = [
        tensor.clone().requires_grad_(follow) for tensor, follow in zip(call.tensors, call.followed, strict=True)
    ]
    answer = call.again([tensor + 0 for tensor in tensors])[place]  # no leaves, as above
    largest = _apart(torch.tensor(worked.value, dtype=torch.float64), answer.detach())
    numbers = [number for number, tensor in enumerate(tensors) if tensor.requires_grad and answer.requires_grad]
    theirs = torch.autograd.grad(answer, [tensors[each] for each in numbers], allow_unused=True) if numbers else ()
    for number, gradient in zip(numbers, theirs, strict=True):
        like = call.tensors[number]
        ours = sum((each.dense(like) for each in worked.terms if each.tensor == number), torch.zeros_like(like))
        largest = max(largest, _apart(ours, torch.zeros_like(like) if gradient is None else gradient))
    if not largest <= TOLERANCE:
        where, theirs_too = ",".join(map(str, place)), float(answer.detach())
        raise StriateError(
            f"the arithmetic of {layer} ({call.name}) at {where} gives {worked.value:.6g} where torch gives "
            f"{theirs_too:.6g}, or other derivatives ({largest:.1g} apart), so it is not shown; please report it"
        )
    return largest


def _apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / max(1.0, float(theirs.abs().max())))


def _strongest(call: Call, worked: Worked, trained: dict[str, nn.Parameter]) -> tuple[int, Place] | None:
    """The trained weight that the answer depends on most: its tensor's number and its place."""
    candidates = [each for each in worked.terms if call.sources[each.tensor] in trained and len(each.values)]
    if not candidates:
        return None
    best = max(candidates, key=lambda each: (len(each.values) > 1, float(each.derivatives.abs().max())))
    place = best.places[int(best.derivatives.abs().argmax())]
    return best.tensor, tuple(place.tolist())


def _updated(call: Call, worked: Worked, trained: dict[str, nn.Parameter], score: float, rate: float) -> Update | None:
    """The strongest weight after one step; None where there is none, or outputs are not linear in it.

    What one more of a weight changes is what it is multiplied by, at each place.
    """
    weight = _strongest(call, worked, trained)
    if weight is None:
        return None
    number, place = weight
    name = call.sources[number]
    more, less = ([tensor.clone() for tensor in call.tensors] for _ in range(2))
    more[number][place] += 1
    less[number][place] -= 1
    with torch.no_grad():
        meets, same = call.again(more) - call.output, call.output - call.again(less)
    if not torch.allclose(meets, same):
        return None
    arriving = torch.zeros_like(call.output) if call.gradient is None else call.gradient
    gradient = float((arriving * meets).sum())
    by_torch = trained[name].grad
    whole = 0.0 if by_torch is None else float(by_torch[place])
    elsewhere = whole - gradient
    if abs(elsewhere) <= TOLERANCE * max(abs(gradient), abs(whole)):
        elsewhere = 0.0
    value = float(call.tensors[number][place])
    total = gradient + elsewhere
    return Update(
        name,
        place,
        value,
        int((meets != 0).sum()),
        gradient,
        elsewhere,
        rate,
        value + rate * total,
        score + rate * total**2,
        score,
    )
