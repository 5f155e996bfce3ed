"""The one picture that a request asks about."""

from __future__ import annotations

from starlette.requests import Request

from striate.data.decode import Pixels
from striate.deploy.serve.refusals import Refused
from striate.deploy.serve.served import Served
from striate.deploy.serve.uploads import Upload, read_uploads


async def one_upload(request: Request, served: Served) -> Upload:
    """Raises Refused for what is no picture, or more than one."""
    uploads = await read_uploads(request, served.settings)
    if len(uploads) != 1:
        raise Refused(422, f"this is asked of one picture at a time, got {len(uploads)}")
    return uploads[0]


async def decoded(upload: Upload, served: Served) -> Pixels:
    """At the working size. Raises Refused when it cannot be read."""
    (picture,) = await served.decoder.pictures([upload])
    if isinstance(picture, Refused):
        raise picture.named(upload.name)
    return picture
