"""Who may ask: the name that a request is addressed to, the page that it comes from, and the token that it carries."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from striate.deploy.serve.refusals import Refused
from striate.deploy.serve.settings import Settings

COOKIE = "striate_session"
OPEN_PATHS = ("/healthz",)  # tells nothing, and is asked by what watches over servers
OF_OTHERS = ("cross-site", "same-site")  # pages of other origins, by the browser's own word


class Access:
    """Decides on the headers of a request.

    A browser that shows a page of another origin may be led here by a name that its owner points to this address (DNS
    rebinding), so names are compared; addresses in figures cannot be pointed anywhere.
    Source: Jackson et al., "Protecting browsers from DNS rebinding attacks", CCS 2007, section 5.
    """

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token
        self._hosts = {"localhost", *(host.lower() for host in settings.hosts)}
        self._session = secrets.token_urlsafe(32)  # what the cookie holds: never the token itself

    def require(self, method: str, path: str, headers: Headers, query: QueryParams) -> None:
        """Raise Refused for a request that may not be answered."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise Refused(421, "the server is not known by the name in the Host header; --allow-host NAME adds one")
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if method not in ("GET", "HEAD") and (foreign or headers.get("sec-fetch-site") in OF_OTHERS):
            raise Refused(403, "pages of other origins may not ask here")
        if self._token is None or path in OPEN_PATHS or self._has_session(headers) or self._has_bearer(headers):
            return
        if not self.gives_session(method, query):
            raise Refused(401, "the token is missing or wrong; send it as Authorization: Bearer TOKEN")

    def gives_session(self, method: str, query: QueryParams) -> bool:
        """Whether a person has opened the page with its token, which gives the browser a cookie."""
        given = query.get("token")
        return self._token is not None and method == "GET" and given is not None and _equal(given, self._token)

    @property
    def cookie(self) -> str:
        """The header that sets it: not for scripts, not for requests from other sites, gone with the browser."""
        return f"{COOKIE}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    def _has_bearer(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return self._token is not None and scheme.lower() == "bearer" and _equal(given.strip(), self._token)

    def _has_session(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _equal(cookie.value, self._session)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_address(name)


def _equal(given: str, right: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(), right.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
