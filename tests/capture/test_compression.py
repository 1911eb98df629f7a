"""Captures in every compression, whole and cut off."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest
import zstandard

from lmdecode.capture import CaptureError
from tests.capture.building import CAPTURES, decode

COMPRESS = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
NAMES = ["gs3av-settings.pcap", "gs3mp-standby.pcapng", "gs3av-settings.tshark.json"]


@pytest.mark.parametrize("how", COMPRESS)
@pytest.mark.parametrize("name", NAMES)
def test_compressed_it_says_the_same(tmp_path, how, name):
    data = (CAPTURES / name).read_bytes()
    plain = decode(tmp_path / "plain", data)
    compressed = decode(tmp_path / "compressed.misleading.pcap", COMPRESS[how](data))
    assert len(plain[0]) in {46, 94}
    assert compressed[0] == plain[0]
    assert (compressed[1].packets, compressed[1].warnings) == (plain[1].packets, [])


@pytest.mark.parametrize("how", ["gzip", "bzip2", "xz", "zstd"])
def test_two_compressed_files_in_a_row_are_one(tmp_path, how):
    data = (CAPTURES / NAMES[0]).read_bytes()
    records, statistics, _ = decode(tmp_path / "x", COMPRESS[how](data[:5000]) + COMPRESS[how](data[5000:]))
    assert len(records) == 94
    assert statistics.warnings == []


@pytest.mark.parametrize("how", ["gzip", "xz", "zstd"])
def test_cut_off_anywhere_what_is_there_is_decoded_and_the_rest_is_told(tmp_path, how):
    data = (CAPTURES / NAMES[0]).read_bytes()
    whole = decode(tmp_path / "whole", data)[0]
    compressed = COMPRESS[how](data)
    found = set()
    for size in range(1, len(compressed), max(1, len(compressed) // 60)):
        try:
            records, statistics, _ = decode(tmp_path / "cut", compressed[:size])
        except CaptureError:
            continue
        assert records == whole[: len(records)]
        assert len(statistics.warnings) == 1 or len(records) == 94
        found.add(len(records))
    # zstd makes one block of so small a capture, and gives nothing of a block that is not whole.
    assert how == "zstd" or (max(found) > 40 and len(found) > 10)


@pytest.mark.parametrize("how", COMPRESS)
def test_damage_is_told_and_never_a_traceback(tmp_path, how):
    data = (CAPTURES / NAMES[0]).read_bytes()
    compressed = bytearray(COMPRESS[how](data))
    told = 0
    for position in range(12, len(compressed), len(compressed) // 40):
        damaged = bytearray(compressed)
        damaged[position] ^= 0xFF
        try:
            records, statistics, tally = decode(tmp_path / "damaged", bytes(damaged))
        except CaptureError:
            told += 1
            continue
        told += bool(statistics.warnings or tally.problems or len(records) != 94)
    assert told > 30


def xz_with_window(data, size):
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": size, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "depth": 1}]
    return lzma.compress(data, filters=filters)


def zstd_with_window(data, size):
    parameters = zstandard.ZstdCompressionParameters(window_log=size.bit_length() - 1, compression_level=1)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(data) + compressor.flush()  # as a stream: the window is not made as small as the data


@pytest.mark.parametrize("compress", [xz_with_window, zstd_with_window])
def test_a_window_has_a_limit(tmp_path, compress):
    """What `xz -9` and `zstd --long` ask for is given; gigabytes are not, whatever the file is."""
    data = (CAPTURES / NAMES[0]).read_bytes()
    assert len(decode(tmp_path / "large", compress(data, 64 << 20))[0]) == 94
    with pytest.raises(CaptureError, match="more than 128 MB to be unpacked; unpack them first"):
        decode(tmp_path / "huge", compress(data, 512 << 20))


def test_xz_padding_and_many_streams(tmp_path):
    data = (CAPTURES / NAMES[0]).read_bytes()
    pieces = [lzma.compress(data[start : start + 999]) + bytes(8) for start in range(0, len(data), 999)]
    records, statistics, _ = decode(tmp_path / "x", b"".join(pieces))
    assert len(records) == 94
    assert statistics.warnings == []
