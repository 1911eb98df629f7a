"""The content of a capture, whether it grew, and whether somebody is still writing it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import time

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.dataset.identity import YOUNG_NS, Copy, Hash, Piece, Unsettled, content_of, is_young, local_copy
from lmdecode.app.dataset.places import local_file
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.capture.source import CaptureError
from tests.capture.building import packets, pcap, talk

OLD_S = 1_700_000_000
"""A time long ago, in seconds since 1970."""


def written(path, data, when_s=OLD_S):
    """A file as it is listed."""
    path.write_bytes(data)
    os.utime(path, (when_s, when_s))
    return local_file(str(path), path.name, path.stat())


def content(*files):
    with local_copy(Unit(files)) as copy:
        return copy.content


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_compressed_capture_is_the_same_capture(tmp_path, pack):
    data = pcap(packets(talk().segments))
    plain, packed = written(tmp_path / "x.pcap", data), written(tmp_path / "x.pcap.gz", pack(data))
    with local_copy(Unit((packed,))) as copy:
        assert copy.pieces == (Piece("x.pcap.gz", content(plain), len(data)),)
    assert content(written(tmp_path / "twice", pack(pack(data)))) == content(plain)


def test_a_compressed_capture_that_is_damaged_is_what_its_bytes_are(tmp_path):
    data = gzip.compress(bytes(100_000))
    half = content(written(tmp_path / "half.gz", data[: len(data) // 2]))
    hashed = Hash()
    hashed.update(data[: len(data) // 2])
    assert half == hashed.content != content(written(tmp_path / "x.gz", data))


@given(st.binary(max_size=3000), st.binary(max_size=3000), st.integers(1, 700))
def test_the_content_of_a_beginning_is_that_of_the_earlier_state(first, more, step):
    earlier, later = Hash(), Hash([len(first), len(first + more) + 1])
    earlier.update(first)
    whole = first + more
    for start in range(0, len(whole), step):
        later.update(whole[start : start + step])
    if whole:
        assert later.at == {len(first): earlier.content}
    assert later.length == len(whole)
    assert (later.content == earlier.content) == (not more)


def pieces_of(*contents):
    """A unit of files with these contents, without the files."""
    unit = Unit(tuple(File(f"/{number}", str(number), len(each)) for number, each in enumerate(contents)))
    return lambda lengths: Copy(unit, [], [_hash(each, lengths) for each in contents])


def _hash(data, lengths=()):
    hashed = Hash(lengths)
    hashed.update(data)
    return hashed


texts = st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=4)


@given(texts, texts)
def test_a_unit_is_what_is_in_its_pieces(before, after):
    earlier, later = pieces_of(*before)(()), pieces_of(*after)([len(before[-1])])
    assert (content_of([each.content for each in later.pieces]) == earlier.content) == (before == after)
    grown = [number for number, text in enumerate(after) if text != before[-1] and text.startswith(before[-1])]
    assert later.begun_by(earlier.pieces[-1]) == (grown[0] if grown else None)


@given(st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50))
def test_a_state_grows_into_a_longer_one_and_never_back(first, more):
    earlier, later = pieces_of(first)([len(first + more)]), pieces_of(first + more)([len(first)])
    assert later.begun_by(earlier.pieces[0]) == 0
    assert earlier.begun_by(later.pieces[0]) is None
    assert later.begun_by(later.pieces[0]) is None


def test_a_file_that_changed_since_it_was_listed_is_left(tmp_path):
    file = written(tmp_path / "x.pcap", b"one")
    written(tmp_path / "x.pcap", b"three")
    with pytest.raises(Unsettled, match="had 3 bytes, and has 5 now"), local_copy(Unit((file,))):
        pass
    written(tmp_path / "x.pcap", b"two", OLD_S + 1)
    with pytest.raises(Unsettled, match="changed while it was read"), local_copy(Unit((file,))):
        pass


def test_a_file_that_changes_while_it_is_decoded_is_left(tmp_path):
    file = written(tmp_path / "x.pcap", b"one")
    with local_copy(Unit((file,))) as copy:
        copy.check(cut=True)  # long ago: nobody will write the rest of the packet
        written(tmp_path / "x.pcap", b"one more")
        with pytest.raises(Unsettled, match="still being written"):
            copy.check(cut=False)
        (tmp_path / "x.pcap").unlink()
        with pytest.raises(Unsettled, match="not there any more"):
            copy.check(cut=False)


def test_a_young_file_is_left_only_if_it_ends_in_the_middle_of_a_packet(tmp_path):
    file = written(tmp_path / "x.pcap", b"one", time.time())
    with local_copy(Unit((file,))) as copy:
        copy.check(cut=False)
        with pytest.raises(Unsettled, match="ends in the middle of a packet"):
            copy.check(cut=True)


def test_an_empty_file_is_left_while_it_is_young(tmp_path):
    with pytest.raises(Unsettled, match="still empty"), local_copy(Unit((written(tmp_path / "x", b"", time.time()),))):
        pass
    assert content(written(tmp_path / "x", b""))


def test_a_clock_that_is_a_little_ahead_makes_no_difference():
    now = time.time_ns()
    assert is_young(File("/x", "x", 1, "", now + YOUNG_NS // 2))
    assert not is_young(File("/x", "x", 1, "", now + 2 * YOUNG_NS))
    assert not is_young(File("s3://x", "x", 1))


def test_a_file_that_is_gone_or_may_not_be_read_is_no_capture(tmp_path):
    file = written(tmp_path / "x.pcap", b"one")
    (tmp_path / "x.pcap").unlink()
    with pytest.raises(CaptureError, match=r"^x\.pcap is not there any more"), local_copy(Unit((file,))):
        pass


def test_what_is_said_of_a_path_is_said_of_the_name(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(b"one")
    file = local_file(str(path), "kitchen/x.pcap", path.stat())
    with local_copy(Unit((file,))) as copy:
        assert copy.paths == (path,)
        assert copy.told(f"{path}: damaged") == "kitchen/x.pcap: damaged"
