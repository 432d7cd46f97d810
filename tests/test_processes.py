"""What runs beside a test is gone once the test is, even where nothing could be cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import running

STARTS_ANOTHER = "sleep 1000 & echo $! > {pid}; echo ready; wait"
OUTER = """
import sys, time
from pathlib import Path
from processes import running

with running(Path(sys.argv[1]), "/bin/sh", "-c", sys.argv[2]):
    time.sleep(1000)
"""


def until(done, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"  # ended, not yet reaped


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, None])
def test_nothing_is_left_behind(tmp_path, how):
    log, pid = tmp_path / "log", tmp_path / "pid"
    command = STARTS_ANOTHER.format(pid=pid)
    if how is None:
        with running(log, "/bin/sh", "-c", command):
            assert until(lambda: log.exists() and "ready" in log.read_text())
    else:
        asked = [sys.executable, "-c", OUTER, str(log), command]
        outer = subprocess.Popen(asked, env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)})
        assert until(lambda: log.exists() and "ready" in log.read_text())
        outer.send_signal(how)
        outer.wait(20)
    assert until(lambda: gone(int(pid.read_text())))
