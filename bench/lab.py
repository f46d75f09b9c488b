"""Measure the lab: pictures a second of a running comparison, their cost, page weight, Ctrl-C.

    python bench/lab.py

Needs Chromium at /usr/bin/chromium and the extra dev. The comparison has three strategies with
three seeds on digits; nothing of it is in the store.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import pairwise
from statistics import median

from playwright.sync_api import CDPSession, sync_playwright

LINK = (
    "/lab?task=digits&s=sgd+momentum%3D0.9+lr%3D0.1+cosine&s=sgd+momentum%3D0.9+lr%3D0.1"
    "&s=adamw+lr%3D0.01+warmup+5%25+-%3E+cosine&seeds=3&updates=600"
)

WEIGHT = """performance.getEntries()
  .filter(({ name, decodedBodySize }) => decodedBodySize && !name.includes("/stream/"))
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


WATCH = """() => {
  window.drawn = [];
  const told = new MutationObserver(() => window.drawn.push(performance.now()));
  const chart = document.querySelector("#main-chart");
  told.observe(chart, { attributes: true, attributeFilter: ["data-draws"] });
}"""


def start(folder: str) -> tuple["subprocess.Popen[bytes]", str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "etude", "learn", "--no-browser", "--port", str(port)]
    process = subprocess.Popen([*command, "--store", f"{folder}/runs.db"])
    url = f"http://127.0.0.1:{port}"
    while b'{"ready":true}' not in asked(f"{url}/lab/ready"):
        time.sleep(0.5)
    return process, url


def asked(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.read()
    except OSError:
        return b""


def seconds_in_page(client: CDPSession) -> float:
    metrics = client.send("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "TaskDuration")


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, url = start(folder)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        client = page.context.new_cdp_session(page)
        client.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(url + LINK)
        page.click(".actions button[value=run]")
        page.wait_for_selector("#main-chart canvas")
        page.evaluate(WATCH)
        began, busy = time.perf_counter(), seconds_in_page(client)
        page.wait_for_selector(".ranking")
        took, busy = time.perf_counter() - began, seconds_in_page(client) - busy
        at = page.evaluate("drawn")
        gaps = sorted(after - before for before, after in pairwise(at))
        verdict = sum(gaps[-3:]) / 1e3
        print(f"{len(at)} pictures in {took:.1f} s, the verdict's {verdict:.1f} s included")
        print(
            f"while it trains one every {median(gaps):.0f} ms ({1e3 / median(gaps):.1f} a second),"
            f" 9 of 10 within {gaps[len(gaps) * 9 // 10]:.0f} ms"
        )
        print(f"{1000 * busy / len(at):.1f} ms of processor time in the page for each")
        print(f"{page.evaluate(WEIGHT):,} bytes of page, styles and scripts")
        page.goto(url + LINK.replace("600", "1990"))
        page.click(".actions button[value=run]")
        page.wait_for_selector("#main-chart canvas")
        asked_at = time.perf_counter()
        process.send_signal(signal.SIGINT)
        process.wait()
        print(
            f"Ctrl-C with a page open on a run: ended after {time.perf_counter() - asked_at:.1f} s"
        )
        browser.close()


if __name__ == "__main__":
    main()
