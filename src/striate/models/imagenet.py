"""The official ImageNet weights: which files there are, and how one gets here. Nothing is fetched unless asked."""

from __future__ import annotations

import hashlib
import http.client
import logging
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import torch

from striate.core.errors import StriateError
from striate.core.files import storage_errors
from striate.core.units import in_bytes

HOST = "https://download.pytorch.org/models/"
CHUNK = 1 << 20  # bytes read at once
TIMEOUT_S = 30.0

log = logging.getLogger("striate")


@dataclass(frozen=True)
class Published:
    """A published weight file. file: its name, which ends in the start of its SHA-256.

    resize: side in pixels that the picture is scaled to before 224 are cut out, as its accuracy was measured.
    """

    file: str
    resize: int = 256


# The file names that torchvision 0.28 documents; "imagenet" is its IMAGENET1K_V1, "imagenet_v2" its IMAGENET1K_V2.
FILES: dict[str, dict[str, Published]] = {
    "imagenet": {
        "alexnet_tv": Published("alexnet-owt-7be5be79.pth"),
        "vgg11": Published("vgg11-8a719046.pth"),
        "vgg13": Published("vgg13-19584684.pth"),
        "vgg16": Published("vgg16-397923af.pth"),
        "vgg19": Published("vgg19-dcbb9e9d.pth"),
        "vgg11_bn": Published("vgg11_bn-6002323d.pth"),
        "vgg13_bn": Published("vgg13_bn-abd245e5.pth"),
        "vgg16_bn": Published("vgg16_bn-6c64b313.pth"),
        "vgg19_bn": Published("vgg19_bn-c79401a0.pth"),
        "googlenet_tv": Published("googlenet-1378be20.pth"),
        "resnet18": Published("resnet18-f37072fd.pth"),
        "resnet34": Published("resnet34-b627a593.pth"),
        "resnet50": Published("resnet50-0676ba61.pth"),
        "resnet101": Published("resnet101-63fe2227.pth"),
        "resnet152": Published("resnet152-394f9c45.pth"),
        "resnext50_32x4d": Published("resnext50_32x4d-7cdf4587.pth"),
        "resnext101_32x8d": Published("resnext101_32x8d-8ba56ff5.pth"),
        "resnext101_64x4d": Published("resnext101_64x4d-173b62eb.pth", resize=232),
        "densenet121": Published("densenet121-a639ec97.pth"),
        "densenet161": Published("densenet161-8d451a50.pth"),
        "densenet169": Published("densenet169-b2777c0a.pth"),
        "densenet201": Published("densenet201-c1103571.pth"),
    },
    "imagenet_v2": {
        "resnet50": Published("resnet50-11ad3fa6.pth", resize=232),
        "resnet101": Published("resnet101-cd907fc2.pth", resize=232),
        "resnet152": Published("resnet152-f82ba261.pth", resize=232),
        "resnext50_32x4d": Published("resnext50_32x4d-1a0047aa.pth", resize=232),
        "resnext101_32x8d": Published("resnext101_32x8d-110c445d.pth", resize=232),
    },
}


def published(name: str, weights: str) -> Published:
    """The file of a network. Raises StriateError that lists the networks that have one."""
    if name not in FILES[weights]:
        raise StriateError(
            f"there are no published {weights!r} weights of {name}; there are of {', '.join(FILES[weights])}"
        )
    return FILES[weights][name]


def fetch_published(file: str) -> Path:
    """The path of a published file in torch hub's folder, fetched only if it is not there yet."""
    return fetch(HOST + file, Path(torch.hub.get_dir()) / "checkpoints")


def fetch(address: str, folder: Path) -> Path:
    """Fetch `address` into `folder` and check it by the start of its SHA-256, which its name ends in.

    What an interrupted fetch left is continued. Progress goes to the error stream when that is a terminal.
    Raises StriateError without a network (naming address, file and folder), when the connection breaks (the same
    call goes on later), and when the content is not what the name says.
    """
    name = address.rpartition("/")[2]
    target, part = folder / name, folder / f"{name}.part"
    if not target.exists():
        with storage_errors(target):
            folder.mkdir(parents=True, exist_ok=True)
            _continue(address, part, target)
            _require_hash(part, name)
            part.replace(target)
        log.info("fetched %s", target)
    else:
        _require_hash(target, name)
    return target


def _continue(address: str, part: Path, target: Path) -> None:
    """Append to `part` what is still missing of it, or write it from the start where the server cannot continue."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to send: the part is whole, or of another file
            return
        raise _unreachable(address, target, str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(address, target, str(getattr(error, "reason", error))) from error
    if answer.status != 206:
        have = 0
    total = have + int(answer.headers.get("Content-Length", 0))
    with answer, part.open("ab" if have else "wb") as file:
        while chunk := _received(answer, address, part, have):
            file.write(chunk)
            have += len(chunk)
            _show_progress(target.name, have, total)
    if have < total:
        raise _broken(address, part, have)


def _received(answer: http.client.HTTPResponse, address: str, part: Path, have: int) -> bytes:
    try:
        return answer.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _broken(address, part, have) from error


def _broken(address: str, part: Path, have: int) -> StriateError:
    return StriateError(
        f"the connection broke while fetching {address}, {in_bytes(have)} are kept in {part}; "
        "run the same again to go on from there"
    )


def _unreachable(address: str, target: Path, reason: str) -> StriateError:
    return StriateError(
        f"cannot fetch {address} ({reason}); fetch it on a machine with a network and put the file "
        f"{target.name} into the folder {target.parent}"
    )


def _require_hash(path: Path, name: str) -> None:
    stated = Path(name).stem.rpartition("-")[2]
    running = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            running.update(chunk)
    digest = running.hexdigest()
    if not digest.startswith(stated):
        if path.suffix == ".part":
            path.unlink()
        raise StriateError(
            f"{path} is not what its name says: its SHA-256 starts with {digest[: len(stated)]}, not {stated}; "
            + ("it was removed, run the same again" if path.suffix == ".part" else "delete it and run the same again")
        )


def _show_progress(name: str, have: int, total: int) -> None:
    if sys.stderr.isatty():
        share = f" of {total / 1e6:.1f}" if total else ""
        end = "\n" if have == total else ""
        print(f"\r{name}: {have / 1e6:.1f}{share} MB", end=end, file=sys.stderr, flush=True)
