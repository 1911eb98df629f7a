"""The machine's cloud account is in none of the outputs of the commands that look at memory, unless it is asked for."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.analysis.changes import ChangeRun, differences
from lmdecode.analysis.memory_history import History
from lmdecode.analysis.unknowns import find_unknowns
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.render import unknowns as unknowns_table
from lmdecode.render.changes import ChangeTable, difference_lines, json_lines, print_differences, write_csv
from lmdecode.render.memory_dump import Dump, print_dump
from lmdecode.render.terminal import TerminalConsole
from tests.analysis.saying import said
from tests.capture.building import Talk, message, packets, pcap, seal

SECRET = range(0x0111, 0x0150)
FIRST, SECOND = "d1e2f3a4b5c6", "a9b8c7d6e5f4"  # six bytes that nothing else says


@settings(max_examples=40)
@given(st.integers(0x0105, 0x0150), st.integers(1, 12), st.booleans(), st.booleans())
def test_no_output_has_it(address, repeats, cut, only_once):
    """Even if it is known, because it was decrypted with --show-secrets or is in an image."""
    size = 6 * repeats - cut
    histories = [History(), History()]
    for history, account in zip(histories, (FIRST, SECOND), strict=True):
        history.add(said(0, address, _account(account, address, size)))
        history.add(said(3, address, _account(SECOND, address, size)))
    shown = everything(histories, only_once=only_once)
    for account in (FIRST, SECOND):
        for offset in range(0, 12 - 6, 2):
            assert account[offset : offset + 6] not in shown


def _account(account, address, size):
    """Bytes that repeat themselves where they are secret, and zeros elsewhere."""
    return "".join(account[2 * (each % 6) :][:2] if each in SECRET else "00" for each in range(address, address + size))


def everything(histories, *, only_once):
    one, other = histories
    old, new = one.at(one.first_ns), other.at()
    if only_once:
        old.forget(0x0100, 0x80)
    file = StringIO()
    console = TerminalConsole(file)
    print_dump(Dump(memory=new, addresses=range(0x0100, 0x0160), changed=one.last_changes()), console)
    runs = [ChangeRun(change, change) for history in histories for change in history.changes]
    table = ChangeTable(console)
    for run in runs:
        table.write(run)
    file.writelines(json_lines(runs, "kitchen"))
    write_csv(runs, "kitchen", file)
    found = differences(old, new)
    print_differences(found, console)
    file.writelines(difference_lines(found))
    unknowns = unknowns_table.UnknownsOfMachine("kitchen", None, None, (), find_unknowns(histories), 5.0, 5)
    unknowns_table.print_found(unknowns, console)
    file.writelines(unknowns_table.json_lines(unknowns))
    file.write(image_text(MemoryImage(new)))
    return file.getvalue().lower().replace(" ", "").replace("\n", "")


@pytest.fixture
def with_account(command):
    """A capture in which the app reads the account, twice, with a change between."""
    talk = Talk().open()
    for account in (FIRST, SECOND):
        talk.send("app", seal(message("R01110006"))).send("machine", seal(message(f"R01110006{account.upper()}")))
        talk.send("app", seal(message("R40180001"))).send("machine", seal(message("R4018000101"))).idle(3)
    path = command.folder / "account.pcap"
    path.write_bytes(pcap(packets(talk.close().segments)))
    return path


def test_a_capture_in_which_it_is_read(command, run, with_account):
    for line in (
        ("memory", "--range", "0x0110-0x0120"),
        ("memory", "--format", "json"),
        ("diff", "--format", "table"),
        ("changes", "--all", "--format", "jsonl"),
        ("unknowns", "--format", "table"),
    ):
        shown = run(line[0], with_account, *line[1:])
        for digits in (FIRST[:6], SECOND[:6]):
            assert digits not in shown.lower().replace(" ", ""), line
    assert "** ** ** ** ** **" in run("memory", with_account, "--range", "0x0110-0x0120")
    run("memory", with_account, "--format", "bin", "--output", "memory.bin")
    content = (command.folder / "memory.bin").read_bytes()
    assert content[0x0111:0x0117] == bytes(6)
    assert content[0x4018] == 1
    assert SECOND[:6] in run("memory", with_account, "--show-secrets").lower().replace(" ", "")
    assert '"new_data":"a9"' in run("changes", with_account, "--show-secrets", "--format", "jsonl")
    assert '"new_data":"a9"' in run("diff", with_account, "--show-secrets", "--format", "jsonl")


@pytest.mark.usefixtures("run")
def test_a_damaged_answer_with_it_tells_nothing(command, with_account):
    damaged = with_account.read_bytes().replace(
        seal(message(f"R01110006{FIRST.upper()}")), seal("R01110006D1E2F3A4B5C6" + "00")
    )
    path = command.folder / "damaged.pcap"
    path.write_bytes(damaged)
    for name in ("memory", "changes", "diff", "unknowns"):
        result = command(name, path)
        assert FIRST[:6] not in (result.stdout + result.stderr).lower().replace(" ", "")
        assert "Traceback" not in result.stderr
