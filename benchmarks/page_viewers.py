"""How long viewers wait for the page, and what each costs in memory.

    python benchmarks/page_viewers.py STUDY_DIR [--viewers 10] [--page manager]

Starts the page with as many kernels ready as there are viewers, lets all viewers ask for it at the same
moment, and prints one JSON line. *Full page*: the HTML with every figure's data on its way over the
kernel's connection; the browser then needs about two seconds to draw, measured too where there is a Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil

TOKEN = "benchmark"
DRAWN = """() => {
  const now = document.getElementById('fs-cells')?.dataset.rev;
  const blocks = [...document.querySelectorAll('.fs-figures > * > [data-key]')];
  return now && blocks.length && blocks.every((block) => block.dataset.rev === now);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--page", default="manager")
    asked = parser.parse_args()
    port = _free_port()
    code = (
        "from flipstats.dashboard.serve import serve; "
        f"serve({asked.study!r}, page={asked.page!r}, port={port}, token={TOKEN!r}, "
        f"viewers={asked.viewers}, open_browser=False)"
    )
    started = time.monotonic()
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        print(json.dumps(_measure(server, port, asked.viewers, started)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=120)


def _measure(server: subprocess.Popen, port: int, viewers: int, started: float) -> dict:
    url = f"http://127.0.0.1:{port}/?token={TOKEN}"
    _wait_until(lambda: _answers(f"http://127.0.0.1:{port}/voila/static/voila.js"))
    listening = time.monotonic() - started
    _wait_until(lambda: _settled(server.pid, viewers))
    ready = time.monotonic() - started
    used = _kernels(server.pid)[:viewers]
    before = _worked([psutil.Process(server.pid), *used])
    with ThreadPoolExecutor(viewers) as pool:
        waits = sorted(pool.map(lambda _: _seconds_of(url), range(viewers)))
    worked = _worked([psutil.Process(server.pid), *used]) - before
    _wait_until(lambda: _settled(server.pid, 2 * viewers))
    return {
        "viewers": viewers,
        "load": round(os.getloadavg()[0], 1),
        "listening_s": round(listening, 1),
        "pool_ready_s": round(ready, 1),
        "full_page_s": {"p50": round(statistics.median(waits), 2), "max": round(waits[-1], 2)},
        "cpu_s_a_viewer": round(worked / viewers, 2),
        "kernel_pss_mb": round(statistics.median(_pss(kernel) for kernel in used)),
        "server_pss_mb": round(_pss(psutil.Process(server.pid))),
        "browser_drawn_s": _browser(url),
    }


def _kernels(pid: int) -> list[psutil.Process]:
    found = [p for p in psutil.Process(pid).children() if "ipykernel_launcher" in " ".join(p.cmdline())]
    return sorted(found, key=lambda p: p.create_time())


def _worked(processes: list[psutil.Process]) -> float:
    """Seconds of processor some processes have used: the same however busy the machine is."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _settled(pid: int, count: int) -> bool:
    """Whether `count` kernels are there and none is working any more."""
    kernels = _kernels(pid)
    return len(kernels) >= count and all(kernel.cpu_percent(interval=0.5) < 5 for kernel in kernels)


def _pss(process: psutil.Process) -> float:
    memory = process.memory_full_info()
    return getattr(memory, "pss", memory.uss) / 1e6


def _seconds_of(url: str) -> float:
    start = time.monotonic()
    with urllib.request.urlopen(url, timeout=300) as answer:
        answer.read()
    return time.monotonic() - start


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _wait_until(condition, limit_s: float = 600) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("waited too long")
        time.sleep(0.2)


def _browser(url: str) -> float | None:
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        start = time.monotonic()
        page.goto(url)
        page.wait_for_function(DRAWN, timeout=120_000)
        seconds = time.monotonic() - start
        browser.close()
    return round(seconds, 2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
