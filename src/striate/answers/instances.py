"""What a network for instances says of a picture: objects, each of a class, in a box, and of a shape."""

from __future__ import annotations

INSTANCES = "instances"
