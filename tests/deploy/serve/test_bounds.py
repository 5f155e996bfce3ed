"""Beyond every bound there is a sentence, soon; what is within it is answered meanwhile."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import pytest
import uvicorn

from striate.deploy.serve import connections, running
from striate.deploy.serve.app import create_app
from striate.deploy.serve.connections import Connection
from striate.deploy.serve.running import open_socket

HEAD = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\nconnection: close\r\n"


def answered(connection) -> tuple[int, dict]:
    """Status and JSON of the one answer on a connection that then ends."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body[:1] == b"{" else {}


def test_a_body_that_says_it_is_too_large_is_refused_unread(server):
    with server.connect() as connection:
        connection.sendall(HEAD + b"content-length: 104857600\r\n\r\n")
        assert answered(connection) == (413, {"problem": "the body is larger than 1,048,576 bytes"})


def test_a_hundred_megabytes_of_zeros_are_refused_and_their_sender_reads_why(server):
    answer = server.client.post("/predict", content=bytes(100_000_000), headers={"content-type": "image/png"})
    assert answer.status_code == 413
    answer = server.client.post("/predict", files={"x": ("it.png", bytes(100_000_000))})
    assert answer.status_code == 413


def test_chunks_without_end_are_cut_off(server):
    with server.connect() as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 2**30:
                connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                sent += 0x10000
        except OSError:
            pass
        assert sent < 2**30
    assert server.client.get("/healthz").status_code == 200


def test_a_form_without_end_is_cut_off(server):
    def parts():
        while True:
            yield b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n' + bytes(1000) + b"\r\n"

    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert server.client.post("/predict", content=parts(), headers=kind).status_code == 413


def test_a_slow_body_is_refused_while_others_are_answered(serving, small, digits, scan):
    with serving(digits, small(body_seconds=0.5)) as server, server.connect() as connection:
        connection.sendall(HEAD + b"content-length: 1000\r\n\r\n")
        assert server.client.post("/predict", files={"x": scan}).status_code == 200
        connection.sendall(b"\x89PNG")
        assert answered(connection) == (408, {"problem": "the body did not arrive within 0.5 seconds"})


def test_slow_headers_end_the_connection(serving, digits, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    with serving(digits) as server, server.connect() as silent, server.connect() as slow, server.connect() as again:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nhost: loc")
        again.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /heal")
        assert silent.recv(1) == b""
        assert slow.recv(1) == b""
        answers = again.recv(65536)
        while part := again.recv(65536):
            answers += part
        assert answers.count(b"200 OK") == 1


def test_headers_are_bounded(server):
    with server.connect() as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: " + b"x" * 40_000 + b"\r\n\r\n"
        )
        assert answered(connection) == (431, {"problem": "the headers are larger than 16,384 bytes"})
    with server.connect() as connection:
        connection.sendall(b"GET /" + b"x" * 40_000)
        assert answered(connection)[0] == 400


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",  # TLS
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused(server, said):
    with server.connect() as connection:
        connection.sendall(said)
        assert answered(connection)[0] in (400, 505)
    assert server.client.get("/healthz").status_code == 200


def test_connections_are_bounded(serving, digits, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 2)
    with serving(digits) as server, server.connect() as first, server.connect(), server.connect() as third:
        assert answered(third) == (503, {"problem": "too many connections are open"})
        first.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert answered(first) == (200, {"status": "ok"})


def test_answers_do_not_wait_for_acknowledgements(serving, digits, monkeypatch):
    made, options = Connection.connection_made, []

    def noted(self, transport):
        made(self, transport)
        options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Connection, "connection_made", noted)
    with serving(digits) as server:
        assert server.client.get("/healthz").status_code == 200
    assert len(options) == 1
    assert options[0] != 0


def test_files_of_a_request_are_bounded(server, scan):
    answer = server.client.post("/predict", files=[("x", ("it", scan))] * 9)
    assert (answer.status_code, answer.json()["problem"]) == (
        413,
        "the form cannot be read: Too many files. Maximum number of files is 8",
    )
    fields = {f"field {number}": "x" for number in range(40)}
    assert server.client.post("/predict", files={"x": scan}, data=fields).status_code == 413


@pytest.fixture
def stuck(digits, monkeypatch):
    """A network that answers when it may."""
    answer, may = type(digits).answer, threading.Event()

    def waiting(*given):
        assert may.wait(20)
        return answer(*given)

    monkeypatch.setattr(type(digits), "answer", waiting)
    yield may
    may.set()


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_beyond_the_queue_there_is_503_and_what_was_accepted_is_answered(serving, small, digits, scan, stuck):
    with serving(digits, small(most_waiting=2)) as server:
        answers = []
        askers = [
            threading.Thread(target=lambda: answers.append(server.client.post("/predict", files={"x": scan})))
            for _ in range(2)
        ]
        for asker in askers:
            asker.start()
        until(lambda: server.served.admission.pictures == 2)
        refused = server.client.post("/predict", files={"x": scan})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["problem"] == "2 pictures wait already, and 2 may; try again in a second"
        assert server.client.get("/healthz").status_code == 200
        stuck.set()
        for asker in askers:
            asker.join(20)
        assert [answer.status_code for answer in answers] == [200, 200]


def test_a_server_that_stops_answers_what_it_accepted_and_refuses_the_rest(serving, digits, scan, stuck):
    with serving(digits) as server:
        answers = []
        asker = threading.Thread(target=lambda: answers.append(server.client.post("/predict", files={"x": scan})))
        asker.start()
        until(lambda: server.served.admission.pictures == 1)
        server.stop()
        until(lambda: server.served.admission.closing)
        for _ in range(2):
            refused = server.client.post("/predict", files={"x": scan})
            assert (refused.status_code, refused.json()) == (503, {"problem": "the server is stopping"})
            assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        assert server.client.get("/healthz").status_code == 503
        stuck.set()
        asker.join(20)
    assert [answer.status_code for answer in answers] == [200]


def test_a_body_on_its_way_is_refused_when_the_server_stops(serving, digits):
    with serving(digits) as server, server.connect() as connection:
        connection.sendall(HEAD + b"content-length: 9000\r\nexpect: 100-continue\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 100")  # it is read now
        connection.sendall(bytes(100))
        server.stop()
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 503 ") and b'{"problem":"the server is stopping"}' in received


def test_connections_that_wait_when_the_listener_closes_are_taken_and_refused(digits):
    """As many as come within one turn of the loop: the system resets those that nobody has taken."""
    app = create_app(digits)
    ask = HEAD + b"content-length: 3\r\n\r\nabc"

    async def stopped_while_they_wait() -> list[socket.socket]:
        with open_socket("127.0.0.1", 0) as listening:
            server = uvicorn.Server(running._config(app))
            serving = asyncio.create_task(server.serve([listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            app.state.admission.closing = True
            waiting = [socket.create_connection(listening.getsockname(), timeout=20) for _ in range(20)]
            for each in waiting:
                each.sendall(ask)
            await running._stop_listening(server, listening)
            while server.server_state.connections:
                await asyncio.sleep(0.01)
            server.should_exit = True
            await serving
        return waiting

    for connection in asyncio.run(stopped_while_they_wait()):
        with connection:
            assert answered(connection) == (503, {"problem": "the server is stopping"})


def test_a_request_has_so_many_seconds_and_its_pictures_are_forgotten(serving, small, digits, scan, stuck):
    with serving(digits, small(request_seconds=0.4)) as server:
        answer = server.client.post("/predict", files={"x": scan})
        assert answer.status_code == 503
        assert answer.json() == {"problem": "no answer within 0.4 seconds"}
        assert server.served.admission.pictures == 0
        stuck.set()
        assert server.client.post("/predict", files={"x": scan}).status_code == 200


def until_refused(server):
    """Ask until what another one has sent is held: when it has come is the system's to say."""
    headers, end = {"content-type": "image/png"}, time.monotonic() + 20
    while server.client.post("/predict", content=bytes(50_000), headers=headers).status_code != 503:
        assert time.monotonic() < end


def test_bytes_of_all_requests_are_bounded(serving, small, digits):
    with serving(digits, small(most_held_bytes=100_000)) as server, server.connect() as connection:
        connection.sendall(HEAD + b"content-length: 99000\r\n\r\n" + bytes(90_000))
        until_refused(server)
        connection.sendall(bytes(9_000))
        assert answered(connection)[0] == 422
        answer = server.client.post("/predict", content=bytes(50_000), headers={"content-type": "image/png"})
        assert answer.status_code == 422


def test_a_client_that_leaves_is_forgotten(serving, digits, scan):
    with serving(digits) as server:
        for sent in (HEAD + b"content-length: 1000\r\n\r\nabc", HEAD + b"content-length: 3\r\n\r\nabc"):
            connection = server.connect()
            connection.sendall(sent)
            connection.close()
        assert server.client.post("/predict", files={"x": scan}).status_code == 200
        assert server.served.admission.pictures == 0
