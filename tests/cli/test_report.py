from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import Message
from tests.analysis.tape import Tape
from tests.capture.building import Talk, packets, pcap
from tests.cli.conftest import CAPTURES
from tests.codec.v1.samples import frame, with_check

DAY = CAPTURES / "gs3av-day.pcapng.zst"
KEY = json.loads((CAPTURES / "config.json").read_text())["key"]


@pytest.fixture
def run(command, config):
    def run(*arguments):
        return command("report", "--config", config, *arguments)

    return run


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_file_or_standard_output(run, command):
    capture = CAPTURES / "gs3av-settings.pcap"
    result = run(capture, "-o", "report.html", "--title", "Täglich & <mehr>")
    assert (result.returncode, result.stdout) == (0, "")
    page = (command.folder / "report.html").read_text(encoding="utf-8")
    assert run(capture, "-o", "-", "--title", "Täglich & <mehr>").stdout == page
    data = data_of(page)
    assert data["title"] == "Täglich & <mehr>"
    assert data["files"] == ["gs3av-settings.pcap"]
    assert len(data["messages"]["texts"]) == 94
    assert KEY not in page


def test_the_day_in_numbers(run):
    page = run(DAY, "-o", "-").stdout
    (machine,) = data_of(page)["machines"]
    assert machine["summary"]["coffees"] == 14
    assert machine["summary"]["on"][0][2] is True  # it was seen to be switched off
    assert 300_000 < machine["summary"]["ready"] < 600_000
    assert [band["label"] for band in machine["bands"]][:2] == ["app connected", "switched on"]
    assert len(machine["series"]["coffee_temp"]["times"]) > 1000
    register = next(row for row in machine["registers"] if row["name"] == "coffee_set_temp")
    assert (register["address"], register["value"]) == (7, "95.0 °C")


def test_an_empty_capture_has_a_report_that_says_so(run, command):
    (command.folder / "empty.pcap").write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes()[:24])
    result = run("empty.pcap", "-o", "report.html")
    assert result.returncode == 1
    assert "no TCP traffic at all" in result.stderr
    data = data_of((command.folder / "report.html").read_text())
    assert data["machines"] == []
    assert "no TCP traffic at all" in data["notices"][0]


def test_with_the_wrong_key_a_report_that_was_there_stays(command):
    (command.folder / "report.html").write_text("yesterday")
    error = command.fails("report", DAY, "--key", "0" * 32, "-o", "report.html")
    assert "wrong key?" in error
    assert (command.folder / "report.html").read_text() == "yesterday"


def test_a_capture_without_messages_leaves_the_report_that_was_there(run, command):
    """A connection that was only opened: nothing is wrong with that, and it would make an empty page."""
    (command.folder / "opened.pcap").write_bytes(pcap(packets(Talk().open().segments)))
    result = run("opened.pcap", "-o", "report.html")
    assert (result.returncode, (command.folder / "report.html").exists()) == (0, True)
    (command.folder / "report.html").write_text("yesterday")
    result = run("opened.pcap", "-o", "report.html")
    assert result.returncode == 1
    assert "there is no message in what was read, so report.html is left as it was" in result.stderr
    assert (command.folder / "report.html").read_text() == "yesterday"


def test_a_capture_that_is_cut_off_is_shown_and_complained_about(run, command):
    (command.folder / "cut.pcap").write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes()[:8000])
    result = run("cut.pcap", "-o", "report.html")
    data = data_of((command.folder / "report.html").read_text())
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(data["machines"]) == 1
    assert len(data["notices"]) == 1


def test_an_input_is_not_overwritten(command, config):
    capture = command.folder / "a.pcap"
    capture.write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes())
    assert "name another file" in command.fails("report", "--config", config, capture, "-o", capture)
    assert "is a folder" in command.fails("report", "--config", config, capture, "-o", command.folder)
    assert "cannot be written" in command.fails("report", "--config", config, capture, "-o", "no/where.html")


def test_no_secret_is_in_it():
    from lmdecode.render.report.data import ReportBuilder
    from lmdecode.render.report.page import render

    tape = Tape()
    tape.ask(Message(Kind.READ, 0x0100, 0x30))
    tape.ask(Message(Kind.READ, 0x0130, 0x20))
    analysis = ReportBuilder()
    for record in tape.records:
        analysis.add(record)
    page = render(analysis.as_data("t", [], [], empty=False), "t")
    for secret in (b"00000000-0000-4000", b"not-a-password"):
        assert secret.decode() not in page
        assert secret.hex() not in page.lower()
    assert "******" in page


def test_several_captures_are_one_story(run):
    captures = [CAPTURES / "gs3mp-standby.pcapng", CAPTURES / "gs3av-settings.pcap"]  # the later one first
    data = data_of(run(*captures, "-o", "-").stdout)
    assert data == data_of(run(*captures[::-1], "-o", "-").stdout) | {"files": data["files"]}
    assert data["machines"][0]["connections"] == ["gs3av-settings.pcap 0", "gs3mp-standby.pcapng 0"]
    assert {head[0] for head in data["messages"]["heads"]} == {"gs3av-settings.pcap 0", "gs3mp-standby.pcapng 0"}
    assert {(write["stream"], write["ok"]) for write in data["machines"][0]["writes"]} == {
        ("gs3av-settings.pcap 0", True)
    }
    assert all(step >= 0 for step in data["messages"]["times"])


@given(
    said=st.lists(
        st.tuples(
            st.sampled_from(["app", "machine"]),
            st.sampled_from("RWZ"),
            st.integers(0, 0xFFFF) | st.sampled_from([0x6000, 0x4000, 0x0000, 0x0020, 0x0111]),
            st.binary(max_size=40),
            st.integers(-(2**40), 2**40),
        ),
        max_size=20,
    )
)
def test_whatever_is_said_there_is_a_report(said) -> None:
    from lmdecode.render.report.data import ReportBuilder
    from lmdecode.render.report.page import render

    tape, analysis = Tape(), ReportBuilder()
    for sender, kind, address, data, step in said:
        tape.seconds += step / 1e9
        tape.hear(sender, frame(with_check(f"{kind}{address:04X}{len(data):04X}{data.hex().upper()}")))
    for record in tape.records:
        analysis.add(record)
    page = data_of(render(analysis.as_data("t", [], [], empty=False), "t"))
    assert len(page["messages"]["texts"]) == len(said)
    for machine in page["machines"]:
        assert all(start <= end for band in machine["bands"] for start, end in band["intervals"])


def test_a_page_without_a_name(run):
    result = run(DAY)
    assert result.returncode == 2
    assert result.stderr == (
        "lmdecode: no name for the page: add --output report.html, or --output - for standard output\n"
    )
