"""What `/predict` answers is what `predict` says, and what the server says of itself is true."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import striate
from factories import encoded, noise
from striate.core.version import __version__


def said(predictions, named):
    """As JSON, by the names that uploads have."""
    told = json.loads(json.dumps([each.to_dict() for each in predictions]))
    return [{**each, "path": name} for each, name in zip(told, named, strict=True)]


def test_a_form_gives_what_predict_says_bit_for_bit(server, digits, scans):
    files = [("any", (path.name, path.read_bytes(), "text/html")) for path in scans[:5]]
    answer = server.client.post("/predict", files=files, params={"top": 10})
    assert answer.status_code == 200, answer.text
    assert answer.json() == said(digits.predict(scans[:5], top=10), [path.name for path in scans[:5]])


def test_a_body_gives_the_same(server, digits, scans):
    answer = server.client.post("/predict", content=scans[0].read_bytes(), headers={"content-type": "image/png"})
    assert answer.json() == said(digits.predict(scans[0], top=3), ["picture"])


def test_what_arrives_together_goes_together_and_is_answered_as_alone(serving, small, digits, scans):
    with serving(digits, small(gather_seconds=0.2)) as server, ThreadPoolExecutor(12) as clients:

        def ask(path):
            answer = server.client.post("/predict", files={"x": (path.name, path.read_bytes())}, params={"top": 10})
            return answer.json()[0]

        together = list(clients.map(ask, scans))
        counters = server.client.get("/metrics").text
    alone = [said(digits.predict(path, top=10), [path.name])[0] for path in scans]
    assert together == alone
    batches = float(counters.split("striate_batch_pictures_count ")[1].split()[0])
    assert batches < 12
    assert "striate_batch_pictures_sum 12.0" in counters
    assert 'striate_requests_total{path="/predict",status="200"} 12.0' in counters
    assert "striate_pictures_waiting 0.0" in counters


def test_the_embedded_network_answers_in_fp32_as_predict_does(serving, small, tmp_path):
    paths = []
    for number, pixels in enumerate(noise(6, 70)):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(encoded(pixels))
    network = striate.load("embedded", precision="fp32")
    with serving(network, small(gather_seconds=0.1)) as server, ThreadPoolExecutor(6) as clients:
        answers = clients.map(
            lambda path: server.client.post("/predict", files={"x": path.read_bytes()}, params={"top": 200}), paths
        )
        together = [answer.json()[0]["top"] for answer in answers]
    assert together == [each["top"] for each in said(network.predict(paths, top=200), paths)]


def test_one_of_several_that_cannot_be_read_has_a_problem_in_its_place(server, scan):
    files = [("x", ("good.png", scan)), ("x", ("bad.png", b"no picture")), ("x", ("good too.png", scan))]
    first, bad, last = server.client.post("/predict", files=files).json()
    assert first["label"] == last["label"]
    assert bad == {
        "path": "bad.png",
        "problem": "is not a picture in a known format (it starts with 'no pictu')",
    }


def test_top_is_bounded_in_words(server, scan):
    assert len(server.client.post("/predict?top=2", files={"x": scan}).json()[0]["top"]) == 2
    assert len(server.client.post("/predict?top=1000", files={"x": scan}).json()[0]["top"]) == 10
    for top in ("0", "1001", "many"):
        answer = server.client.post("/predict", files={"x": scan}, params={"top": top})
        assert answer.status_code == 422
        assert answer.json()["problem"].startswith("top: input should be ")


def test_the_server_says_what_it_serves(server, digits):
    model = server.client.get("/model").json()
    assert model == {
        "task": "classification",
        "classes": list("0123456789"),
        "size": [32, 32],
        "channels": 1,
        "engine": digits.engine_words,
        "sha256": digits.sha256,
        "calibration": None,
        "striate": __version__,
    }
    assert server.client.get("/healthz").json() == {"status": "ok"}


def test_what_is_not_there_is_said(server):
    answer = server.client.get("/predict")
    assert (answer.status_code, answer.json()) == (405, {"problem": "this address takes POST only"})
    answer = server.client.get("/../../etc/passwd")
    assert answer.status_code == 404
    assert answer.json()["problem"].startswith("there is nothing at this address")


def test_head_is_get_without_the_body(server):
    for path in ("/healthz", "/model", "/metrics", "/openapi.json"):
        answer = server.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == server.client.get(path).headers["content-type"]
    assert server.client.head("/predict").status_code == 405


def test_what_is_no_http_is_refused_as_everything_is(server):
    with server.connect() as connection:
        connection.sendall(b"what is this?\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head
    assert set(json.loads(body)) == {"problem"}


def test_many_ask_for_the_network_alone_and_together(server, digits, scan):
    inside = []

    def alone(number):
        inside.append(number)
        time.sleep(0.01)
        assert inside == [number]
        return inside.pop()

    async def asked():
        return await asyncio.gather(*(server.served.batcher.call(partial(alone, number)) for number in range(8)))

    with ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(server.client.post, "/predict", files={"x": scan}) for _ in range(8)]
        assert asyncio.run(asked()) == list(range(8))
        assert [answer.result().status_code for answer in answers] == [200] * 8


def test_a_network_that_fails_is_500_and_the_next_request_is_answered(serving, digits, scan, monkeypatch, caplog):
    with serving(digits) as server:
        with monkeypatch.context() as broken:
            broken.setattr(type(digits), "answer", lambda *given: 1 / 0)
            answer = server.client.post("/predict", files={"x": scan})
        assert answer.status_code == 500
        assert answer.json() == {"problem": "the server has made a mistake; its log says which"}
        assert "division by zero" in caplog.text
        assert server.client.post("/predict", files={"x": scan}).status_code == 200


def test_the_threads_end_with_the_server(serving, digits, scan):
    with serving(digits) as server:
        server.client.post("/predict", files={"x": scan})
    assert not any(thread.is_alive() for thread in server.served.batcher._threads)


def test_an_exported_file_is_served_alike(serving, digits, scans, tmp_path):
    pytest.importorskip("onnxruntime")
    file = digits.export(tmp_path / "digits.onnx", data=scans[0].parent).path
    exported = striate.load(file)
    with serving(exported) as server:
        files = [("x", (path.name, path.read_bytes())) for path in scans[:5]]
        answer = server.client.post("/predict", files=files, params={"top": 10})
        assert answer.json() == said(exported.predict(scans[:5], top=10), [path.name for path in scans[:5]])
        assert server.client.get("/model").json()["engine"] == exported.engine_words
