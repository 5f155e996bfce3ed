"""What a request is told that gets no answer: a status and one sentence, always in the same form."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from striate.core.visible import visible

RETRY_SECONDS = 1


class Refused(Exception):
    """A request that is refused; the text is the sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence

    def named(self, name: str) -> Refused:
        """The same, where the sentence says of a picture what is wrong with it."""
        return Refused(self.status, f"{visible(name)} {self.sentence}")


def nothing_here() -> Refused:
    """Of an address that there is not."""
    return Refused(404, "there is nothing at this address; /docs shows what there is")


class Json(Response):
    """A JSON answer in ASCII: whatever a name holds stands as JSON's own escape."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of it."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Json:
    """The response that tells it; one that may be asked again says when.

    >>> refusal(413, "the body is too large").body
    b'{"problem":"the body is too large"}'
    """
    retry = {"retry-after": str(RETRY_SECONDS)} if status == 503 else {}
    return Json({"problem": sentence}, status, {**(headers or {}), **retry})
