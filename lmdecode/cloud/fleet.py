"""The owner's machines, out of the cloud's JSON."""

from __future__ import annotations

from lmdecode.cloud.bodies import within
from lmdecode.cloud.findings import FleetMachine, Problem, Secret, Trouble
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.key import Key

__all__ = ["fleet"]


def fleet(answer: object) -> list[FleetMachine | Problem]:
    """All machines that the answer to `GET /api/customer` has, each with what is wrong with it behind it."""
    machines = within(answer, "data", "fleet")
    if not isinstance(machines, list):
        text = "the cloud's answer has no list of machines, data.fleet; log out and in again in the app"
        return [Problem(Trouble.NO_FLEET, text)]
    if not machines:
        text = "this account has no machines: log in with the account that the machine is registered with"
        return [Problem(Trouble.EMPTY_FLEET, text)]
    found: list[FleetMachine | Problem] = []
    for number, entry in enumerate(machines, 1):
        if isinstance(entry, dict):
            found += _machine(entry)
        else:
            text = f"machine {number} of the cloud's list is not an object; the others are used"
            found.append(Problem(Trouble.NO_FLEET, text))
    return found


def _machine(entry: dict[str, object]) -> list[FleetMachine | Problem]:
    key = entry.get("communicationKey")
    model = within(entry, "machine", "model")
    machine = FleetMachine(
        key=Secret(key) if isinstance(key, str) and key else None,
        serial_number=_text(within(entry, "machine", "serialNumber")),
        name=_text(entry.get("name")),
        model_name=_text(model if isinstance(model, str) else within(model, "name")),
    )
    wrong = _wrong_with(machine.key)
    if wrong is None:
        return [machine]
    keyless = FleetMachine(None, machine.serial_number, machine.name, machine.model_name)
    text = f"the cloud gives no usable key for {machine.title}: {wrong}"
    return [keyless, Problem(Trouble.BAD_KEY, text)]


def _wrong_with(key: Secret | None) -> str | None:
    if key is None:
        return "there is no communicationKey; machines with a v3 gateway have none"
    try:
        Key(key.reveal().encode("latin-1"))
    except UnicodeEncodeError:
        return "it has a character above U+00FF"
    except KeyFormatError as error:
        return str(error)
    return None


def _text(value: object) -> str:
    """A value as text without anything that a terminal would obey."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    return "".join(char if char.isprintable() else "?" for char in text.strip())
