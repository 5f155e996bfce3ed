"""HTTP connections that end when their headers do not come, and are not more than may be."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 512
HEADER_SECONDS = 10.0  # for the headers of a request, from the connection or from the answer before
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    b'\r\n{"problem":"too many connections are open"}'
)
BROKEN = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b'\r\n{"problem":"the request is no HTTP/1.1, or its headers are too large"}'
)


class Connection(H11Protocol):
    """uvicorn's, which waits for headers without end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        # asyncio does so only where a socket names its protocol, which those of `socket.create_server` do not. Without
        # it the body of an answer waits for the other side to acknowledge its headers: 40 ms a request on Linux.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._deadline: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST_CONNECTIONS:
            self.transport.write(FULL)
            self.transport.close()
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless an answer has begun already, and close."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(BROKEN)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._await_headers()
        super().on_response_complete()

    def _await_headers(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up, self.cycle)

    def _give_up(self, before: Any) -> None:
        """Close, unless another request than the one before has come."""
        if self.cycle is before:
            self.timeout_keep_alive_handler()
