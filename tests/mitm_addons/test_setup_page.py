"""The page for the phone, among clients that want nothing of it but its resources."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.mitm import setup_page
from lmdecode.mitm.setup_page import CERTIFICATE_FILE, SetupPage


async def answer(port, request, *, ends=True):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if ends:
        writer.write_eof()
    got = await reader.read()
    writer.close()
    return got


def served(folder, talk):
    """What a talk with a page gives."""

    async def run():
        page = SetupPage(("192.168.1.7", 8080), folder)
        port = await page.start("127.0.0.1", 0)
        try:
            return await talk(page, port)
        finally:
            page.stop()

    return asyncio.run(run())


def test_the_page_and_the_certificate(tmp_path):
    async def talk(_, port):
        return [
            await answer(port, f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), ends=False)
            for line in ("GET /", "GET /lmdecode.cer", "GET /../secret", "POST /", "HEAD /")
        ]

    (tmp_path / CERTIFICATE_FILE).write_bytes(b"the certificate")
    page, certificate, nothing, post, head = served(tmp_path, talk)
    assert page.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server <code>192.168.1.7</code>, port <code>8080</code>" in page
    assert certificate.endswith(b"\r\n\r\nthe certificate")
    assert nothing.startswith(b"HTTP/1.1 404 ")
    assert post.startswith(b"HTTP/1.1 405 ")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"\r\n\r\n")


def test_many_that_never_finish_keep_nobody_out(tmp_path):
    async def talk(page, port):
        held = []
        for _ in range(200):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HT")
            held.append(writer)
        got = await asyncio.wait_for(answer(port, b"GET / HTTP/1.0\r\n\r\n"), 5)
        kept = len(page._open)
        for writer in held:
            writer.transport.abort()
        return got, kept

    got, kept = served(tmp_path, talk)
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert kept <= setup_page._MOST


def test_a_request_has_little_time_and_little_room(tmp_path, monkeypatch):
    monkeypatch.setattr(setup_page, "_PATIENCE", 0.1)

    async def talk(page, port):
        slow = await asyncio.wait_for(asyncio.gather(answer(port, b"GET", ends=False), return_exceptions=True), 5)
        long = await asyncio.gather(answer(port, b"GET /" + b"x" * 100_000), return_exceptions=True)
        await asyncio.sleep(0.05)
        return slow + long, len(page._open)

    answers, left = served(tmp_path, talk)
    assert all(each == b"" or isinstance(each, ConnectionError) for each in answers)
    assert left == 0


@given(request=st.binary(max_size=60))
def test_any_request_gets_an_answer(request):
    page = SetupPage(("192.168.1.7", 8080), setup_page.Path("nowhere"))
    assert page._answer(request + b"\r\n\r\n").startswith(b"HTTP/1.1 ")
