"""Settings of a machine over Bluetooth, as the client core makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from lmdecode.codec.bluetooth.characteristics import COMMAND
from lmdecode.codec.bluetooth.requester import CAPABILITIES, Command, Question, Request
from lmdecode.codec.bluetooth.settings import (
    SETTINGS,
    BluetoothChange,
    Fields,
    Setting,
    changes_for,
    check,
    commands,
    is_made_by,
    knows_model,
    needs_model,
    setting_named,
)
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Record, Value
from lmdecode.device.core import Ask, Steps
from lmdecode.device.driver import Word
from lmdecode.device.errors import BadAnswerError, MachineError, ModelUnknownError, NoAnswerError, UnsupportedError

_TANK = Question("tankStatus")
_PLUMBED = Question("isPlumbedIn")


@dataclass(frozen=True, slots=True)
class BluetoothPlan:
    """Changes that are made together; a `Plan` of the client core."""

    changes: Sequence[BluetoothChange]
    model: str | None = None
    """The machine's model as its owner says; once it is fitted, as the machine says."""

    def fitted(self) -> Steps[Request, BluetoothPlan]:
        """Check the changes against the machine's model, which is read always: nothing is sent to an unknown machine.

        Raises:
            ModelUnknownError: The machine does not say what it is, or nobody knows the ranges of what it says.
            RegisterError: The model does not have the setting, or does not take the value.
        """
        named = self.model
        try:
            answer: Record = yield Ask(CAPABILITIES)
        except (NoAnswerError, BadAnswerError) as error:
            if named is None:
                raise ModelUnknownError(f"the machine does not say which model it is ({error}): give --model") from None
        else:
            found = answer.fields.get("model")
            if isinstance(found, str):
                named = found
            elif named is None:
                raise ModelUnknownError("the machine does not say which model it is: give --model")
        if needs_model(self.changes) and not knows_model(named):
            raise ModelUnknownError(
                f"nobody knows which steam temperatures a {(named or '')[:40]} takes, so nothing was sent"
            )
        for each in self.changes:
            check(each, named)
        return replace(self, model=named)

    def look(self, *, closely: bool = False) -> Steps[Request, Fields]:
        """Read what shows the changes."""
        state: dict[str, Value] = {}
        for name in dict.fromkeys(each.source for each in self.changes):
            answer: Record = yield Ask(Question(name))
            state |= answer.fields
        if closely and any(each.name == "power" and each.value is True for each in self.changes):
            for question in (_TANK, _PLUMBED):
                with suppress(NoAnswerError, BadAnswerError):
                    beside: Record = yield Ask(question)
                    state |= beside.fields
        return state

    def writes(self, pending: Sequence[Any], state: Fields) -> Sequence[Command]:
        """Return the commands that make some of the changes."""
        return commands(pending, state)

    def is_sent(self, change: Any, sent: Sequence[Request]) -> bool:  # noqa: ANN401 -- one of its own changes
        """Return True if one of the commands makes a change."""
        return any(isinstance(each, Command) and is_made_by(change, each) for each in sent)

    def text(self, request: Request) -> str:
        """Return the JSON of a command, and where it is written."""
        return f"{COMMAND} {request.text}" if isinstance(request, Command) else str(request)

    def doubts(self, pending: Sequence[Any], state: Fields) -> list[str]:
        """Return what may not be meant, one line each."""
        found = []
        names = {each.name: each.value for each in pending}
        if names.get("power") is True and state.get("water_reservoir_contact") is False:
            found += [] if state.get("plumbed_in") is True else ["the machine says that its water tank is empty"]
        if "steam_set_temp" in names and state.get("steam_boiler_enable") is False:
            found.append("the steam boiler is off, and stays off")
        standby = {**state, **names}
        switches = any(name.startswith("smart_standby_") for name in names) and standby.get("smart_standby_enable")
        if switches is True and standby.get("smart_standby_after") == "PowerOn":
            found.append("the minutes count from when it was switched on, so it may go to standby at once")
        return found

    def unread(self) -> Fields:
        """Return no values."""
        return {}


def plan_of(
    name: str, words: Sequence[Word], options: Mapping[str, Word | None], *, model: str | None
) -> BluetoothPlan:
    """Returns the changes that a setting and the words after it mean.

    Args:
        name: The name of a setting, as in `lmdecode send`.
        words: The words after the name.
        options: Parameters by their names; None for one that was left out.
        model: The machine's model, if its owner has named it.

    Raises:
        UnsupportedError: It is a setting of other generations, which nobody knows how to set over Bluetooth.
        RegisterError: There is no such setting, or it does not take these words.

    >>> [each.name for each in plan_of("coffee-temp", ("93.5",), {}, model=None).changes]
    ['coffee_set_temp']
    """
    setting = setting_named(name)
    if setting is None:
        raise _no_setting(name)
    return BluetoothPlan(changes_for(setting, _matched(setting, words, options)), model)


def _matched(setting: Setting, words: Sequence[Word], options: Mapping[str, Word | None]) -> dict[str, Value | None]:
    given = {name: _as_value(word) for name, word in options.items() if word is not None}
    places = [each for each in setting.parameters if not each.option]
    found: dict[str, Value | None] = {each.name: None for each in setting.parameters}
    found |= {each.name: _as_value(word) for each, word in zip(places, words, strict=False)}
    unknown = given.keys() - {each.name for each in setting.parameters[len(words) :]}
    found |= {name: word for name, word in given.items() if name not in unknown}
    is_alone = setting.name == "standby" and found["minutes"] is None and found["after"] is not None
    if unknown or len(words) > len(places) or (any(found[each.name] is None for each in places) and not is_alone):
        usage = ", ".join(f"--{each.name}" if each.option else each.name for each in setting.parameters)
        raise RegisterError(f"{setting.name} takes {usage}; for example {setting.name} {setting.example}")
    return found


def _as_value(word: Word) -> Value:
    return word.isoformat() if isinstance(word, datetime | time) else word


def _no_setting(name: str) -> MachineError | RegisterError:
    from lmdecode.codec.v1.settings import SETTINGS as OF_V1  # noqa: PLC0415 -- only errors need it
    from lmdecode.codec.v1.settings import is_value, present_name, unknown_setting  # noqa: PLC0415 -- as above

    present = present_name(name)
    if present in OF_V1 or is_value(present):
        return UnsupportedError(
            f"{present} cannot be set over Bluetooth: no command for it is known. Bluetooth sets "
            f"{', '.join(SETTINGS)}; the maker's app sets the rest"
        )
    return unknown_setting(name, [each for each in SETTINGS if each not in OF_V1])
