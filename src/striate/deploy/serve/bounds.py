"""Around every request: who may ask, how much and how long, and the headers of every answer."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlencode

import anyio
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from striate.deploy.serve.access import Access
from striate.deploy.serve.admission import Admission
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.refusals import Refused, refusal
from striate.deploy.serve.settings import MEBIBYTE, Settings

# Nothing from outside, nothing inline; blob: and data: are pictures that the page itself has made.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
MOST_HEADER_BYTES = 16 * 1024  # with the address
LOOK_SECONDS = 0.2  # whether the server stops, while a body does not come
# For the rest of a refused body, so that its sender comes to read why.
LINGER_SECONDS, LINGER_BYTES = 2.0, 128 * MEBIBYTE

log = logging.getLogger("striate")


class Bounds:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, settings: Settings, admission: Admission, measures: Measures) -> None:
        self.app, self.settings, self.admission, self.measures = app, settings, admission, measures
        self.access = Access(settings)
        self.held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # is answered as GET: of its body the connection sends nothing
            scope = {**scope, "method": "GET"}
        exchange = _Exchange(self, scope, receive, send)
        try:
            await exchange.answer()
        except ClientDisconnect:
            pass
        finally:
            self.held_bytes -= exchange.body_bytes
            path = getattr(scope.get("route"), "path", "other")
            self.measures.requests.labels(path, str(exchange.status)).inc()
            self.measures.request_seconds.labels(path).observe(time.perf_counter() - exchange.start)


class _Exchange:
    """One request and its answer."""

    def __init__(self, bounds: Bounds, scope: Scope, receive: Receive, send: Send) -> None:
        self.bounds, self.settings = bounds, bounds.settings
        self.scope, self._receive, self._send = scope, receive, send
        self.headers = Headers(scope=scope)
        self.start = time.perf_counter()
        self.body_bytes, self.body_ended, self.status = 0, False, 0

    async def answer(self) -> None:
        """The application's answer, or a refusal."""
        try:
            early = self._early()
            with anyio.fail_after(self.settings.request_seconds):
                await (early or self.bounds.app)(self.scope, self.receive, self.send)
        except Refused as refused:
            await self._refuse(refused.status, refused.sentence)
        except TimeoutError:
            await self._refuse(503, f"no answer within {self.settings.request_seconds:g} seconds")
        except ClientDisconnect:
            raise
        except Exception as error:
            for line in "".join(traceback.format_exception(error)).splitlines():
                log.error("%s", line)
            await self._refuse(500, "the server has made a mistake; its log says which")

    def _early(self) -> Response | None:
        """What is answered from the headers alone. Raises Refused."""
        query = QueryParams(self.scope["query_string"])
        access, method, path = self.bounds.access, self.scope["method"], self.scope["path"]
        access.require(method, path, self.headers, query)
        self.bounds.admission.require_open()
        said = sum(len(name) + len(value) for name, value in self.headers.raw)
        if said + len(self.scope["query_string"]) + len(path) > MOST_HEADER_BYTES:
            raise Refused(431, f"the headers are larger than {MOST_HEADER_BYTES:,} bytes")
        length = self.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.settings.most_body_bytes:
            raise self._too_large()
        if access.gives_session(method, query):
            rest = urlencode([(name, value) for name, value in query.multi_items() if name != "token"])
            target = "/" + path.lstrip("/") + (f"?{rest}" if rest else "")  # never //elsewhere
            return RedirectResponse(target, 303, {"set-cookie": access.cookie})
        return None

    def _too_large(self) -> Refused:
        return Refused(413, f"the body is larger than {self.settings.most_body_bytes:,} bytes")

    async def receive(self) -> Message:
        """The next part of the body. Raises Refused when it is too much, too slow, or the server stops meanwhile."""
        while not self.body_ended:
            left = self.settings.body_seconds - (time.perf_counter() - self.start)
            with anyio.move_on_after(min(max(0.0, left), LOOK_SECONDS)):
                message = await self._receive()
                self._count(message)
                return message
            if left <= LOOK_SECONDS:
                raise Refused(408, f"the body did not arrive within {self.settings.body_seconds:g} seconds")
            self.bounds.admission.require_open()
        return await self._receive()

    def _count(self, message: MutableMapping[str, Any]) -> None:
        size = len(message.get("body", b""))
        self.body_ended = message["type"] != "http.request" or not message.get("more_body", False)
        self.body_bytes += size
        self.bounds.held_bytes += size
        if self.body_bytes > self.settings.most_body_bytes:
            raise self._too_large()
        if self.bounds.held_bytes > self.settings.most_held_bytes:
            raise Refused(503, "too many large requests are under way; try again in a second")

    async def send(self, message: Message) -> None:
        """A part of the answer, its headers completed."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._leaves_body() or self.bounds.admission.closing:
                headers["connection"] = "close"  # the rest of a body would be read without end
        elif self._leaves_body() and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _leaves_body(self) -> bool:
        announced = "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"
        return announced and not self.body_ended

    async def _refuse(self, status: int, sentence: str) -> None:
        if not self.status:  # otherwise it is too late: what has been begun is broken off
            await refusal(status, sentence)(self.scope, self.receive, self.send)

    async def _linger(self) -> None:
        """Throw away what still comes: closing at once would reset the connection before the answer is read."""
        with anyio.move_on_after(LINGER_SECONDS):
            more, left = True, LINGER_BYTES
            while more and left > 0:
                message = await self._receive()
                more = message["type"] == "http.request" and message.get("more_body", False)
                left -= len(message.get("body", b""))
        self.body_ended = True
