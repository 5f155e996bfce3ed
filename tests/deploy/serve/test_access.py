"""Who may ask: by the name in Host, the page that asks, and the token; and what every answer's headers forbid."""

from __future__ import annotations

import httpx
import pytest

TOKEN = "a-token-of-more-than-sixteen"
OURS = ("localhost", "127.0.0.1:9", "[::1]:80", "LOCALHOST:8000", "192.168.1.7", "cats.lan")
OTHERS = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1")


@pytest.fixture(scope="module")
def guarded(digits, serving, small):
    """A server with a token and a name of its own."""
    with serving(digits, small(token=TOKEN, hosts=("cats.lan",))) as server:
        yield server


@pytest.mark.parametrize("host", [*OURS, *OTHERS])
def test_only_our_names_are_answered(guarded, host):
    status = guarded.client.get("/healthz", headers={"host": host}).status_code
    assert status == (200 if host in OURS else 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_origins_may_not_ask(server, scan, headers):
    answer = server.client.post("/predict", files={"x": scan}, headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"problem": "pages of other origins may not ask here"})


def test_our_own_page_may(server, scan):
    origin = f"http://127.0.0.1:{server.port}"
    headers = {"origin": origin, "sec-fetch-site": "same-origin"}
    assert server.client.post("/predict", files={"x": scan}, headers=headers).status_code == 200


def test_no_other_origin_is_let_in(server):
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for answer in (server.client.options("/predict", headers=asked), server.client.get("/model", headers=asked)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/docs/setup.js", "/nothing", "/predict", "/model", "/metrics"])
def test_every_answer_forbids_what_pages_do_not_need(server, path):
    headers = server.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert "server" not in headers


def test_without_the_token_nothing_is_told(guarded, scan):
    for path in ("/", "/model", "/metrics", "/docs", "/openapi.json", "/nothing"):
        answer = guarded.client.get(path)
        assert answer.status_code == 401
        assert answer.json()["problem"].startswith("the token is missing or wrong")
    for given in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer é", TOKEN):
        headers = {"authorization": given.encode("latin-1")}
        assert guarded.client.post("/predict", files={"x": scan}, headers=headers).status_code == 401
    assert guarded.client.post("/predict", files={"x": scan}, params={"token": TOKEN}).status_code == 401
    assert guarded.client.get("/healthz").json() == {"status": "ok"}


def test_with_the_token_all_is_answered(guarded, scan):
    headers = {"authorization": f"bearer {TOKEN}"}
    assert guarded.client.post("/predict", files={"x": scan}, headers=headers).status_code == 200
    assert guarded.client.get("/model", headers=headers).status_code == 200


def test_a_browser_gives_it_once_and_has_a_cookie_that_is_not_the_token(guarded, scan):
    with httpx.Client(base_url=guarded.client.base_url, trust_env=False) as browser:
        answer = browser.get("/docs", params={"token": TOKEN, "a": "b&c"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=b%26c")
        cookie = answer.headers["set-cookie"]
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
        assert TOKEN not in cookie
        assert browser.get("/docs").status_code == 200
        assert browser.post("/predict", files={"x": scan}).status_code == 200
    with guarded.connect() as connection:  # no client says this
        connection.sendall(f"GET //evil.example/?token={TOKEN} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert b"\r\nlocation: /evil.example/\r\n" in connection.recv(65536)
    with httpx.Client(base_url=guarded.client.base_url, trust_env=False) as other:
        assert other.get("/docs", params={"token": "x"}).status_code == 401
        for wrong in ("striate_session=x", "striate_session", ";;;=", 'striate_session="\\'):
            assert other.get("/docs", headers={"cookie": wrong}).status_code == 401
