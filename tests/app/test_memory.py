"""The questions to a memory, as a program asks them: typed answers, nothing printed."""

from __future__ import annotations

import pytest

from lmdecode.app.asked import Asked
from lmdecode.app.captures import Captures
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.identify import check_keys, identify
from lmdecode.app.memory import compare, list_changes, unknowns_of, view
from lmdecode.app.memory_sources import MemorySources
from lmdecode.app.report import make_report
from lmdecode.codec.v1.image import parse_image
from tests.cli.conftest import CAPTURES, KEY

AV = CAPTURES / "gs3av-settings.pcap"
SETTINGS = Asked((KEY,))


@pytest.fixture(scope="module")
def source():
    return MemorySources(SETTINGS).one_capture([AV])


def test_a_view_is_an_image_and_bytes(source):
    shown = view(source, at="+5s", addresses=range(0x401C, 0x4020))
    assert shown.title.startswith("192.168.1.215, GS3 AV, firmware ")
    image = parse_image(shown.as_image(show_secrets=False))
    ((address, data),) = image.memory.runs()
    assert (address, data) == (0x401C, shown.as_bytes(fill=0xEE, show_secrets=False))
    assert len(view(source, at=None, addresses=None).as_bytes(fill=0xEE, show_secrets=False)) == 0x10000
    with pytest.raises(UsageError, match="--at 'noon': a time"):
        view(source, at="noon", addresses=None)


def test_changes_are_grouped_and_counted(source):
    found = list_changes(source, fields=["dose_k2"])
    assert [(run.first.old, run.first.new) for run in found.runs] == [(b"\0\x76", b"\0\x79")]
    assert found.summary == [f"{source.who}: 1 change"]
    everything = list_changes(source, everything=True)
    assert len(everything.runs) == everything.count
    assert not everything.left_out
    assert all(
        0x4000 <= run.first.place.address < 0x4100 for run in list_changes(source, addresses=range(0x4000, 0x4100)).runs
    )


def test_two_moments_and_two_memories(source):
    whole = compare([source], from_=None, to=None, addresses=None)
    assert any(each.place.name == "dose_k2" for each in whole.found.changed)
    assert whole.summary.startswith(f"{len(whole.found.changed)} differences in ")
    same = compare([source, source], from_=None, to=None, addresses=range(0x4000, 0x4023))
    assert not same.found.changed
    assert "0 differences" in same.summary
    with pytest.raises(UsageError, match=r"--to \+2s is before --from \+5s"):
        compare([source], from_="+5s", to="+2s", addresses=None)


def test_unknown_bytes_of_a_machine(source):
    (found,) = unknowns_of([source], addresses=range(0x4000, 0x4100), within=5.0, fewest=5)
    assert (found.machine, found.model, found.captures) == ("192.168.1.215", "GS3 AV", (str(AV),))
    assert all(0x4000 <= each.address < 0x4100 for each in found.unknowns.bytes)
    with pytest.raises(CommandError, match="would count twice"):
        unknowns_of([source, source], addresses=None, within=5.0, fewest=5)


def test_what_is_wrong_with_a_capture_is_collected(tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(AV.read_bytes()[:-1500])
    positions = []

    class Bar:
        def __enter__(self):
            return positions.append

        def __exit__(self, *_):
            positions.append("closed")

    sources = MemorySources(SETTINGS, progress=lambda _path: Bar())
    sources.one([cut])
    assert ["is cut off in the middle" in complaint for complaint in sources.complaints] == [True]
    assert positions[-1] == "closed"
    wrong = MemorySources(Asked(("x" * 32,)))
    with pytest.raises(CommandError, match=r"wrong key\? \(it is from --key\)"):
        wrong.one([AV])


def test_a_report_says_why_there_is_nothing(tmp_path):
    (tmp_path / "old.html").write_text("old")
    captures = Captures.with_keys([AV], Asked(("x" * 32,)))
    made = make_report(captures, output=tmp_path / "old.html")
    assert made.page is None
    assert "wrong key?" in str(made.error)
    made = make_report(Captures.with_keys([AV], SETTINGS), title="Mine")
    assert made.error is None
    assert "<title>Mine</title>" in made.page
    assert made.verdict.summary.startswith("142 packets, 1 connection, 94 frames")


def test_what_is_said_without_a_key():
    found = identify(Captures.without_keys([AV], Asked()))
    assert (len(found.result.connections), found.error, found.complaints, found.note) == (1, None, (), "")
    (tried,) = check_keys([AV], Asked((KEY,))).connections
    assert (tried.best, tried.frames) == (("key 1", 94), 94)
    unfit = check_keys([AV], Asked(("x" * 32,)))
    assert "the key does not fit connection 0 (from --key)" in str(unfit.error)
    other = identify(Captures.without_keys([AV], Asked(port=80)))
    assert str(other.error) == ""
    assert "nothing on TCP port 80" in other.complaints[0]
