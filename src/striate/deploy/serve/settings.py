"""Every bound of a server in one place."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Settings:
    """How a server answers, to whom, and beyond what it refuses.

    top: how many classes an answer lists where a request does not say. token: what a request must carry; None: nothing.
    hosts: names by which the server may be addressed, besides localhost and addresses in figures.
    most_body_bytes: of one request. most_held_bytes: of all requests under way. most_pixels: of one picture, by its
    header. most_files: in one request. most_waiting: pictures that are accepted and not yet answered.
    batch: pictures that go through the network together at the most. gather_seconds: how long the first of them waits
    for others. body_seconds: for a body to arrive. request_seconds: for a request as a whole.
    """

    top: int = 3
    token: str | None = None
    hosts: tuple[str, ...] = ()
    most_body_bytes: int = 32 * MEBIBYTE
    most_held_bytes: int = 128 * MEBIBYTE
    most_pixels: int = 50_000_000
    most_files: int = 32
    most_waiting: int = 128
    batch: int = 16
    gather_seconds: float = 0.004
    body_seconds: float = 20.0
    request_seconds: float = 30.0
