"""The login itself: it ends in time, takes a bounded answer, and says in one line what broke on the way."""

from __future__ import annotations

import gzip
import json
import re
import socketserver
import threading
import time
from contextlib import contextmanager

import pytest

from lmdecode.cloud.findings import Secret
from tests.cloud.archives import KEY, LOGIN, TOKENS, fleet

pytest.importorskip("authlib", reason="lmdecode[login] is not installed")
pytest.importorskip("requests", reason="lmdecode[login] is not installed")

from lmdecode.cloud import login as module
from lmdecode.cloud.login import Credentials, LoginError, log_in

CREDENTIALS = Credentials(*(Secret(LOGIN[name]) for name in ("client_id", "client_secret", "username", "password")))


def take_all(connection):
    """Read a request to its end: a connection that is closed before is reset, and what was answered is lost."""
    seen = b""
    while b"\r\n\r\n" not in seen and not seen.startswith(b"\x16") and (piece := connection.recv(65536)):
        seen += piece
    head, _, body = seen.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]) and (piece := connection.recv(65536)):
        body += piece


@contextmanager
def answering(*pieces):
    """A server that sends these bytes to whoever asks, and waits where there is a number; its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            take_all(self.request)
            try:
                for piece in pieces:
                    if isinstance(piece, bytes):
                        self.request.sendall(piece)
                    else:
                        time.sleep(piece)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def http(body=b"", status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def said(*pieces):
    with answering(*pieces) as url, pytest.raises(LoginError) as error:
        log_in(CREDENTIALS, url)
    assert str(error.value).isprintable()
    assert "hush" not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return str(error.value)


ECHO = json.dumps({"error": "x", "error_description": LOGIN["password"], "client_secret": LOGIN["client_secret"]})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(b'{"error":"invalid_client"}', "400 Bad Request"), "are refused (invalid_client), not your password"),
        (http(b'{"error":"invalid_grant"}', "400 Bad Request"), "user name or password is wrong"),
        (http(ECHO.encode(), "400 Bad Request"), "does not say why"),
        (http(ECHO.encode()), "has no access token, so it is not used; try again later"),
        (http(b"<html>hush", "403 Forbidden"), "the cloud's firewall refused the login (403)"),
        (http(status="302 Found", headers="Location: http://portal.example/?hush\r\n"), "log-in page on this network"),
        (http(b"<html>Welcome"), "is a web page instead of JSON: is there a log-in page on this network?"),
        (http(), "the answer to the login is empty; try again later"),
        (http(b"{"), "is not JSON, or cut short; try again later"),
        (http(b'{"access_token":' + b"9" * 5000 + b"}"), "has no access token"),
        (http(b"[" * 100_000), "is not JSON"),
        (http(b"[5]"), "has no access token"),
        (
            http(gzip.compress(bytes(20 << 20), mtime=0), headers="Content-Encoding: gzip\r\n"),
            "unpacks to more than 4 MB",
        ),
        (http(b"x", headers="Content-Encoding: zstd\r\n"), "claims to be zstd, but is not"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(5 << 20), "has more than 4 MB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "broke off in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off in the middle of its answer"),
        (b"nonsense\r\n\r\n", "broke off the connection"),
        (b"", "broke off the connection"),
    ],
)
def test_each_failure_has_its_own_line(answer, words):
    assert words in said(answer)


def test_a_peer_that_is_slow_without_end(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.5)
    start = time.monotonic()
    assert "has not finished its answer within" in said(b"HTTP/1.1 200 OK\r\n", *[b"x", 0.1] * 40)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "it refuses connections"),
        ("https://no-such-host.invalid", "its name is not found"),
    ],
)
def test_a_cloud_that_cannot_be_reached(url, words):
    with pytest.raises(LoginError, match=words):
        log_in(CREDENTIALS, url)


def test_something_that_does_not_speak_tls():
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises(LoginError, match="does not speak TLS"):
        log_in(CREDENTIALS, url.replace("http:", "https:"))


def test_a_proxy_that_is_not_there(monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(LoginError, match="the proxy on the way"):
        log_in(CREDENTIALS, "https://cloud.invalid")


def test_an_answer_in_an_unusual_dress():
    answers = iter(
        [http(b")]}'\n" + json.dumps(TOKENS).encode()), http(b"\xef\xbb\xbf" + json.dumps(fleet()).encode())]
    )

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            take_all(self.request)
            self.request.sendall(next(answers))

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        found, problems = log_in(CREDENTIALS, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert problems == []
    assert found.keyed[0].key.reveal() == KEY
