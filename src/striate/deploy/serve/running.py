"""A server from its socket to its last answer."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from striate.core.errors import StriateError
from striate.deploy.serve.bounds import MOST_HEADER_BYTES
from striate.deploy.serve.connections import Connection
from striate.runtime.signals import stop_requested

PORTS = (0, 65_535)
TRIED_PORTS = 20
LOOK_SECONDS = 0.05
DRAIN_SECONDS = 2.75  # for all that was accepted; with what follows, a server is gone five seconds after SIGTERM
REFUSING_SECONDS = 0.2  # after that, for new connections to be refused in words
LAST_SECONDS = 0.5  # for those that are open to ask and to be refused
CLOSING_SECONDS = 1  # for answers to be taken


class _Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us: it would end by them instead of with status 0."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Take none."""
        return nullcontext()


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises StriateError for a port that is taken or not allowed, and for an unknown host."""
    if not PORTS[0] <= port <= PORTS[1]:
        raise StriateError(f"--port must be between 0 (any that is free) and 65535, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (socket.gaierror, UnicodeError) as error:
        raise StriateError(f"--host {host!r} is no address of this machine ({_reason(error)})") from error
    except PermissionError as error:
        raise StriateError(f"port {port} is only for administrators; choose a --port from 1024 on") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StriateError(f"port {port} of {host} is taken by another program; choose another --port") from error
        raise StriateError(f"cannot listen on {host} port {port}: {_reason(error)}") from error


def first_free_socket(port: int, host: str = "127.0.0.1") -> socket.socket:
    """The same, at the first port from one on that nobody has taken, of so many as a person would look through."""
    for number in range(port, port + TRIED_PORTS):
        with suppress(StriateError):
            return open_socket(host, number)
    raise StriateError(f"no port of {port} to {port + TRIED_PORTS - 1} is free; choose another one by --port")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine reaches a socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def url_of(listening: socket.socket) -> str:
    """Where a browser finds it; of one that listens on all addresses, by the one that other machines see."""
    address, port = listening.getsockname()[:2]
    if ipaddress.ip_address(address.partition("%")[0]).is_unspecified:
        address = _seen_by_others(listening.family)
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/"


def _seen_by_others(family: int) -> str:
    """The address from which this machine would reach others, or its own for itself. Nothing is sent for that."""
    unknown, here = ("2001:db8::1", "::1") if family == socket.AF_INET6 else ("192.0.2.1", "127.0.0.1")  # of documents
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((unknown, 9))
        except OSError:  # no network
            return here
        return str(asking.getsockname()[0])


def new_token() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(24)


def serve(app: FastAPI, listening: socket.socket, ready: Callable[[], None]) -> int | None:
    """Answer until a signal asks to stop, then answer what was accepted; returns the signal.

    ready: called when requests are taken.
    """
    with stop_requested() as stop:
        asyncio.run(serve_until(lambda: bool(stop), app, listening, ready))
    return stop.signal


async def serve_until(
    stopped: Callable[[], bool], app: FastAPI, listening: socket.socket, ready: Callable[[], None]
) -> None:
    """Answer until something says to stop, then answer what was accepted, and refuse all else with 503 meanwhile."""
    server = _Server(_config(app))
    serving = asyncio.create_task(server.serve([listening]))
    while not (server.started or serving.done()):
        await asyncio.sleep(LOOK_SECONDS)
    if not serving.done():
        ready()
    while not (stopped() or serving.done()):
        await asyncio.sleep(LOOK_SECONDS)
    await app.state.admission.emptied(DRAIN_SECONDS)
    await asyncio.sleep(REFUSING_SECONDS)
    await _stop_listening(server, listening)
    end = time.monotonic() + LAST_SECONDS
    while server.server_state.connections and time.monotonic() < end:
        await asyncio.sleep(LOOK_SECONDS)
    server.should_exit = True
    await serving


async def _stop_listening(server: uvicorn.Server, listening: socket.socket) -> None:
    """Take every connection that waits to be taken, and no more: the system resets those of a socket that is closed."""
    state, loop = server.server_state, asyncio.get_running_loop()
    connection = partial(Connection, config=server.config, server_state=state, app_state=server.lifespan.state)
    waiting = []
    with suppress(OSError):  # there are no more
        while True:
            waiting.append(listening.accept()[0])
    for listener in server.servers:
        listener.close()
    for each in waiting:
        each.setblocking(False)
        with suppress(OSError):  # it has gone
            await loop.connect_accepted_socket(connection, each)


def _config(app: FastAPI) -> uvicorn.Config:
    """What a request is, and what becomes of one that fails, `Bounds` logs: uvicorn has nothing to say."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
