"""Which files are pictures: by an ending that says so, else by their first bytes."""

from __future__ import annotations

from itertools import chain

try:
    from PIL import AvifImagePlugin

    AVIF = AvifImagePlugin.SUPPORTED
except ImportError:  # Pillow before 11.3
    AVIF = False

# Pillow opens forty more, some by starting other programs (EPS); no file may choose those.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF", *(("AVIF",) if AVIF else ()))
READABLE = f"JPEG, PNG, WebP, BMP, TIFF, PPM{', GIF and AVIF' if AVIF else ' and GIF'}"

GIF_ENDING = ".gif"
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo", ".png", ".apng", ".webp", ".bmp"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", GIF_ENDING}
    | ({".avif"} if AVIF else set())
)
"""Files with these endings are pictures, whatever is in them: a million are listed without opening one."""

# Camera files begin as TIFF does, but what Pillow reads there is a thumbnail at best: their ending decides.
RAW_ENDINGS = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw", ".orf"}
    | {".pef", ".raf", ".raw", ".rw2", ".srf", ".srw", ".x3f"}
)
FOREIGN_ENDINGS = {
    **dict.fromkeys(RAW_ENDINGS, "camera RAW"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **({} if AVIF else {".avif": "AVIF"}),
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), "JPEG 2000"),
    **{".jxl": "JPEG XL", ".psd": "Photoshop", ".exr": "OpenEXR", ".svg": "SVG", ".tga": "TGA", ".ico": "ICO"},
    **dict.fromkeys((".dcm", ".dicom"), "DICOM"),
}
"""Format by ending, of pictures that cannot be read here."""

# Often as many as the pictures that they belong to: not opened.
NO_PICTURE_ENDINGS = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".rst", ".html", ".htm"}
    | {".log", ".py", ".ipynb", ".npy", ".npz", ".pt", ".pth", ".pkl", ".mat", ".h5", ".safetensors", ".onnx"}
    | {".db", ".ini", ".cfg", ".lnk", ".url", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".zip", ".gz", ".tar"}
    | {".tgz", ".7z", ".rar", ".mp4", ".mov", ".avi", ".mkv", ".mp3", ".wav", ".aae", ".xmp"}
)

START_BYTES = 64
STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"v/1\x01", "OpenEXR"),
)
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes of the header that follows the file's own 14
# ISO/IEC 14496-12: a box "ftyp" with the brand and those that it is compatible with.
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def format_of(start: bytes) -> str | None:
    """The picture format that a file's first bytes are of: one of FORMATS, one that cannot be read, or None.

    start: START_BYTES of them, or all there are.

    >>> format_of(b"GIF89a\\1\\0\\1\\0"), format_of(b"P5 2 2 255"), format_of(b"BMW, Audi"), format_of(b"")
    ('GIF', 'PPM', None, None)
    """
    for signature, name in STARTS:
        if start.startswith(signature):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if start[:1] == b"P" and start[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6") and start[2:3].isspace():
        return "PPM"
    if start[4:8] == b"ftyp":
        return _iso_format({start[8:12], *(start[place : place + 4] for place in range(16, len(start), 4))})
    return None


def _iso_format(brands: set[bytes]) -> str | None:
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if b"crx " in brands:
        return "camera RAW"
    return "HEIC" if brands.intersection(HEIF_BRANDS) else None


def foreign_format(name: str, start: bytes) -> str | None:
    """The format of a picture that cannot be read here; None for one that can, and for what is no picture.

    >>> foreign_format("IMG_1.CR2", b"II*\\0"), foreign_format("IMG_1.HEIC", b"\\xff\\xd8\\xff")
    ('camera RAW', None)
    """
    ending = name[name.rfind(".") :].lower()
    if ending in RAW_ENDINGS:
        return FOREIGN_ENDINGS[ending]
    told = format_of(start)
    if told in FORMATS:
        return None
    return told or FOREIGN_ENDINGS.get(ending)


NAMED_ENDINGS = frozenset(chain(EXTENSIONS, FOREIGN_ENDINGS))
"""Endings by which a table without header is told from other text."""
