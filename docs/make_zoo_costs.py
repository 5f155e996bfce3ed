"""Write the table of costs that `striate models` reads instead of counting 60 networks anew.

    python docs/make_zoo_costs.py

Run it when a network of the zoo is new or has changed; a test counts all of them and compares.
"""

from __future__ import annotations

from pathlib import Path

from striate.analysis import zoo_costs
from striate.analysis.zoo import counted
from striate.models import ZOO

HEAD = '''"""What every network of the zoo costs. Written by docs/make_zoo_costs.py; a test counts and compares."""

from __future__ import annotations

# fmt: off
COSTS: dict[str, tuple[tuple[int, ...], int, int, int, int]] = {
    # the picture, parameters, those of them that only training reads, multiply-accumulates, largest field in pixels
'''
TAIL = """}
# fmt: on
"""


def line(name: str) -> str:
    """One network as a line of the table."""
    picture, *numbers = counted(name)
    return f'    "{name}": ({picture}, {", ".join(f"{number:_}" for number in numbers)}),\n'


if __name__ == "__main__":
    Path(zoo_costs.__file__).write_text(HEAD + "".join(map(line, ZOO)) + TAIL, encoding="utf-8")
