"""The samples of the newer generations, however they come, into every output, without a key and without a secret."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from typer.testing import CliRunner

from lmdecode.capture.formats.pcapng import read_pcapng
from lmdecode.capture.source import CaptureStatistics
from lmdecode.cli.app import make_app

ROOT = Path(__file__).parents[1]
CAPTURES = ROOT / "captures"
SAMPLES = {
    "v3-morning.pcap": {"v3"},
    "lion-morning.flow": {"lion"},
    "lion-morning.har": {"lion"},
    "bluetooth-morning.btsnoop": {"bluetooth"},
    "homeassistant.log": {"lion", "bluetooth"},
}
"""Each with the generations that speak in it."""
WRAPPINGS = {
    "as it is": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
}


def run(*arguments: object, code: int = 0) -> str:
    """What a command prints on both streams; it must end as it should."""
    words = [str(each) for each in arguments]
    result = CliRunner().invoke(make_app(words), words)
    assert result.exit_code == code, (words, result.output, result.exception)
    return result.output


def secrets_in(sample: bytes) -> set[bytes]:
    """What in a sample must never be shown: it is made up, but of the shape of real ones."""
    patterns = (
        rb"\b[0-9a-f]{64}\b",
        rb"Bearer ([\w.~+/=-]{16,})",
        rb"[\w.]+@example\.com",
        rb"(?:wifiSsid|password|accessToken|refreshToken|bleAuthToken)[\\\"': ]+([\w .~+/=-]{8,})",
    )
    found = {each for pattern in patterns for each in re.findall(pattern, sample)}
    return found | {half for half in (_BLE_TOKEN, _BLE_TOKEN[:16]) if half in sample}


_BLE_TOKEN = (
    b"15d970344342cf50f3f136b3f341036edc44653f26681a99a903509225ed7eae"  # a recording of Bluetooth has it in pieces
)


@pytest.fixture(scope="module", autouse=True)
def no_key(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """No key is anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        for name in ("LMDECODE_KEY", "LMDECODE_CONFIG"):
            patch.delenv(name, raising=False)
        for name in ("HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder))
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The lines of each sample: the rest is compared with them."""
    folder = tmp_path_factory.mktemp("decoded")
    found = {}
    for name in SAMPLES:
        run("decode", CAPTURES / name, "--format", "jsonl", "--output", folder / "out")
        found[name] = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_whole(name: str, decoded: dict[str, list[dict[str, Any]]]) -> None:
    lines = decoded[name]
    assert {line["generation"] for line in lines} == SAMPLES[name]
    assert len(lines) > 20
    assert any(line["fields"] for line in lines)
    assert all(line["subject"] for line in lines if not line["problems"])
    times = [line["time"] for line in lines]
    assert times == sorted(times)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_says_the_same_however_it_comes(
    name: str, wrapping: str, decoded: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    source = tmp_path / "a name that says nothing"
    source.write_bytes(WRAPPINGS[wrapping]((CAPTURES / name).read_bytes()))
    run("decode", source, "--format", "jsonl", "--output", tmp_path / "out")
    assert [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()] == decoded[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_comes_through_a_pipe(name: str, decoded: dict[str, list[dict[str, Any]]]) -> None:
    command = [sys.executable, "-m", "lmdecode", "decode", "-", "--format", "jsonl"]
    result = subprocess.run(command, input=(CAPTURES / name).read_bytes(), capture_output=True, check=True)
    assert [json.loads(line) for line in result.stdout.splitlines()] == decoded[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_output_says_what_jsonl_says(name: str, decoded: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    lines, output = decoded[name], tmp_path / "out"
    run("decode", CAPTURES / name, "--format", "csv", "--output", output)
    rows = list(csv.DictReader(output.read_text().splitlines(keepends=True)))
    assert [row["subject"] for row in rows] == [line.get("subject", "") for line in lines]
    assert [json.loads(row["extra"] or "{}") for row in rows] == [line.get("extra", {}) for line in lines]
    for row, line in zip(rows, lines, strict=True):
        for field, value in line["fields"].items():
            shown = (
                str(value).lower() if isinstance(value, bool) else " ".join(value) if isinstance(value, list) else value
            )
            assert row[field] == str(shown)

    run("decode", CAPTURES / name, "--format", "parquet", "--output", output)
    table = pq.read_table(output).to_pylist()
    assert [row["generation"] for row in table] == [line["generation"] for line in lines]
    for row, line in zip(table, lines, strict=True):
        assert {field: row[field] for field in line["fields"]} == line["fields"]

    run("decode", CAPTURES / name, "--format", "table", "--output", output)
    text = output.read_text()
    for line in lines:
        for field in line["fields"]:
            assert field in text or field.endswith(("_on_time", "_off_time"))

    run("decode", CAPTURES / name, "--format", "exported-pdu", "--output", output)
    with output.open("rb") as file:
        assert len(list(chain.from_iterable(read_pcapng(file, CaptureStatistics())))) == len(lines)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "command", [["identify"], ["shots"], ["report"], ["changes"], ["unknowns"]], ids=lambda words: words[0]
)
def test_every_command_over_captures_takes_it_and_shows_no_secret(
    name: str, command: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    said = run(*command, CAPTURES / name, "--output", output).encode() + output.read_bytes()
    found = secrets_in((CAPTURES / name).read_bytes())
    assert found
    for secret in found:
        assert secret not in said


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("format_name", ["jsonl", "csv", "csv-safe", "table", "exported-pdu", "parquet"])
def test_no_output_has_a_secret_unless_it_is_asked_for(name: str, format_name: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    found = secrets_in((CAPTURES / name).read_bytes())
    said = run("decode", CAPTURES / name, "--format", format_name, "--output", output).encode() + output.read_bytes()
    assert [secret for secret in found if secret in said] == []
    if format_name == "jsonl" and name != "v3-morning.pcap":  # its only secret is a header, which no record has
        run("decode", CAPTURES / name, "--format", format_name, "--output", output, "--show-secrets")
        assert any(secret in output.read_bytes() for secret in found)


def test_generations_are_one_story_in_the_order_of_time(tmp_path: Path) -> None:
    v1 = CAPTURES / "gs3av-settings.pcap"
    names = [CAPTURES / name for name in SAMPLES]
    key = json.loads((CAPTURES / "config.json").read_text())["key"]
    run("decode", v1, *names, "--order", "time", "--key", key, "--format", "jsonl", "--output", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert {line.get("generation", "v1") for line in lines} == {"v1", *chain(*SAMPLES.values())}
    times = [line["time"] for line in lines]
    assert times == sorted(times)


def test_without_a_key_v1_alone_is_missed(tmp_path: Path) -> None:
    said = run("decode", CAPTURES / "gs3av-settings.pcap", "--output", tmp_path / "out", code=2)
    assert "no key" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith(".pcap")])
def test_annotated_packets_are_read_by_tshark(name: str, tmp_path: Path) -> None:
    output = tmp_path / "annotated.pcapng"
    run("decode", CAPTURES / name, "--format", "pcapng", "--output", output)
    command = ["tshark", "-r", str(output), "-T", "fields", "-e", "frame.comment"]
    comments = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "coffee_temp" in comments


@pytest.mark.parametrize("name", SAMPLES)
def test_a_copy_to_be_posted_says_the_same_of_another_machine(
    name: str, decoded: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    run("redact", CAPTURES / name, copy)
    run("decode", copy, "--format", "jsonl", "--show-secrets", "--output", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]

    def essence(line: dict[str, Any]) -> tuple[object, ...]:
        values = {field: value for field, value in line["fields"].items() if not isinstance(value, str)}
        return line["time"], line["sender"], line["role"], line["generation"], values

    def is_told(line: dict[str, Any]) -> bool:
        """Whether a copy has it: one of a log lacks the library's own words, which say what a command was to do."""
        return bool(essence(line)[-1]) and not (name == "homeassistant.log" and line["role"] == "request")

    assert [*map(essence, filter(is_told, lines))] == [*map(essence, filter(is_told, decoded[name]))]
    for secret in secrets_in((CAPTURES / name).read_bytes()) | {b"MR012345"}:
        assert secret not in copy.read_bytes()
        assert secret not in (tmp_path / "out").read_bytes()
