"""Weight files of every spelling that users have, and the refusals, by the text of the error."""

from __future__ import annotations

import logging
import os
import re
import warnings
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.deploy.bundle import save_config, save_weights
from striate.models import Network, create_model
from striate.models.weight_files import read_weights

torch.set_num_threads(1)
State = dict[str, Tensor]


@pytest.fixture
def trained() -> Network:
    torch.manual_seed(1)
    model = create_model("resnet20", classes=4)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.1, 1)
    return model


def same(model: nn.Module, state: State) -> bool:
    return all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def prefixed(prefix: str) -> Callable[[State], Any]:
    return lambda state: {prefix + key: value for key, value in state.items()}


def wrapped(*keys: str) -> Callable[[State], Any]:
    def wrap(state: State) -> Any:
        content: Any = state
        for key in reversed(keys):
            content = {key: content, "epoch": 3, "args": {"lr": 0.1}}
        return content

    return wrap


SPELLINGS: dict[str, Callable[[State], Any]] = {
    "bare": lambda state: state,
    "module.": prefixed("module."),
    "_orig_mod.": prefixed("_orig_mod."),
    "both": prefixed("_orig_mod.module."),
    "compiled inside": lambda state: {key.replace("layer1.", "layer1._orig_mod."): v for key, v in state.items()},
    "state_dict": wrapped("state_dict"),
    "model": wrapped("model"),
    "model_state_dict": wrapped("model_state_dict"),
    "ema": wrapped("ema"),
    "nested": wrapped("model", "state_dict"),
    "beside a script's arguments": lambda state: {"model": state, "args": Namespace(lr=0.1, device="cuda")},
    "averaged": lambda state: {"model_ema": {"n_averaged": torch.tensor(3), **prefixed("module.")(state)}},
    "Lightning's": lambda state: {"state_dict": prefixed("model.")(state), "epoch": 3, "hparams": {"lr": 0.1}},
    "Lightning's, with a loss beside": lambda state: {
        "state_dict": {**prefixed("net.")(state), "criterion.weight": torch.ones(4)}
    },
    "backbone.": prefixed("module.backbone."),
    "under a key of its own": lambda state: {"net": state, "acc": torch.tensor(93.1), "optimizer": {"state": {}}},
    "linear for fc": lambda state: {key.replace("fc.", "linear."): value for key, value in state.items()},
    "a CIFAR file": lambda state: {
        "state_dict": {f"module.{key.replace('fc.', 'linear.')}": value for key, value in state.items()},
        "best_prec1": 91.7,
    },
    "without counters": lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_torch_files(spelling: str, kind: str, trained: Network, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(SPELLINGS[spelling](trained.state_dict()), path, _use_new_zipfile_serialization=kind == "zip")
    assert same(create_model("resnet20", classes=4, weights=path), trained.state_dict())


@pytest.mark.parametrize("spelling", ["bare", "module.", "_orig_mod.", "without counters"])
def test_safetensors_files(spelling: str, trained: Network, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"  # told by the content, not by the name
    save_file(SPELLINGS[spelling](trained.state_dict()), path)
    assert same(create_model("resnet20", classes=4, weights=str(path)), trained.state_dict())


def test_old_densenet_names(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = create_model("densenet121", classes=3)
    old = {
        key.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.").replace("conv1.", "conv.1.").replace(
            "conv2.", "conv.2."
        ) if "denselayer" in key else key: value
        for key, value in model.state_dict().items()
        if "num_batches" not in key
    }  # fmt: skip
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    assert same(create_model("densenet121", classes=3, weights=tmp_path / "old.pth"), model.state_dict())


def test_the_file_decides_the_classes_unless_asked(
    trained: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "w.pth"
    torch.save(trained.state_dict(), path)
    model = create_model("resnet20", weights=path)
    assert model.fc.out_features == 4 and same(model, trained.state_dict())
    assert caplog.records == []
    with caplog.at_level(logging.WARNING, logger="striate"):
        other = create_model("resnet20", classes=7, weights=path)
    assert [record.getMessage() for record in caplog.records] == [
        f"resnet20: fc has 4 classes in {path}; its 7-class head starts fresh"
    ]
    assert other.fc.out_features == 7 and torch.equal(other.conv1.weight, trained.conv1.weight)
    assert not torch.equal(other.fc.weight[:4], trained.fc.weight)


@pytest.mark.parametrize("name", ["nin_cifar", "lenet5_1998"])
def test_other_kinds_of_heads(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model(name, classes=4)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    assert same(create_model(name, weights=tmp_path / "w.pth"), model.state_dict())
    other = create_model(name, classes=6, weights=tmp_path / "w.pth").eval()
    assert other(torch.rand(1, other.in_channels, 32, 32)).shape == (1, 6)


def test_auxiliary_heads_may_be_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    model = create_model("googlenet_tv", classes=3)
    torch.save({k: v for k, v in model.state_dict().items() if not k.startswith("aux")}, tmp_path / "w.pth")
    again = create_model("googlenet_tv", classes=3, weights=tmp_path / "w.pth")
    assert torch.equal(again.inception5b.branch1.conv.weight, model.inception5b.branch1.conv.weight)
    torch.save(model.state_dict(), tmp_path / "whole.pth")
    with caplog.at_level(logging.WARNING, logger="striate"):
        create_model("googlenet_tv", classes=5, weights=tmp_path / "whole.pth")
    assert [record.getMessage().partition(" has")[0] for record in caplog.records] == [
        "googlenet_tv: fc", "googlenet_tv: aux1.fc2", "googlenet_tv: aux2.fc2",
    ]  # fmt: skip


def test_several_wrappers_are_told(trained: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save({"ema": create_model("resnet20").state_dict(), "model": trained.state_dict()}, tmp_path / "w.pth")
    with caplog.at_level(logging.WARNING, logger="striate"):
        assert same(create_model("resnet20", weights=tmp_path / "w.pth"), trained.state_dict())
    assert caplog.records[0].getMessage() == f"{tmp_path / 'w.pth'} holds 'model' and 'ema'; taking 'model'"


class Exploit:
    """Unpickling this would create a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_code_in_a_file_is_never_run(kind: str, tmp_path: Path) -> None:
    path, trap = tmp_path / "evil.pth", tmp_path / "trap"
    torch.save({"state_dict": Exploit(trap)}, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(StriateError, match=r"evil\.pth is damaged, or holds more than tensors; it was not opened"):
        create_model("resnet20", weights=path)
    assert not trap.exists()


def test_a_whole_pickled_network_is_refused(trained: Network, tmp_path: Path) -> None:
    torch.save(trained, tmp_path / "whole.pth")
    with pytest.raises(StriateError, match=r"save model\.state_dict\(\) alone where it was trained"):
        create_model("resnet20", weights=tmp_path / "whole.pth")


def test_weights_of_another_architecture_are_listed(trained: Network, tmp_path: Path) -> None:
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    with pytest.raises(StriateError) as caught:
        create_model("resnet32", weights=tmp_path / "w.pth")
    text = str(caught.value)
    assert text.startswith(
        f"the weights in {tmp_path / 'w.pth'} are not those of resnet32: missing layer1.3.conv1.weight"
    )
    assert "(16, 16, 3, 3)" in text and " more" in text
    with pytest.raises(StriateError, match=r"of resnet20: unexpected layer1\.2\.conv1\.weights \(16, 16, 3, 3\)"):
        state = create_model("resnet20").state_dict()
        torch.save({**state, "layer1.2.conv1.weights": state["layer1.2.conv1.weight"]}, tmp_path / "typo.pth")
        create_model("resnet20", weights=tmp_path / "typo.pth")


def test_other_channels_are_an_error(trained: Network, tmp_path: Path) -> None:
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    with pytest.raises(StriateError, match=r"conv1\.weight is \(16, 3, 3, 3\), the network has \(16, 1, 3, 3\)$"):
        create_model("resnet20", in_channels=1, weights=tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is damaged: it is empty \(0 bytes\); copy or download it again"),
        (b"this is not a weight file at all", "damaged"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46830571\n",
            "is a pointer of Git LFS in the",
        ),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page in the place of the weights; download"),
        (b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08", "is an HDF5 file, as Keras writes them; weights are"),
        (b"\x1f\x8b\x08\x00", "is packed by gzip; unpack it first"),
        (b'{"metadata": {"total_size": 1}, "weight_map": {}}', "is JSON and holds no weights"),
        (b"\x40\x00\x00\x00\x00\x00\x00\x00{ no json", "is damaged or not a safetensors file"),
        (b"PK\x03\x04 an empty archive", "damaged"),
    ],
)
def test_damaged_files(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(StriateError, match=rf"w\.pth .*{message}|w\.pth {message}"):
        create_model("resnet20", weights=tmp_path / "w.pth")


def test_files_without_tensors_and_no_files(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "lr": 0.1}, tmp_path / "w.pth")
    with pytest.raises(StriateError, match=r"holds no state dict: its keys are 'epoch', 'lr'; save model\.state_dict"):
        create_model("resnet20", weights=tmp_path / "w.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(StriateError, match="holds no state dict: no names"):
        create_model("resnet20", weights=tmp_path / "list.pth")
    with pytest.raises(StriateError, match="no weights at imagnet: no such file; weights are 'embedded', a run"):
        create_model("resnet20", weights="imagnet")


def test_what_was_renamed_is_said(trained: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, state = tmp_path / "w.pth", trained.state_dict()
    renamed = {f"model.{key.replace('fc.', 'head.')}": value for key, value in state.items()}
    torch.save({"weights": {**renamed, "loss.weight": torch.ones(4)}, "epoch": 2}, path)
    with caplog.at_level(logging.WARNING, logger="striate"):
        assert same(create_model("resnet20", weights=path), state)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: the state dict is what it holds as 'weights'",
        f"{path}: the names stand under 'model.', which is taken off; 1 tensor beside them is left out",
        f"{path}: head is taken for the last layer, which resnet20 calls fc",
    ]


def test_the_last_layer_of_another_name_must_have_the_shapes_and_be_all_that_is_foreign(
    trained: Network, tmp_path: Path
) -> None:
    state = {key: value for key, value in trained.state_dict().items() if not key.startswith("fc.")}
    torch.save({**state, "linear.weight": torch.ones(4, 32), "linear.bias": torch.ones(4)}, tmp_path / "narrow.pth")
    with pytest.raises(
        StriateError, match=r"of resnet20: missing fc\.weight \(10, 64\); unexpected linear\.weight \(4, 32\);"
    ):
        create_model("resnet20", weights=tmp_path / "narrow.pth")
    two = {
        f"{name}.{leaf}": trained.state_dict()[f"fc.{leaf}"] for name in ("one", "two") for leaf in ("weight", "bias")
    }
    torch.save({**state, **two}, tmp_path / "two.pth")
    with pytest.raises(StriateError, match=r"missing fc\.weight .*; unexpected one\.weight"):
        create_model("resnet20", weights=tmp_path / "two.pth")


def test_a_backbone_is_enough_where_a_new_head_is_made(
    trained: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "w.pth"
    torch.save({f"backbone.{k}": v for k, v in trained.state_dict().items() if not k.startswith("fc.")}, path)
    with caplog.at_level(logging.WARNING, logger="striate"):
        model = create_model("resnet20", classes=7, weights=path)
    assert torch.equal(model.conv1.weight, trained.conv1.weight) and model.fc.out_features == 7
    assert caplog.records[-1].getMessage() == f"resnet20: {path} holds no head; fc starts fresh"
    alone = (
        f"{path} holds resnet20 without its last layer (fc), so it names no class: it cannot be evaluated or predicted "
        "with, only trained from (weights=...)"
    )
    with pytest.raises(StriateError, match=rf"^{re.escape(alone)}$"):
        create_model("resnet20", weights=path)  # nobody will train its head


def test_several_state_dicts_are_not_chosen_between(trained: Network, tmp_path: Path) -> None:
    torch.save({"generator": trained.state_dict(), "critic": trained.state_dict()}, tmp_path / "w.pth")
    with pytest.raises(StriateError, match=r"holds several state dicts \('generator', 'critic'\); save the one"):
        create_model("resnet20", weights=tmp_path / "w.pth")


def test_a_dictionary_that_holds_itself_comes_to_an_end(tmp_path: Path) -> None:
    content: dict[str, Any] = {"epoch": 3}
    content["model"] = content
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(StriateError, match="holds no state dict: its keys are 'epoch', 'model'"):
        create_model("resnet20", weights=tmp_path / "w.pth")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", ["torch", "safetensors", "run"])
def test_numbers_that_are_not_finite_are_refused(bad: float, kind: str, trained: Network, tmp_path: Path) -> None:
    trained.fc.weight.data[1, 2] = bad
    path = tmp_path / "model.safetensors"
    if kind == "torch":
        torch.save(trained.state_dict(), path)
    elif kind == "safetensors":
        save_file(trained.state_dict(), path)
    else:
        save_weights(tmp_path, trained)
        save_config(tmp_path, trained, tuple("abcd"), {})
    with pytest.raises(StriateError, match=r"NaN or infinity in 1 of the 256 numbers of fc\.weight; its training has"):
        create_model("resnet20", weights=tmp_path if kind == "run" else path)


def test_an_archive_of_code_is_named_and_torchs_advice_to_run_it_is_not_repeated(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather export
        torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "traced.pt"))
    with pytest.raises(
        StriateError, match="is a TorchScript archive, which holds code; save model.state_dict"
    ) as caught:
        create_model("resnet20", weights=tmp_path / "traced.pt")
    assert "weights_only" not in str(caught.value)
    with zipfile.ZipFile(tmp_path / "arrays.npz", "w") as archive:
        archive.writestr("arr_0.npy", b"x")
    with pytest.raises(StriateError, match=r"is a zip archive without torch's tensors \(it holds arr_0\.npy\)"):
        create_model("resnet20", weights=tmp_path / "arrays.npz")


def test_the_length_of_a_header_may_begin_like_another_file(tmp_path: Path) -> None:
    """The first byte of a safetensors file is the low byte of its header's length: "{" or "<" as well as any."""
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    for beginning in (b"{", b"<!", b"\x1f\x8b", b"PK"):
        padded = header.ljust(int.from_bytes(beginning.ljust(8, b"\0"), "little"))
        (tmp_path / "w").write_bytes(beginning.ljust(8, b"\0") + padded + bytes(4))
        assert list(read_weights(tmp_path / "w")) == ["a"]


def test_a_truncated_file_is_damaged(trained: Network, tmp_path: Path) -> None:
    for kind, name in ((True, "zip.pth"), (False, "legacy.pth")):
        torch.save(trained.state_dict(), tmp_path / name, _use_new_zipfile_serialization=kind)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(StriateError, match=rf"{name} is damaged") as refused:
            create_model("resnet20", weights=tmp_path / name)
        assert "Errno" not in str(refused.value)


def test_a_zip_archive_cut_anywhere_is_said_to_be_cut_short(trained: Network, tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    torch.save(trained.state_dict(), file)
    whole = file.read_bytes()
    for length in (2, 4, 21, 100, len(whole) // 2, len(whole) - 23, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(StriateError) as refused:
            create_model("resnet20", weights=file)
        assert str(refused.value) == (
            f"{file} is damaged: it is cut short or not a whole zip archive; copy or download it again"
        )


def test_weights_of_another_detector_are_named_with_what_would_do(tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"body.conv1.weight": torch.zeros(1), "score.bias": torch.zeros(1)}, file)
    with pytest.raises(
        StriateError,
        match=r"other\.pth holds the weights neither of retinanet_quick_regnet26_fpn nor of quick_regnet26, with which "
        r"it may begin; name others \(",
    ):
        create_model("retinanet_quick_regnet26_fpn", weights=file)
