"""Messages edited in mitmproxy 12: through its contentview API, and by a user of its console."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.codec.v1.samples import frame, with_check
from tests.mitm_addons.console import Console
from tests.mitm_addons.proxies import PATIENCE, environment, listening, receive

SCRIPT = Path(__file__).with_name("edit_in_mitmproxy.py")

ASK = frame(with_check("R401C0004"))
SET = frame(with_check("W0007000203A7"))
TOOK = frame(with_check("W00070002OK"))
TEMPERATURES = frame(with_check("R401C000403BC04D8"))
DAMAGED = frame(b"W0007000203A700")
SECRET = frame(with_check("R01110010" + "41" * 16))
EDITED = frame(with_check("W0007000203B6"))
ONE_EDIT = [("03A7", "03B6")]

GOOD = {
    "a value": ([("app", SET)], ONE_EDIT, EDITED),
    "nothing": ([("app", SET)], [], SET),
    "nothing, and the frame is damaged": ([("app", DAMAGED)], [], DAMAGED),
    "a damaged frame gets a right check byte": ([("app", DAMAGED)], ONE_EDIT, EDITED),
    "with a check byte": ([("app", SET)], [("W0007000203A7", with_check("W0007000203B6").decode())], EDITED),
    "lower case and spaces": ([("app", SET)], [("W0007000203A7", "w 0007 0002 03b6")], EDITED),
    "one of several": ([("app", ASK + SET + ASK)], ONE_EDIT, ASK + EDITED + ASK),
    "one more": ([("app", SET)], [("W0007000203A7", "W0007000203A7\nR401C0004")], SET + ASK),
    "one less": ([("app", SET + ASK)], [("W0007000203A7\n", "")], ASK),
    "beside garbage": ([("app", b"junk" + SET + b"%")], ONE_EDIT, b"junk" + EDITED + b"%"),
    "beside parts of frames": (
        [("app", ASK[:9]), ("app", ASK[9:] + SET + ASK[:5]), ("app", ASK[5:])],
        ONE_EDIT,
        ASK[9:] + EDITED + ASK[:5],
    ),
    "beside a secret": ([("machine", SECRET + TEMPERATURES)], [("03BC04D8", "03BC04D9")], SECRET
                        + frame(with_check("R401C000403BC04D9"))),
    "the machine's answer": ([("machine", TOOK)], [("OK", "NO")], frame(with_check("W00070002NO"))),
}  # fmt: skip

BAD = {
    "no message": ([("app", SET)], [("W0007000203A7", "hello")], "line 2 is not a message"),
    "data too short": ([("app", SET)], [("03A7", "03")], "line 2 is not a message"),
    "data too long": ([("app", SET)], [("03A7", "03A7A7A7")], "line 2 is not a message"),
    "no hexadecimal": ([("app", SET)], [("03A7", "03AX")], "line 2 is not a message"),
    "a wrong check byte": ([("app", SET)], [("03A7", "03A7EB")], "line 2 is not a message"),
    "no data": ([("app", SET)], [("03A7", "")], "line 2 is not a message: a write message without data"),
    "characters of no message": ([("app", SET)], [("03A7", "€€")], "line 2 is not a message"),
    "nothing left": ([("app", SET)], [("W0007000203A7\n  coffee_set_temp: 93.5 °C", "")], "nothing is left"),
    "the explanation": ([("app", SET)], [("93.5 °C", "95 °C")], "line 3 only explains the message"),
    "a secret": ([("machine", SECRET)], [("*" * 32, "41" * 16)], "has to stay as it is: it has secrets, which"),
    "a masked secret copied": ([("app", SET)], [("03A7", "****")], "** stands for a secret that is masked"),
    "a secret unmarked": ([("machine", SECRET)], [("= R", "R")], "it has secrets, which are masked"),
    "garbage": ([("app", b"junk" + SET)], [("= junk", "= junky")], "'= junk' has to stay as it is: it is not a"),
    "garbage added": ([("app", SET)], [("W0007", "= W0007")], "a line with = cannot be added"),
    "an end taken away": ([("app", SET + ASK[:9])], [(f"= {ASK[:9].decode()}", "")], "has to stay as it is"),
    "something after an end": ([("app", SET + b"@")], [("= @", "= @\nR401C0004")], "has to stay last"),
    "something before a beginning": (
        [("app", ASK[:9]), ("app", ASK[9:])], [("# app", "R401C0004\n# app")], "has to stay first"
    ),
    "a frame that began before": ([("app", SET[:9]), ("app", SET[9:])], ONE_EDIT, "its frame began in an earlier mess"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(python_312: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """What mitmproxy made of all cases, by their names."""
    folder = tmp_path_factory.mktemp("editing")
    cases = {**GOOD, **BAD}
    asked = [
        {
            "messages": [(sender, data.hex()) for sender, data in messages],
            "index": min(1, len(messages) - 1),
            "edit": edit,
        }
        for messages, edit, _ in cases.values()
    ]
    run = subprocess.run(
        [python_312, SCRIPT], input=json.dumps(asked).encode(), capture_output=True, check=False,
        cwd=folder, env=environment(folder), timeout=PATIENCE,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode()
    return dict(zip(cases, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize("case", GOOD)
def test_an_edited_message_is_encrypted_anew(outcomes: Mapping[str, dict[str, Any]], case: str) -> None:
    outcome = outcomes[case]
    assert outcome["view"] == "lamarzocco"
    assert bytes.fromhex(outcome["bytes"]) == GOOD[case][2]


def test_what_was_edited_shows_as_edited(outcomes: Mapping[str, dict[str, Any]]) -> None:
    assert "coffee_set_temp: 93.5 °C" in outcomes["a value"]["text"]
    assert "coffee_set_temp: 95.0 °C" in outcomes["a value"]["again"]
    assert "check byte" not in outcomes["a damaged frame gets a right check byte"]["again"]


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_message_is_refused_in_one_line(outcomes: Mapping[str, dict[str, Any]], case: str) -> None:
    outcome = outcomes[case]
    assert BAD[case][2] in outcome["error"]
    assert "\n" not in outcome["error"]
    # The second is what the console shows as a line, and not with a traceback.
    assert {"ValueError", "CommandError"} <= set(outcome["kinds"])
    assert outcome["unchanged"]


def test_secrets_are_masked(outcomes: Mapping[str, dict[str, Any]]) -> None:
    assert "41" * 4 not in json.dumps([outcomes["a secret"], outcomes["beside a secret"]["text"]])


def test_a_user_of_the_console_edits_what_the_machine_gets(python_312: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with (
        listening() as listener,
        Console(python_312, tmp_path, listener, "--set", "intercept=~tcp", "--set", f"lm_log={log}") as console,
        console.line() as line,
    ):
        line.app.sendall(SET)
        console.wait_for("tcp")
        console.open_flow("coffee_set_temp: 93.5")
        console.edit("03A7", "03ZZ")
        console.wait_for("line 2 is not a message")
        console.edit("03A7", "03B6")
        assert not log.read_bytes(), "it was logged before it was sent"
        console.press("a")
        console.wait_for("coffee_set_temp: 95.0")
        assert receive(line.machine, len(EDITED)) == EDITED
        line.machine.sendall(TOOK)
        console.wait_for("W00070002OK")
        console.press("a")
        assert receive(line.app, len(TOOK)) == TOOK
        asked, _ = console.logged(log, 2)
        assert "Traceback" not in console.screen
    assert asked["fields"] == {"coffee_set_temp": 95.0}
