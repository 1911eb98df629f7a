"""A mitmdump process with the addon, between a client and the fake cloud."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.cloud.fake_cloud import FakeCloud

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "mitm_addons" / "lm_credentials.py"
HELPER = Path(__file__).with_name("mitmproxy_helper.py")
PATIENCE = 30.0


@dataclass
class Mitmdump:
    process: subprocess.Popen[bytes]
    folder: Path
    cloud: FakeCloud
    config: Path = Path()
    """The file that the addon writes."""
    port: int = 0
    read: int = 0

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(encoding="utf-8")

    def news(self, *texts: str) -> str:
        """What was put out since this was asked last, as soon as all texts are in it, in this order."""
        pattern = re.compile(".*".join(map(re.escape, texts)), re.DOTALL)
        deadline = time.monotonic() + PATIENCE
        while not (match := pattern.search(self.output, self.read)):
            assert time.monotonic() < deadline, f"{texts} not in {self.output[self.read :]!r}"
            assert self.process.poll() is None or pattern.search(self.output, self.read), self.output
            time.sleep(0.01)
        new, self.read = self.output[self.read : match.end()], match.end()
        return new

    def client(self, *, trusting: bool = True, **options: Any) -> httpx.Client:
        """A client that uses the proxy, and trusts its certificates, or only those of the cloud's own CA."""
        ca = self.folder / "mitmproxy-ca-cert.pem" if trusting else self.cloud.ca_file
        context = ssl.create_default_context(cafile=str(ca))
        return httpx.Client(proxy=f"http://127.0.0.1:{self.port}", verify=context, timeout=PATIENCE, **options)

    def set(self, **options: object) -> None:
        with self.client() as client:
            client.get(f"http://control.test/?{urlencode(options)}").raise_for_status()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@contextmanager
def mitmdump(python: str, folder: Path, cloud: FakeCloud, *options: str) -> Iterator[Mitmdump]:
    command = [
        python, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()",
        "--listen-host", "127.0.0.1", "--listen-port", "0",
        "--set", f"confdir={folder}",
        "--set", f"ssl_verify_upstream_trusted_ca={cloud.ca_file}",
        "-s", str(ADDON), "-s", str(HELPER), "--set", f"test_port={cloud.port}",
        *options,
    ]  # fmt: skip
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        proxy = Mitmdump(process, folder, cloud)
        try:
            listening = re.search(r"listening at 127\.0\.0\.1:(\d+)", proxy.news("listening at", ".\n"))
            assert listening
            proxy.port = int(listening[1])
            yield proxy
        finally:
            process.terminate()
            process.wait(PATIENCE)
