"""What a network for detection says of a picture: objects, each of a class and in a box."""

from __future__ import annotations

DETECTION = "detection"
