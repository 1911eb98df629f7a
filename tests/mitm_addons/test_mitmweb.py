"""mitmweb's page with the addon, in a real browser: the decrypted messages are on the screen.

With LMDECODE_SCREENSHOT=docs/mitmweb.png in the environment, the picture in the documentation is made anew.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.codec.v1.samples import SAMPLES, frame, with_check
from tests.mitm_addons.proxies import Proxy, running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ATTEMPTS = 3  # the page asks for its data with a clock that runs fast; an answer may come too late for it

TALK = [
    ("app", with_check("R40000020")),
    ("machine", SAMPLES[0].plaintext),
    ("app", with_check("W0007000203A7")),
    ("machine", with_check("W00070002OK")),
    ("app", with_check("R401C0004")),
    ("machine", with_check("R401C000403BC04D8")),
]


def browse(url: str, folder: Path, *options: str) -> str:
    """The page as it is after its scripts have run, as text."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'chromium'}"]
    size = ["--window-size=1300,1010", "--virtual-time-budget=5000"]
    run = subprocess.run([CHROMIUM or "", *quiet, *size, *options, url], capture_output=True, timeout=60, check=True)
    return html.unescape(re.sub(r"<[^>]*>", "", run.stdout.decode("utf-8")))


def flow_page(proxy: Proxy) -> str:
    """The address of the first flow's messages."""
    said = proxy.wait_for_output(r"Web server listening at (http://[^\s?]+)(\?\S+)?")
    page, token = said[1], said[2] or ""
    with urlopen(f"{page}flows.json{token}") as answer:
        flow = json.load(answer)[0]["id"]
    return f"{page}{token}#/flows/{flow}/tcpmessages"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")
def test_the_page_shows_decrypted_messages(python: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--set", "web_open_browser=false", "--set", f"web_port={port}"]
    with running(python, tmp_path, *options, tool="mitmweb") as proxy:
        proxy.wait_for_output("Web server listening")
        with proxy.line() as line:
            for sender, plaintext in TALK:
                line.say(sender, frame(plaintext))
        address = flow_page(proxy)
        shown = ""
        for _ in range(ATTEMPTS):
            shown = browse(address, tmp_path, "--dump-dom")
            if "coffee_temp" in shown:
                break
        assert "6 Messages" in shown
        assert "# app write coffee_set_temp" in shown
        assert "coffee_set_temp: 93.5 °C" in shown
        assert "coffee_temp: 95.6 °C" in shown
        assert not re.search("(?i)warn|error|traceback", proxy.output)
        if picture := os.environ.get("LMDECODE_SCREENSHOT"):
            browse(address, tmp_path, f"--screenshot={Path(picture).resolve()}")
