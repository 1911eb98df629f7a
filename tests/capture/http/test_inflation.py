"""Bodies without their compression, and those that unpack to far more than they should."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from contextlib import suppress

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.http.inflation import LARGEST, UnreadableError, bodies_of_a_file, inflate


def raw_deflate(body: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(body) + machine.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": raw_deflate,
    "br": lambda body: brotli.compress(body, quality=5),
    "zstd": zstandard.ZstdCompressor().compress,
}


@given(st.binary(max_size=300).filter(bool), st.lists(st.sampled_from([*PACKERS]), max_size=4))
def test_any_body_packed_in_any_way(body, codings):
    packed = body
    for coding in codings:
        packed = PACKERS[coding](packed)
    header = ", ".join(coding.upper().replace("RAW", "deflate") for coding in codings)
    assert inflate(packed, header) == body


@given(st.binary(max_size=80), st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip", "x", "identity", ",,"]))
def test_any_bytes_are_unpacked_or_refused(body, codings):
    try:
        assert len(inflate(body, codings)) <= LARGEST
    except UnreadableError:
        return


@pytest.mark.parametrize("coding", [*PACKERS])
@given(body=st.binary(min_size=20, max_size=60), cut=st.integers(1, 6))
def test_what_is_cut_short_is_refused(coding, body, cut):
    with pytest.raises(UnreadableError):
        inflate(PACKERS[coding](body)[:-cut] or b"x", coding.replace("raw", "deflate"))


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
@pytest.mark.parametrize("coding", [*PACKERS, ""])
def test_the_limit(coding, size):
    packed = PACKERS[coding](bytes(size)) if coding else bytes(size)
    header = coding.replace("raw", "deflate")
    if size == LARGEST:
        assert len(inflate(packed, header)) == size
    else:
        with pytest.raises(UnreadableError, match="more than 4 MB"):
            inflate(packed, header)


def test_many_codings_are_refused_and_take_no_time():
    with pytest.raises(UnreadableError, match="more often than anybody"):
        inflate(b"x", "gzip," * 100_000)


BOMB = """
import resource, sys
{packer}
from lmdecode.capture.http.inflation import UnreadableError, inflate
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    inflate(packed, {coding!r})
    print("unpacked")
except UnreadableError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
PACKED = {
    "br": "import brotli; m = brotli.Compressor(quality=5); "
    "packed = b''.join(m.process(bytes(1 << 20)) for _ in range(300)) + m.finish()",
    "gzip": "import zlib; m = zlib.compressobj(1, wbits=31); "
    "packed = b''.join(m.compress(bytes(1 << 20)) for _ in range(300)) + m.flush()",
    "zstd": "import zstandard; m = zstandard.ZstdCompressor().compressobj(); "
    "packed = b''.join(m.compress(bytes(1 << 20)) for _ in range(300)) + m.flush()",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say what a process had at most")
@pytest.mark.parametrize("coding", PACKED)
def test_a_bomb_takes_a_bounded_memory(coding):
    program = BOMB.format(packer=PACKED[coding], coding=coding)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    said, megabytes = ran.stdout.splitlines()
    assert said == f"is {coding} that unpacks to more than 4 MB"
    assert int(megabytes) < 60  # of 300


@pytest.mark.parametrize("coding", [*PACKERS])
def test_all_bodies_of_a_file_together_have_a_limit(coding):
    packed = PACKERS[coding](bytes(LARGEST))
    header = coding.replace("raw", "deflate")
    with bodies_of_a_file(0):
        for _ in range(4):
            assert len(inflate(packed, header)) == LARGEST
        for _ in range(16):
            with suppress(UnreadableError):
                inflate(packed, header)
        with pytest.raises(UnreadableError, match="left packed"):
            inflate(packed, header)
    with bodies_of_a_file(0):
        assert len(inflate(packed, header)) == LARGEST
    assert len(inflate(packed, header)) == LARGEST


def test_bodies_that_are_not_packed_have_no_limit_together():
    with bodies_of_a_file(0):
        for _ in range(20):
            inflate(bytes(LARGEST), "identity")
            with pytest.raises(UnreadableError, match="claims to be gzip"):
                inflate(b"{}", "gzip")
