"""The owner's configuration, and what the environment says. Names are told, and never a value that may be a secret."""

from __future__ import annotations

import os
import shlex
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from lmdecode.app.doctor.finding import Finding, State
from lmdecode.codec.errors import KeyFormatError, LmdecodeError
from lmdecode.codec.v1.key import Key
from lmdecode.config import CONFIG_VARIABLE, ENVIRONMENT_VARIABLE, HOST_VARIABLE, RADIO_VARIABLE, TOKEN_VARIABLE
from lmdecode.config.check import Problem, is_near, problems
from lmdecode.config.file import Config, default_paths, find_config, load_config, machine_entries
from lmdecode.config.sample import is_sample

OURS: Final = (
    CONFIG_VARIABLE, HOST_VARIABLE, RADIO_VARIABLE, ENVIRONMENT_VARIABLE, TOKEN_VARIABLE,
    "LMDECODE_MQTT_PASSWORD", "LMDECODE_TRACEBACK",
)  # fmt: skip
"""The variables of lmdecode."""
_FOR_OTHERS: Final = 0o077
_OTHERS: Final = (
    "COLUMNS", "FORCE_COLOR", "HTTPS_PROXY", "HTTP_PROXY", "LC_ALL", "LMDECODE_WITHOUT", "NO_COLOR", "PYTHONPATH",
    "TERM", "TZ", "XDG_CONFIG_HOME", "https_proxy", "http_proxy",
)  # fmt: skip


def configuration(named: Path | None) -> list[Finding]:
    """Returns the findings of the configuration that commands would use."""
    try:
        path = find_config(named)
        if path is None:
            places = " or ".join(map(str, default_paths()))
            text = f"none at {places}; lmdecode harvest finds the key, and login takes the names from the cloud"
            return [Finding("config", State.MISSING, text, "lmdecode harvest")]
        config = load_config(path)
        # What a machine lacks has no line, and a finding of its own.
        wrong = [each for each in problems(config) if not each.note and (each.line or not each.entry)]
        mode = stat.S_IMODE(path.stat().st_mode)
    except (LmdecodeError, OSError) as error:
        return [Finding("config", State.BROKEN, str(error))]
    shown = f"{path}, mode {mode:03o}"
    check = "lmdecode config check" + (f" --config {shlex.quote(str(named))}" if named else "")
    if len(wrong) == 1 and mode & _FOR_OTHERS:
        chmod = f"chmod 600 {shlex.quote(str(path))}"
        text = f"{shown}: others on this computer can read it"
        return [Finding("config", State.NOTE, text, chmod), *_machines(config)]
    if wrong:
        return [Finding("config", State.BROKEN, f"{shown}: {'; '.join(map(_line, wrong))}", check)]
    return [Finding("config", State.OK, shown), *_machines(config)]


def _line(problem: Problem) -> str:
    return f"line {problem.line}: {problem.text}" if problem.line else problem.text


def variables() -> list[Finding]:
    """Returns the names of the environment variables that have an effect, without their values."""
    found = [name for name in (*OURS, *_OTHERS) if name in os.environ]
    text = f"set: {', '.join(found)}" if found else "no variable that lmdecode reads is set"
    findings = [Finding("environment", State.NOTE, text)]
    for name in sorted(os.environ):
        near = get_close_matches(name, OURS, n=1, cutoff=0.8)
        if name.startswith("LMDECODE_") and name not in found and near:
            text = f"{name} is set, but lmdecode does not read it: did you mean {near[0]}?"
            findings.append(Finding("environment", State.NOTE, text))
    key = os.environ.get(ENVIRONMENT_VARIABLE)
    if key:
        try:
            Key.parse(key)
        except KeyFormatError as error:
            findings.append(Finding(ENVIRONMENT_VARIABLE, State.BROKEN, str(error)))
    return findings


def _machines(config: Config) -> list[Finding]:
    findings = []
    for number, (_, entry) in enumerate(machine_entries(config), 1):
        name = next((str(entry[each]) for each in ("machine_name", "name") if entry.get(each)), f"machine {number}")
        key = entry.get("key")
        if not key and entry.get("ble_token"):
            findings.append(Finding("machine", State.OK, f"{name} has a token, for Bluetooth"))
            continue
        if not key and is_near(entry):
            text = f"{name} has no Bluetooth token: nothing of it can be read"
            findings.append(Finding("machine", State.MISSING, text, "lmdecode config set ble_token"))
            continue
        if not key:
            text = f"{name} has no key: nothing of it can be decrypted"
            findings.append(Finding("machine", State.MISSING, text, "lmdecode harvest"))
            continue
        sample = is_sample(key)
        kind = "the published key of the samples, not a real machine's," if sample else "a valid key"
        address = "an address" if entry.get("host") else "no address: lmdecode discover looks for it"
        state = State.NOTE if sample else State.OK
        findings.append(Finding("machine", state, f"{name} has {kind} and {address}"))
    return findings
