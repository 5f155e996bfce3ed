"""The command line: parse, call one public function, show. Torch is imported only by the verbs that use it."""

from __future__ import annotations

import sys

from striate.cli.app import app
from striate.core.errors import Interrupted, StriateError

USER_ERROR = 2  # exit status; 1 says that the work was done and found something wrong


def main() -> None:
    """Run the command line. A person's mistake is one line and status 2; a bug keeps its traceback."""
    try:
        app()
    except StriateError as error:
        print(f"striate: {error}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
    except Interrupted as interruption:
        print(f"striate: {interruption}", file=sys.stderr)
        raise SystemExit(128 + interruption.signal) from None
    except KeyboardInterrupt:
        print("striate: stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
