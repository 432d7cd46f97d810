"""Commands that run beside a test and end with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

# A shell minds the command: once its standard input is closed, by us or because we are no more (a signal runs
# no `finally`), the whole group is ended, and killed after a while.
_MINDED = """
"$@" & child=$!
trap "" TERM
cat > /dev/null
kill -TERM 0
(sleep 15; kill -KILL 0) & wait "$child"
kill -KILL 0
"""


@contextmanager
def running(log: Path, *command: str):
    """Run a command, and whatever it starts, until the block or this process ends."""
    with log.open("w") as said:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _MINDED, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)
