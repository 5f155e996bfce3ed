"""Uploads that mean harm: each is answered with one sentence, and the server goes on."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from factories import encoded, noise

GREY = noise(1, 40, 1)[0, :, :, 0]
COLOURS = noise(1, 40)[0]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, packed: bytes, *before: bytes) -> bytes:
    """A grey PNG file whose header says a size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    parts = (b"\x89PNG\r\n\x1a\n", header, *before, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"".join(parts)


def jpeg_of_many_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    content = encoded(COLOURS, "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 150 + content[-2:]


def animated(kind: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(np.roll(COLOURS, step, 0)) for step in range(3)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def grown_profile() -> bytes:
    """A PNG whose colour profile is a thousand times as large unpacked: 200 MB."""
    packed = zlib.compress(bytes(200_000_000), 9)
    rows = zlib.compress(b"".join(b"\0" + bytes(row) for row in GREY))
    return png(40, 40, rows, chunk(b"iCCP", b"p\0\0" + packed))


def grown_exif() -> bytes:
    """A PNG with EXIF that points a thousand times into itself, behind text that grows to 200 MB."""
    entries = b"".join(struct.pack("<HHII", 0x8769, 4, 1, 8) for _ in range(1000))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entries + struct.pack("<I", 8)
    rows = zlib.compress(b"".join(b"\0" + bytes(row) for row in GREY))
    return png(40, 40, rows, chunk(b"zTXt", b"t\0\0" + zlib.compress(bytes(200_000_000), 9)), chunk(b"eXIf", exif))


REFUSED = {
    "nothing": (b"", 422, "is empty"),
    "zeros": (bytes(100_000), 422, "is not a picture"),
    "page": (b"<html><script>alert(1)</script>" + encoded(GREY), 422, "is not a picture"),
    "bomb": (png(40_000, 40_000, zlib.compress(bytes(100_000), 9)), 422, "too many pixels"),
    "smaller bomb": (png(1_100, 1_000, zlib.compress(bytes(1_101_000), 9)), 413, "has 1100 x 1000 = 1,100,000 pixels"),
    "no sides": (png(0, 0, b""), 422, "is "),
    "more rows than said": (png(2**31 - 1, 1, zlib.compress(b"")), 422, "too many pixels"),
    "cut PNG": (encoded(COLOURS)[:-900], 422, "is damaged"),
    "cut JPEG": (encoded(COLOURS, "JPEG")[:-300], 422, "is damaged"),
    "scans": (jpeg_of_many_scans(), 413, "more than 100 scans"),
    "wrong sum": (encoded(COLOURS).replace(b"IDAT", b"IDAT\0", 1), 422, "is damaged"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 422, "is "),
    "PDF": (b"%PDF-1.7\n" + bytes(100), 422, "is "),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 422, "is not a picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_good_picture_is_refused_in_one_sentence(server, name):
    content, status, words = REFUSED[name]
    for answer in (
        server.client.post("/predict", files={"x": ("it", content)}),
        server.client.post("/predict", content=content, headers={"content-type": "image/png"}),
    ):
        assert answer.status_code == status, answer.text
        (problem,) = answer.json().values()
        assert words in problem
        assert "\n" not in problem
    assert server.client.get("/healthz").status_code == 200


ODD = {
    "long and thin": encoded(noise(1, 1)[0].repeat(10_000, 1)),
    "tall and thin": encoded(noise(1, 1)[0].repeat(10_000, 0)),
    "one pixel": encoded(noise(1, 1)[0]),
    "animated GIF": animated("GIF"),
    "animated PNG": animated("PNG"),
    "animated WebP": animated("WEBP"),
    "a picture that is an archive too": encoded(GREY) + b"PK\x03\x04" + bytes(1000),
    "a picture that is a page too": encoded(GREY) + b"<script>alert(1)</script>",
    "a profile that grows": grown_profile(),
    "EXIF and text that grow": grown_exif(),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_answered_and_nothing_grows(server, name):
    before = resident_bytes(server)
    answer = server.client.post("/predict", files={"x": ("it", ODD[name])})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer.text
    assert resident_bytes(server) - before < 100_000_000


def resident_bytes(server) -> float:
    text = server.client.get("/metrics").text
    return float(text.split("\nprocess_resident_memory_bytes ")[1].split()[0])


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "<script>alert(1)</script>.png",
        "a\x00b.png",
        "new\nline\r\n.png",
        "é" * 400,
    ],
)
def test_names_are_only_names(server, scan, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = server.client.post("/predict", files={"x": (name, scan)})
    bad = server.client.post("/predict", files={"x": (name, b"no picture")})
    assert (good.status_code, bad.status_code) == (200, 422)
    assert good.text.isascii()
    assert good.json()[0]["path"] in name or "%" in good.json()[0]["path"]
    assert len(good.json()[0]["path"]) <= 255
    assert bad.json()["problem"].isprintable()
    assert bad.headers["content-type"] == "application/json"
    assert list(tmp_path.iterdir()) == []


def test_a_raw_name_that_breaks_its_header_breaks_nothing_else(server, scan):
    for name in (b'a"; name="y"\x00', b"\xff\xfe", b"a\rb", b"=?utf-8?B?Li4v?="):
        head = b'--b\r\ncontent-disposition: form-data; name="x"; filename="' + name + b'"\r\n\r\n'
        answer = server.client.post(
            "/predict",
            content=head + scan + b"\r\n--b--\r\n",
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code in (200, 400, 422), answer.text


FIELD = b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"hello", 415),
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"x=1", 415),
        ("", b"x", 415),
        ("image", b"x", 415),
        ("multipart/form-data", b"x", 400),  # no boundary
        ("multipart/form-data; boundary=b", b"no form at all", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n',
            422,
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n1\r\n--b--\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 422),
        ("multipart/form-data; boundary=" + "b" * 300, b"--b--\r\n", 400),
        ("multipart/form-data; boundary=b; charset=no-such", b"--b--\r\n", 422),
    ],
)
def test_bodies_of_other_kinds_are_refused(server, kind, body, status):
    answer = server.client.post("/predict", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["problem"]


def test_a_packed_body_is_not_unpacked(server, scan):
    headers = {"content-type": "image/png", "content-encoding": "gzip"}
    assert server.client.post("/predict", content=scan, headers=headers).status_code == 415


def test_text_in_a_good_picture_is_left_out(server):
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "<script>alert(1)</script>")
    answer = server.client.post("/predict", files={"x": ("it.png", encoded(GREY, pnginfo=told))})
    assert answer.status_code == 200
    assert "alert" not in answer.text
