"""PNG files without texts and profiles: Pillow unpacks them, and refuses a file where they are large."""

from __future__ import annotations

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of the chunks that a decoder may ignore (their first letter is small), these decide pixels or how they are turned.
KEPT = (b"tRNS", b"eXIf", b"sBIT", b"acTL", b"fcTL", b"fdAT")
AROUND_BYTES = 12  # length, type and checksum


def without_ancillary_chunks(content: bytes) -> bytes:
    """A PNG file without texts, profiles and times; other files as they are. What ends early stays as it ends.

    Source: PNG specification (third edition), sections 5.3 and 5.4.
    """
    if not content.startswith(SIGNATURE):
        return content
    place, kept_from, parts = len(SIGNATURE), 0, []
    while place + AROUND_BYTES <= len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        end = place + AROUND_BYTES + length
        if kind == b"IEND" or end > len(content):
            break
        if kind[:1].islower() and kind not in KEPT:
            parts.append(content[kept_from:place])
            kept_from = end
        place = end
    return b"".join([*parts, content[kept_from:]]) if parts else content
