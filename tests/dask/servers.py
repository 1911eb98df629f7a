"""Real servers on free ports of this computer: a bucket, SFTP, web pages, and a scheduler of Dask with its workers."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PATIENCE = 30.0  # s for a server to start, on a computer that does much else
_SSHD = Path("/usr/sbin/sshd")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def bucket_server() -> Iterator[str]:
    """Runs an S3 server. Yields its URL; what is put into it is in memory."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Shows a folder as web pages. Yields its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def sftp_server(home: Path) -> Iterator[str]:
    """Runs OpenSSH's server for the user who runs the tests. Yields the URL of its root.

    Args:
        home: An empty folder, which gets the keys; whoever has it as HOME is let in.
    """
    assert _SSHD.exists(), f"there is no {_SSHD}: install Debian's openssh-server, as .ci/run does"
    keys = home / ".ssh"
    keys.mkdir(parents=True, mode=0o700)
    for key in (keys / "id_ed25519", home / "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (keys / "authorized_keys").write_bytes((keys / "id_ed25519.pub").read_bytes())
    port = free_port()
    (home / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {home / 'host_key'}\nAuthorizedKeysFile {keys / 'authorized_keys'}\n"
        "StrictModes no\nUsePAM no\nPidFile none\nSubsystem sftp internal-sftp\n"
    )
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {(home / 'host_key.pub').read_text()}")
    if os.geteuid() == 0:  # where the service has never run
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([_SSHD, "-D", "-e", "-f", home / "sshd_config"], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"sftp://{getpass.getuser()}@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def scheduler(port: int, folder: Path, workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Runs a scheduler of Dask and workers. Yields their processes, the scheduler first; the logs go to a folder."""
    folder.mkdir()
    address = f"tcp://127.0.0.1:{port}"
    options = ["--no-dashboard", "--local-directory", str(folder)]
    commands = [
        ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        *[["dask_worker", address, "--nthreads", "1", "--no-nanny", "--death-timeout", "20", *options]] * workers,
    ]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, (module, *arguments) in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
                running.append(subprocess.Popen(command, stdout=log, stderr=log))
        _wait_for(port)
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing answers on port {port}"
            time.sleep(0.05)
        else:
            return
