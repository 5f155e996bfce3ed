"""Decoding: every format and mode by its stated rule, and one sentence for every file that is no picture."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.data.decode import DecodeError, decode_picture, read_picture, read_size

Pixels = npt.NDArray[np.uint8]
random = np.random.default_rng(0)
RGB: Pixels = random.integers(0, 256, (12, 20, 3), dtype=np.uint8)
GREY: Pixels = random.integers(0, 256, (12, 20), dtype=np.uint8)


def encoded(picture: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def smooth(height: int, width: int) -> Pixels:
    """A picture that JPEG keeps well: slow waves of colour."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 37 + phase) + np.cos(columns / 29 - phase) for phase in range(3)]
    return (127.5 + 60 * np.stack(waves, axis=2)).astype(np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def luma(rgb: Pixels) -> npt.NDArray[np.float64]:
    """ITU-R BT.601."""
    return rgb @ np.array([0.299, 0.587, 0.114])


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize(
    "file_format, options",
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("PPM", {}),
    ],
)
def test_lossless_formats_keep_every_pixel(file_format: str, options: dict[str, object]) -> None:
    content = encoded(Image.fromarray(RGB), file_format, **options)
    np.testing.assert_array_equal(decode_picture(content, "x"), RGB)
    grey = decode_picture(content, "x", channels=1)
    assert grey.shape == (12, 20, 1)
    assert np.abs(grey[:, :, 0] - luma(RGB)).max() <= 1


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM"])
def test_grey_formats(file_format: str) -> None:
    content = encoded(Image.fromarray(GREY), file_format)
    np.testing.assert_array_equal(decode_picture(content, "x", channels=1), GREY[:, :, None])
    np.testing.assert_array_equal(decode_picture(content, "x"), np.repeat(GREY[:, :, None], 3, axis=2))


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
def test_lossy_formats_are_near(file_format: str) -> None:
    pixels = smooth(64, 80)
    decoded = decode_picture(encoded(Image.fromarray(pixels), file_format, quality=95), "x")
    assert decoded.shape == pixels.shape
    assert np.abs(decoded.astype(int) - pixels).mean() < 2.5


def test_plain_text_ppm_and_pgm() -> None:
    assert decode_picture(b"P3 2 1 255 1 2 3 4 5 6\n", "x").tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert decode_picture(b"P2 # a comment\n2 1 255 7 8\n", "x", channels=1).tolist() == [[[7], [8]]]


# ---------------------------------------------------------------- modes


def png(mode_bits: int, colour_type: int, width: int, rows: list[bytes], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file written by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, len(rows), mode_bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def grey_of(content: bytes) -> list[int]:
    return decode_picture(content, "x", channels=1)[0, :, 0].tolist()


WIDE = [0, 128, 129, 255, 256, 32768, 65534, 65535]
WIDE_SCALED = [round(value * 255 / 65535) for value in WIDE]


def test_16_bit_grey_by_its_full_range() -> None:
    big_endian = struct.pack(">8H", *WIDE)
    assert WIDE_SCALED == [0, 0, 1, 1, 1, 128, 255, 255]
    assert grey_of(png(16, 0, 8, [big_endian])) == WIDE_SCALED
    assert grey_of(b"P5 8 1 65535\n" + big_endian) == WIDE_SCALED
    assert grey_of(encoded(Image.fromarray(np.array([WIDE], np.uint16)), "TIFF")) == WIDE_SCALED
    assert grey_of(tiff(">", 16, 1, big_endian)) == WIDE_SCALED
    assert grey_of(tiff("<", 16, 1, struct.pack("<8H", *WIDE))) == WIDE_SCALED


def test_dark_16_bit_grey_stays_dark() -> None:
    """All values below 256: still 16 bits."""
    dark = struct.pack(">4H", 0, 100, 200, 255)
    assert grey_of(png(16, 0, 4, [dark])) == [0, 0, 1, 1]
    assert grey_of(b"P5 4 1 65535\n" + dark) == [0, 0, 1, 1]
    assert grey_of(tiff(">", 16, 1, dark)) == [0, 0, 1, 1]


def tiff(order: str, bits: int, sample_format: int, data: bytes) -> bytes:
    """One row of grey, not compressed. sample_format: 1 unsigned, 2 signed, 3 floating point."""
    width = len(data) * 8 // bits
    tags = [(256, 4, width), (257, 4, 1), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 0)]
    tags += [(277, 3, 1), (278, 4, 1), (279, 4, len(data)), (339, 3, sample_format)]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, kind, value in tags:
        value = start if tag == 273 else value
        entries += struct.pack(f"{order}HHI", tag, kind, 1)
        entries += struct.pack(f"{order}I", value) if kind == 4 else struct.pack(f"{order}HH", value, 0)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + data


@pytest.mark.parametrize(
    "values, scaled",
    [
        ([0, 10, 255], [0, 10, 255]),  # fits in 8 bits
        ([0, 256, 65535], [0, 1, 255]),  # fits in 16
        ([0, 100_000, 200_000], [0, 128, 255]),  # by its own maximum: 127.5 to the even one
        ([-5, 0, 255], [0, 0, 255]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_32_bit_integers(values: list[int], scaled: list[int]) -> None:
    assert grey_of(tiff("<", 32, 2, struct.pack("<3i", *values))) == scaled
    assert grey_of(encoded(Image.fromarray(np.array([values], np.int32)), "TIFF")) == scaled


@pytest.mark.parametrize(
    "values, scaled",
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),  # 127.5 to the even one
        ([0.0, 0.5, 0.25], [0, 128, 64]),
        ([0.0, 1.5, 255.0], [0, 2, 255]),
        ([0.0, 256.0, 65535.0], [0, 1, 255]),
        ([-1.0, float("nan"), 1.0], [0, 0, 255]),
        ([0.0, float("inf"), 1.0], [0, 0, 255]),
    ],
)
def test_floating_point(values: list[float], scaled: list[int]) -> None:
    assert grey_of(tiff("<", 32, 3, struct.pack("<3f", *values))) == scaled


def test_16_bit_colour_keeps_its_upper_bits() -> None:
    row = struct.pack(">6H", 0x0000, 0x7FFF, 0xFFFF, 0x01FF, 0x8000, 0xFE01)
    assert decode_picture(png(16, 2, 2, [row]), "x").tolist() == [[[0x00, 0x7F, 0xFF], [0x01, 0x80, 0xFE]]]


PALETTE = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255])


def test_palette() -> None:
    content = png(8, 3, 3, [bytes([2, 0, 1])], (b"PLTE", PALETTE))
    assert decode_picture(content, "x").tolist() == [[[0, 0, 255], [255, 0, 0], [0, 255, 0]]]


def test_palette_with_transparency_over_white() -> None:
    """alpha 0, 128, 255 of pure red, green, blue: c * a / 255 + 255 * (1 - a / 255)."""
    content = png(8, 3, 3, [bytes([0, 1, 2])], (b"PLTE", PALETTE), (b"tRNS", bytes([0, 128, 255])))
    assert decode_picture(content, "x").tolist() == [[[255, 255, 255], [127, 255, 127], [0, 0, 255]]]
    assert grey_of(content)[0] == 255


def test_one_transparent_colour_becomes_white() -> None:
    grey = png(8, 0, 2, [bytes([10, 20])], (b"tRNS", struct.pack(">H", 10)))
    assert grey_of(grey) == [255, 20]
    colour = png(8, 2, 2, [bytes([1, 2, 3, 4, 5, 6])], (b"tRNS", struct.pack(">3H", 4, 5, 6)))
    assert decode_picture(colour, "x").tolist() == [[[1, 2, 3], [255, 255, 255]]]
    one_bit = png(1, 0, 8, [bytes([0b10101010])], (b"tRNS", struct.pack(">H", 0)))
    assert grey_of(one_bit) == [255] * 8


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_alpha_over_white(file_format: str) -> None:
    pixels = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 102]]], np.uint8)
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    decoded = decode_picture(encoded(Image.fromarray(pixels), file_format, **options), "x")
    mixed = [round(colour * 0.4 + 255 * 0.6) for colour in (200, 100, 0)]  # 102 / 255 is 0.4
    assert decoded.tolist() == [[[200, 100, 0], [255, 255, 255], mixed]]


def test_grey_with_alpha_over_white() -> None:
    row = bytes([50, 255, 50, 0, 50, 102])
    assert grey_of(png(8, 4, 3, [row])) == [50, 255, round(50 * 0.4 + 255 * 0.6)]


def test_one_bit_is_black_and_white() -> None:
    assert grey_of(png(1, 0, 8, [bytes([0b10110001])])) == [255, 0, 255, 255, 0, 0, 0, 255]
    assert grey_of(b"P4 8 1\n" + bytes([0b10110001])) == [0, 255, 0, 0, 255, 255, 255, 0]  # in PBM 1 is black


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(file_format: str) -> None:
    """(1 - ink) * (1 - black); JPEG's loss stays below 3 levels on even areas."""
    inks = np.zeros((16, 32, 4), np.uint8)
    inks[:, :16] = (255, 0, 0, 0)  # cyan
    inks[:, 16:] = (0, 0, 0, 128)  # half black
    decoded = decode_picture(encoded(Image.fromarray(inks, "CMYK"), file_format), "x").astype(int)
    assert np.abs(decoded[:, :8] - (0, 255, 255)).max() <= 3
    assert np.abs(decoded[:, 24:] - (127, 127, 127)).max() <= 3


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_picture_of_several(file_format: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert decode_picture(content, "x").tolist() == [[[255, 0, 0]] * 4] * 4


def test_orientation_and_16_bits_together() -> None:
    stored = np.array([[0, 65535], [256, 32768], [0, 0]], np.uint16)
    content = encoded(Image.fromarray(stored), "PNG", exif=turned(6))
    assert decode_picture(content, "x", channels=1)[:, :, 0].tolist() == [[0, 1, 0], [0, 128, 255]]


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_numbers_of_channels(channels: int) -> None:
    text = f"pictures have 1 (grey) or 3 (RGB) channels; the network wants {channels}"
    with pytest.raises(ValueError, match=re.escape(text)):
        decode_picture(encoded(Image.fromarray(RGB), "PNG"), "x", channels=channels)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["\u5199\u771f.png", "B\u00e4r \U0001f43b.PNG", "a" * 200 + ".png"])
def test_unicode_paths(tmp_path: Path, name: str) -> None:
    Image.fromarray(RGB).save(tmp_path / name, "PNG")
    np.testing.assert_array_equal(read_picture(tmp_path / name), RGB)
    assert read_size(tmp_path / name) == (12, 20)


def refused(path: Path, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_picture(path)
    assert str(caught.value).startswith(f"{path} {text}")
    assert caught.value.name == str(path)
    assert caught.value.reason.startswith(text)


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    for name, content, text in [
        ("empty.jpg", b"", "is empty (0 bytes)"),
        ("text.jpg", b"Hello, world", "is not a picture in a known format (it starts with 'Hello, w')"),
        ("nul.jpg", bytes(20), r"is not a picture in a known format (it starts with '\x00\x00"),
        ("bytes.jpg", b"\xff\xfe\x01", r"is not a picture in a known format (it starts with '\xff\xfe\x01')"),
        ("page.jpg", b"<!DOCTYPE html>", "is not a picture in a known format (it starts with '<!DOCTYP')"),
        ("print.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture in a known format"),
    ]:
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(tmp_path / "gone.jpg", "cannot be read (No such file or directory)")
    (tmp_path / "folder.jpg").mkdir()
    refused(tmp_path / "folder.jpg", "cannot be read (")


def test_truncated_jpeg(tmp_path: Path) -> None:
    content = encoded(Image.fromarray(smooth(200, 300)), "JPEG")
    path = tmp_path / "half.jpg"
    path.write_bytes(content[: len(content) // 2])
    refused(path, "is damaged (image file is truncated (")


def test_no_pixels() -> None:
    for content in (b"P5 0 0 255\n", b"P6 5 0 255\n", png(8, 0, 0, []), png(8, 0, 3, [])):
        with pytest.raises(DecodeError, match=r"^x is (damaged|not a picture)"):
            decode_picture(content, "x")


def bomb(width: int, height: int) -> bytes:
    """Black PNG of any size in few bytes: every row is its filter byte and (width + 7) / 8 zero bytes of 1-bit grey."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


RAISES_THAT = "(--max-megapixels, or PIL.Image.MAX_IMAGE_PIXELS, raises that)"


def test_bomb_is_refused_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bomb(20_000, 20_000)
    assert len(content) < 100_000

    def no_decoding(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_decoding)
    text = f"bomb.png has too many pixels to be decoded: 400,000,000, allowed are 89,478,485 {RAISES_THAT}"
    with pytest.raises(DecodeError, match=f"^{re.escape(text)}$"):
        decode_picture(content, "bomb.png")


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_small_bomb_is_refused_too(action: str) -> None:
    """Up to twice the limit Pillow only warns."""
    with warnings.catch_warnings():
        warnings.simplefilter(action)  # type: ignore[arg-type]
        with pytest.raises(
            DecodeError, match=r"too many pixels to be decoded: (10000 x 10000 = )?100,000,000, allowed"
        ):
            decode_picture(bomb(10_000, 10_000), "bomb.png")


def test_limit_is_configurable(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.fromarray(RGB), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 20)
    assert decode_picture(content, "x").shape == (12, 20, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 20 - 1)
    with pytest.raises(DecodeError, match=r"too many pixels to be decoded: .*240, allowed are 239"):
        decode_picture(content, "x")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert decode_picture(content, "x").shape == (12, 20, 3)


# ---------------------------------------------------------------- smaller decoding


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700), st.integers(1, 700), st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3, 6, 8])
)
def test_draft_never_falls_below_cover(height: int, width: int, needed_h: int, needed_w: int, turn: int) -> None:
    content = encoded(Image.new("RGB", (width, height), "teal"), "JPEG", exif=turned(turn))
    whole = decode_picture(content, "x").shape[:2]
    came = decode_picture(content, "x", cover=(needed_h, needed_w)).shape[:2]
    assert whole == ((width, height) if turn >= 5 else (height, width))
    for full, got, needed in zip(whole, came, (needed_h, needed_w), strict=True):
        assert min(full, needed) <= got <= full


@pytest.mark.parametrize("height, width, scale", [(600, 800, 2), (1200, 1600, 4), (2048, 2048, 8), (500, 600, 1)])
def test_draft_looks_like_decoding_and_resizing(height: int, width: int, scale: int) -> None:
    content = encoded(Image.fromarray(smooth(height, width)), "JPEG", quality=95)
    whole, small = decode_picture(content, "x"), decode_picture(content, "x", cover=(256, 256))
    assert small.shape == (height // scale, width // scale, 3)
    resized = np.asarray(Image.fromarray(whole).resize((width // scale, height // scale), Image.Resampling.BOX))
    difference = np.abs(resized.astype(int) - small)
    assert difference.mean() < 1
    assert difference.max() <= 6


# ---------------------------------------------------------------- what lies beside the pixels


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    return png(8, 2, 4, [bytes(range(12))], *chunks)


TEXT = b"Comment\0\0" + zlib.compress(b"a long story. " * 200_000)
PROFILE = b"profile\0\0" + zlib.compress(bytes(3_000_000))


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", TEXT),
        (b"iTXt", b"Comment\0\1\0\0\0" + TEXT[9:]),
        (b"iCCP", PROFILE),
        (b"iCCP", b"profile\0\0no zlib"),
        (b"tEXt", b"x" * 90_000_000),
        (b"cHRM", b"short"),
        (b"pHYs", b""),
    ],
    ids=lambda chunk: chunk[0].decode(),
)
def test_text_and_profiles_of_png_are_no_damage(chunk: tuple[bytes, bytes], tmp_path: Path) -> None:
    plain = decode_picture(with_chunks(), "x")
    content = with_chunks(chunk)
    np.testing.assert_array_equal(decode_picture(content, "x"), plain)
    (tmp_path / "x.png").write_bytes(content)
    assert read_size(tmp_path / "x.png") == (1, 4)


def test_chunks_that_decide_pixels_stay() -> None:
    clear = png(8, 3, 3, [bytes([0, 1, 2])], (b"zTXt", TEXT), (b"PLTE", PALETTE), (b"tRNS", bytes([0, 255, 255])))
    assert decode_picture(clear, "x").tolist() == [[[255, 255, 255], [0, 255, 0], [0, 0, 255]]]
    sideways = with_chunks((b"zTXt", TEXT), (b"eXIf", turned(6).tobytes().removeprefix(b"Exif\0\0")))
    assert decode_picture(sideways, "x").shape == (4, 1, 3)


def test_a_png_with_text_that_ends_early_is_damaged() -> None:
    content = with_chunks((b"tEXt", b"x" * 100))
    for size in (60, 100, len(content) - 30):
        with pytest.raises(DecodeError, match="x is (damaged|not a picture)"):
            decode_picture(content[:size], "x")


def test_text_hides_no_bomb() -> None:
    content = bomb(20_000, 20_000)
    chunk = struct.pack(">I", len(TEXT)) + b"zTXt" + TEXT + struct.pack(">I", zlib.crc32(b"zTXt" + TEXT))
    with pytest.raises(DecodeError, match="has too many pixels to be decoded: 400,000,000"):
        decode_picture(content[:33] + chunk + content[33:], "x")


@pytest.mark.parametrize(
    "name, start, told",
    [
        ("x.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("x.NEF", b"MM\0*\0\0\0\x08", "camera RAW"),
        ("x", b"\xff\x0a\xfa\x1f", "JPEG XL"),
        ("x.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        ("x.svg", b"<svg xmlns=", "SVG"),
    ],
)
def test_formats_that_cannot_be_read_are_named(name: str, start: bytes, told: str) -> None:
    text = f"{name} is a {told} picture, which cannot be read here; save it as JPEG or PNG"
    with pytest.raises(DecodeError, match=f"^{re.escape(text)}$"):
        decode_picture(start + bytes(80), name)


def test_a_file_beyond_reason_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.jpg").open("wb") as file:
        file.truncate(2**40)  # takes no room
    with pytest.raises(
        DecodeError, match=r"x\.jpg cannot be read \(has 1,099,511,627,776 bytes, allowed are 2,147,483"
    ):
        read_picture(tmp_path / "x.jpg")
