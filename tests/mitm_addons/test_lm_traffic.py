"""lm_traffic in a real mitmdump between an app and a stand-in machine: what it shows and what it logs."""

from __future__ import annotations

import socket
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from tests.codec.v1.samples import KEY_TEXT, SAMPLES, frame, with_check
from tests.mitm_addons.proxies import Proxy, finished, listening, receive, reverse_mode, running, wait_for

ASK = frame(with_check("R401C0004"))
TEMPERATURES = frame(with_check("R401C000403BC04D8"))
SET = frame(with_check("W0007000203A7"))
TOOK = frame(with_check("W00070002OK"))
DAMAGED = frame(b"R401C000403BC04D800")
SECRET = "53656372657421" + "00" * 9
ASK_SECRET = frame(with_check("R01110010"))
TELL_SECRET = frame(with_check(f"R01110010{SECRET}"))

Chunks = list[tuple[str, bytes]]


def bytewise(sender: str, data: bytes) -> Chunks:
    return [(sender, data[index : index + 1]) for index in range(len(data))]


def in_two(first: bytes, second: bytes) -> Chunks:
    """Both frames, cut at every place of the first in turn: the rest comes in one segment with the second."""
    return [("machine", part) for cut in range(1, len(first)) for part in (first[:cut], first[cut:] + second)]


CASES: dict[str, Chunks] = {
    "asked and answered": [("app", ASK), ("machine", TEMPERATURES), ("app", SET), ("machine", TOOK)],
    "reports": [("machine", frame(sample.plaintext)) for sample in SAMPLES if sample.letter == "R"],
    "byte by byte": [*bytewise("app", ASK), *bytewise("machine", TEMPERATURES)],
    "cut everywhere": in_two(TEMPERATURES, TOOK),
    "several in a segment": [("app", ASK + SET), ("machine", TEMPERATURES + TEMPERATURES + TOOK)],
    "garbage between": [("machine", b"\0\1junk" + TEMPERATURES + b"%%" + DAMAGED + b"@not base64!%@AAAA" + TOOK)],
    "both ways at once": [("app", ASK[:9]), ("machine", TOOK[:7]), ("app", ASK[9:] + SET), ("machine", TOOK[7:])],
    "ends within a frame": [("app", ASK), ("machine", TEMPERATURES[:20])],
}


def expected(chunks: Chunks, *, show_secrets: bool = False) -> list[dict[str, Any]]:
    """What the codec says of the same bytes."""
    conversation = Conversation(FrameDecoder(Key.parse(KEY_TEXT), show_secrets=show_secrets))
    records = [record for sender, data in chunks for record in conversation.receive(0, sender, data)]
    return [essence(record.as_dict()) for record in [*records, *conversation.close(0)]]


def essence(line: dict[str, Any]) -> dict[str, Any]:
    """A line but for what differs from run to run."""
    unlike = {"time", "elapsed", "stream", "source", "destination"}
    return {name: value for name, value in line.items() if name not in unlike}


def play(proxy: Proxy, chunks: Chunks) -> str:
    """Say it all in a connection of its own; the app's address."""
    with proxy.line() as line:
        for sender, data in chunks:
            line.say(sender, data)
        return line.app_address


@pytest.mark.parametrize("case", CASES)
def test_the_log_says_what_the_codec_says(proxy: Proxy, case: str) -> None:
    app, machine = play(proxy, CASES[case]), f"127.0.0.1:{proxy.machine_port}"
    wanted = expected(CASES[case])
    lines = proxy.logged(app, len(wanted))
    assert [essence(line) for line in lines] == wanted
    assert len({line["stream"] for line in lines}) == 1
    assert {(line["sender"], line["source"], line["destination"]) for line in lines} <= {
        ("app", app, machine),
        ("machine", machine, app),
    }
    assert all(before["time"] <= after["time"] for before, after in pairwise(lines[:-1]))


def test_the_log_is_written_while_the_connection_lasts(proxy: Proxy) -> None:
    with proxy.line() as first, proxy.line() as second:
        first.say("app", ASK)
        proxy.logged(first.app_address, 1)
        second.say("machine", TEMPERATURES)
        (told,) = proxy.logged(second.app_address, 1)
        first.say("machine", TEMPERATURES)
        asked, answered = proxy.logged(first.app_address, 2)
    assert (asked["role"], told["role"], answered["role"]) == ("request", "report", "response")
    assert answered["elapsed"] > 0
    assert asked["stream"] == answered["stream"] == told["stream"] - 1


def test_the_log_is_its_owners_alone(proxy: Proxy) -> None:
    assert stat.S_IMODE(proxy.log.stat().st_mode) == 0o600


def test_the_screen_shows_names_and_values(proxy: Proxy) -> None:
    with proxy.line() as line:
        line.say("app", frame(with_check("W0007000203AC")))
        line.say("machine", b"??" + frame(with_check("R401C000403BE04D8"))[:30])
        line.say("machine", frame(with_check("R401C000403BE04D8"))[30:])
    proxy.wait_for_output(r"# app write coffee_set_temp\s+W0007000203AC\s+coffee_set_temp: 94\.0 °C")
    proxy.wait_for_output(r"# machine: 2 bytes of no whole frame\s+= \?\?\s+# the beginning of a frame")
    proxy.wait_for_output(
        r"# machine report temperatures \(its frame began in an earlier message\)\s+= R401C000403BE04D8\s+"
        r"coffee_temp: 95\.8 °C\s+steam_temp: 124\.0 °C"
    )


def test_secrets_and_the_key_are_nowhere(proxy: Proxy) -> None:
    chunks = [("app", ASK_SECRET), ("machine", TELL_SECRET)]
    lines = proxy.logged(play(proxy, chunks), 2)
    proxy.wait_for_output(r"= R01110010\*{32}\s")
    assert [essence(line) for line in lines] == expected(chunks)
    for text in (proxy.output, proxy.log.read_text()):
        assert SECRET[:14] not in text.upper()
        assert "Secret!" not in text
        assert KEY_TEXT not in text


def test_it_loads_and_runs_without_a_warning(proxy: Proxy) -> None:
    said = proxy.output.lower()
    assert not [word for word in ("warn", "error", "traceback", "deprecat", "failed to parse") if word in said]


def test_what_only_was_asked_for_is_shown(python: str, tmp_path: Path) -> None:
    options = ["--set", "lm_show_secrets=true", "--set", f"lm_log={tmp_path / 'log.jsonl'}", "--set", "flow_detail=3"]
    chunks = [("app", ASK_SECRET), ("machine", TELL_SECRET)]
    (tmp_path / "log.jsonl").write_text('{"was": "there"}\n')
    with running(python, tmp_path, *options) as proxy:
        lines = proxy.logged(play(proxy, chunks), 2)
        proxy.wait_for_output(f"R01110010{SECRET}".upper())
    assert proxy.log.read_text().startswith('{"was": "there"}\n{')
    assert [essence(line) for line in lines] == expected(chunks, show_secrets=True)


def test_a_log_that_fails_stops_nothing(python: str, tmp_path: Path) -> None:
    options = ["--set", "lm_log=/dev/full", "--set", "flow_detail=3"]
    with running(python, tmp_path, *options) as proxy:
        play(proxy, [("app", ASK), ("machine", TEMPERATURES)])
        proxy.wait_for_output("lm_traffic: /dev/full cannot be written, so nothing more is logged: No space left")
        proxy.wait_for_output("coffee_temp: 95.6 °C")
        assert proxy.output.count("lm_traffic:") == 1
        assert "Traceback" not in proxy.output


def test_other_ports_are_left_alone(python: str, tmp_path: Path) -> None:
    options = ["--set", f"lm_log={tmp_path / 'log.jsonl'}", "--set", "flow_detail=3"]
    with running(python, tmp_path, *options, lm_port=1774) as proxy:
        play(proxy, [("app", ASK), ("machine", TEMPERATURES)])
        wait_for(lambda: TEMPERATURES.decode() in proxy.output, lambda: proxy.output)
        proxy.wait_for_output("client disconnect")
        assert "coffee_temp" not in proxy.output
    assert not proxy.log.read_bytes()


def test_saved_flows_are_read_too(python: str, tmp_path: Path) -> None:
    chunks = [("app", ASK), ("machine", TEMPERATURES[:9]), ("machine", TEMPERATURES[9:]), ("machine", TOOK[:5])]
    live, again = tmp_path / "log.jsonl", tmp_path / "again.jsonl"
    with running(python, tmp_path, "--set", f"lm_log={live}", "-w", str(tmp_path / "flows")) as proxy:
        play(proxy, chunks)
        proxy.wait_for_output("client disconnect")
        port = proxy.machine_port
    options = ["-nr", str(tmp_path / "flows"), "--set", f"lm_port={port}", "--set", f"lm_log={again}"]
    code, output = finished(python, tmp_path, options)
    assert code == 0, output
    assert live.read_text().count("\n") == 3
    assert again.read_text() == live.read_text()


@pytest.mark.parametrize(
    ("options", "env", "why"),
    [
        (["lm_config=none.json"], {}, "lm_traffic: there is no file none.json"),
        (["lm_config=."], {}, "lm_traffic: . is a folder"),
        ([], {"LMDECODE_KEY": "12345"}, "lm_traffic: LMDECODE_KEY: the key has 5 bytes; it must have 32"),
        (["lm_log=none/log.jsonl"], {}, "lm_traffic: the lm_log none/log.jsonl cannot be written: No such file"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    python: str, tmp_path: Path, options: list[str], env: dict[str, str], why: str
) -> None:
    with listening() as listener:
        given = [part for option in options for part in ("--set", option)]
        code, output = finished(python, tmp_path, [*reverse_mode(listener), *given], **env)
    assert code == 1
    assert why in output
    assert "Traceback" not in output
    assert "12345" not in output.replace(why, "")


def test_a_machine_that_is_not_there_is_no_trouble_of_ours(python: str, tmp_path: Path) -> None:
    with running(python, tmp_path, "--set", f"lm_log={tmp_path / 'log.jsonl'}") as proxy:
        proxy.machine_is_off()
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as app:
            app.settimeout(5)
            app.sendall(ASK)
            with pytest.raises((AssertionError, ConnectionError)):
                receive(app, 1)
        proxy.wait_for_output("(?i)error")
        assert "lm_traffic" not in proxy.output.replace("lm_traffic.py", "")


@pytest.mark.parametrize("content", [None, "{}"], ids=["no config", "a config without a key"])
def test_without_a_key_the_traffic_flows_on(python: str, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with running(python, tmp_path, "--set", "flow_detail=3", has_key=False) as proxy:
        play(proxy, [("app", ASK), ("machine", TEMPERATURES)])
        proxy.wait_for_output("client disconnect")
    assert (
        proxy.output.count(
            "lm_traffic: no key, so nothing on the machine's TCP port can be decrypted; the traffic flows on."
        )
        == 1
    )
    assert "lmdecode harvest" in proxy.output
    assert "coffee_temp" not in proxy.output
    assert "Traceback" not in proxy.output
