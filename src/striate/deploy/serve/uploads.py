"""From the body of a request to pictures at the working size: nothing is written to the disk, names are only names."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.decode import DecodeError, Pixels, decode_picture, size_of
from striate.data.working_size import read_working
from striate.deploy.serve.refusals import Refused
from striate.deploy.serve.settings import Settings

NAMELESS = "picture"
MOST_NAME_CHARACTERS = 255  # of a file on most systems
MOST_FIELDS, MOST_FIELD_BYTES = 16, 64 * 1024  # of a form, besides its files
# A progressive JPEG is walked over once per scan; encoders write about ten. libjpeg-turbo names the danger:
# https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
MOST_SCANS, SCAN = 100, b"\xff\xda"


@dataclass(frozen=True)
class Upload:
    """A picture file as it came. name: what its sender calls it."""

    name: str
    content: bytes


class _InMemory(MultiPartParser):
    """Parts stay in memory: the body as a whole is bounded."""

    spool_max_size = 0  # of Python's spooled files: never rolled over


async def read_uploads(request: Request, settings: Settings) -> list[Upload]:
    """The picture files of a request: the files of a multipart form, or the body where its type is a picture's.

    Raises Refused for other types, broken forms, and too many files or none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "the body must come as it is, without a content-encoding")
    if kind == "multipart/form-data":
        return await _files_of_form(request, settings.most_files)
    if kind.startswith("image/"):
        return [Upload(NAMELESS, await request.body())]
    raise Refused(415, "a picture comes as multipart/form-data, or as a body whose content type is image/...")


async def _files_of_form(request: Request, most_files: int) -> list[Upload]:
    parser = _InMemory(
        request.headers, request.stream(), max_files=most_files, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        status = 413 if error.message.startswith(("Too many", "Part exceeded")) else 400
        raise Refused(status, f"the form cannot be read: {error.message.rstrip('.')}") from error
    except (FormParserError, ValueError) as error:
        raise Refused(400, "the form cannot be read: it is no multipart/form-data") from error
    try:
        files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
        uploads = [Upload(_name(each.filename), await each.read()) for each in files]
    finally:
        await form.close()
    if not uploads:
        raise Refused(422, "the form holds no picture file; a part of it must have a filename")
    return uploads


def _name(given: str | None) -> str:
    return (given or NAMELESS)[:MOST_NAME_CHARACTERS]


class Decoder:
    """Threads that decode, as many as there are cores: what they hold in memory is bounded so."""

    def __init__(self, preprocess: Preprocess, settings: Settings) -> None:
        self._preprocess, self._most_pixels = preprocess, settings.most_pixels
        self._pool = ThreadPoolExecutor(os.cpu_count(), "decoding")

    async def pictures(self, uploads: list[Upload]) -> list[Pixels | Refused]:
        """Each at the working size, uint8 (H, W, channels), or why it cannot be."""
        loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(loop.run_in_executor(self._pool, self._decode, each) for each in uploads)))

    def close(self) -> None:
        """End the threads; what has not been begun is left."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, upload: Upload) -> Pixels | Refused:
        try:
            require_bounded(upload, self._most_pixels)
            return read_working(upload.name, partial(_decode, upload), self._preprocess)
        except DecodeError as error:
            return Refused(422, error.reason)
        except Refused as refused:
            return refused


def require_bounded(upload: Upload, most_pixels: int) -> None:
    """Raise Refused for a picture that says it has more pixels, or more scans, than are decoded; DecodeError."""
    height, width = size_of(upload.content, upload.name)
    if height * width > most_pixels:
        raise Refused(
            413, f"has {width} x {height} = {counted(height * width, 'pixel')}, and {most_pixels:,} may be decoded"
        )
    if upload.content.startswith(b"\xff\xd8") and upload.content.count(SCAN) > MOST_SCANS:
        raise Refused(413, f"is a JPEG picture of more than {MOST_SCANS} scans")


def _decode(upload: Upload, channels: int, cover: tuple[int, int], white: float | None) -> Pixels:
    return decode_picture(upload.content, upload.name, channels, cover, white)
