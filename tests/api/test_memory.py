from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

import lmdecode
from lmdecode.codec.record import Record
from tests.capture.building import CAPTURES


@pytest.fixture(scope="module")
def records() -> list[Record]:
    opened = lmdecode.decode(CAPTURES / "gs3av-day.pcapng.zst", config=CAPTURES / "config.json")
    return list(islice(opened, 2000))


def test_an_image_of_a_capture_knows_whose_it_is(records: list[Record]) -> None:
    image = lmdecode.MemoryImage.from_records(records)
    assert (image.model, image.serial) == ("GS3 AV", "GS000000")


def test_a_saved_image_is_loaded_as_it_was(records: list[Record], tmp_path: Path) -> None:
    image = lmdecode.MemoryImage.from_records(records, source="a capture")
    image.save(tmp_path / "machine.json")
    again = lmdecode.MemoryImage.load(tmp_path / "machine.json")
    assert again.known == image.known
    assert (again.serial, again.model, again.source) == ("GS000000", "GS3 AV", "a capture")


@pytest.mark.skipif(os.name != "posix", reason="a system with other rights")
def test_an_image_with_secrets_is_its_owners_alone(records: list[Record], tmp_path: Path) -> None:
    image = lmdecode.MemoryImage.from_records(records)
    path = tmp_path / "machine.json"
    image.save(path)
    assert path.stat().st_mode & 0o044
    image.save(path, show_secrets=True)
    assert not path.stat().st_mode & 0o077
