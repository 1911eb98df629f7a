"""The memory of 64 KiB, its images, and what Records tell of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.memory_history import memory_of
from lmdecode.app.files import load_image
from lmdecode.capture import decode_capture
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.image import MemoryImage, MemoryImageError, image_text, parse_image
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory import Answer, Memory, NamedMemory, Region
from lmdecode.simulator.machine import default_memory

CAPTURES = Path(__file__).parents[3] / "captures"


@st.composite
def memories(draw):
    memory = Memory()
    for address, data in draw(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=100)))):
        memory.write(address, data[: 0x10000 - address])
    for address, length, answer in draw(
        st.lists(st.tuples(st.integers(0, 0xFF00), st.integers(1, 256), st.sampled_from(Answer)), max_size=3)
    ):
        memory.mark(Region(address, length, answer))
    return memory


@given(memories(), st.sampled_from([None, "GS3 MP"]), st.none() | st.text(), st.none() | st.text())
def test_an_image_says_all_that_is_known(memory, model, source, serial):
    image = parse_image(image_text(MemoryImage(memory, model, None, source, serial), show_secrets=True))
    assert image == MemoryImage(memory, model, None, source, serial)


@given(memories())
def test_the_cloud_account_stays_out_of_images(memory):
    memory.write(0x0100, bytes(range(0x60)))
    found = parse_image(image_text(MemoryImage(memory))).memory
    memory.forget(0x0111, 0x3F)
    assert found == memory


@given(memories(), memories())
def test_of_two_memories_the_upper_one_counts(lower, upper):
    upper_bytes = dict(upper.runs())
    lower.overlay(upper)
    for address, data in upper_bytes.items():
        assert lower.read(address, len(data)) == data
    assert set(upper.regions) <= set(lower.regions)
    for region in lower.regions:
        assert not any(lower.knows(address) for address in range(region.address, region.end))


def test_unknown_bytes_are_not_read():
    memory = Memory()
    memory.write(0xFFFF, b"\x01")
    assert memory.read(0xFFFF, 1) == b"\x01"
    assert memory.read(0xFFFE, 2) is memory.read(0xFFFF, 2) is memory.read(-1, 1) is None
    with pytest.raises(ValueError, match="past the end"):
        memory.write(0xFFFF, b"12")


def _image(**changes):
    entries = {"format": "lmdecode-memory", "version": 1, "ranges": [{"address": "0x4000", "data": "0102"}]}
    return json.dumps({name: value for name, value in (entries | changes).items() if value is not None})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", 'does not say "format"'),
        (_image(format="other"), 'does not say "format"'),
        (_image(version=2), "version 2, and this lmdecode reads version 1"),
        (_image(version=True), "version true"),
        (_image(model="GS4"), "not one of GS3 AV"),
        (_image(made=1), '"made" is not text'),
        (_image(ranges=None), '"ranges" is not a list'),
        (_image(ranges=[1]), "range 1 is not an object"),
        (_image(ranges=[{"address": 16384, "data": ""}]), 'the "address" of range 1'),
        (_image(ranges=[{"address": "0x4000", "data": "0"}]), 'the "data" of range 1 is not hex'),
        (_image(ranges=[{"address": "0xFFFF", "data": "0000"}]), "range 1 runs past the end"),
        (
            _image(ranges=[{"address": "0x4000", "data": "01"}, {"address": "0x4000", "data": "02"}]),
            "range 2 says 02 at 0x4000, a range before it 01",
        ),
        (_image(regions=[{"address": "0x4001", "length": 1, "answer": "echo"}]), "region 1 has bytes"),
        (_image(regions=[{"address": "0x5000", "length": 0, "answer": "echo"}]), 'the "length" of region 1'),
        (_image(regions=[{"address": "0x5000", "length": 1, "answer": "no"}]), 'the "answer" of region 1'),
        (_image(regions=[{"address": "0x5000", "length": 2, "answer": "echo"}] * 2), "region 2 overlaps"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(text, reason, tmp_path):
    path = tmp_path / "image.json"
    path.write_text(text)
    with pytest.raises(MemoryImageError) as error:
        load_image(path)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))
)
def test_no_json_makes_it_crash(value):
    for entries in (value, {"format": "lmdecode-memory", "version": 1, "ranges": value, "regions": value}):
        try:
            parse_image(json.dumps(entries))
        except MemoryImageError:
            continue


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name, reason in (("none", "there is no file"), (".", "is a folder"), ("bytes", "not UTF-8"), ("a\0b", "read")):
        with pytest.raises(MemoryImageError, match=reason):
            load_image(tmp_path / name)


def test_a_capture_tells_of_the_memory():
    decoder = FrameDecoder(Key.parse("12345678901234567890123456789012"))
    registers = NamedMemory(memory_of(decode_capture(CAPTURES / "gs3av-settings.pcap", speakers_with(decoder))))
    assert registers.get("firmware_ver") == "1.40"
    assert registers.get("dose_k2") == 121  # it was written, and taken
    assert registers.get("machine_name") is None


@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_the_memory_of_each_model_is_made_of_values(model):
    registers = NamedMemory(default_memory(model))
    for name in ("clock", "coffee_temp", "machine_ser_num", "module_ser_num", "machine_name", "auto_bitfield"):
        assert registers.get(name) not in (None, "")
