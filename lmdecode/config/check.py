"""What is wrong with a configuration: each problem with its line, its entry and what helps."""

from __future__ import annotations

import json
import shlex
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.config.file import Config, default_paths, port_of
from lmdecode.config.json_lines import Steps, entry_lines
from lmdecode.config.machines import Machine, TargetError, listed, machine_named, machines_of
from lmdecode.config.mqtt import ENTRIES, section_problems
from lmdecode.config.names import (
    ALL_MODELS,
    AT_THE_TOP,
    BROKER,
    CHOICE,
    GENERATIONS,
    LIST,
    NO_ADDRESS,
    OF_A_MACHINE,
    OF_THE_ACCOUNT,
    TEXTS,
    is_address,
    nearest,
    shortened,
)
from lmdecode.config.sample import is_sample

_FOR_OTHERS: Final = 0o077
_MOST: Final = 100  # problems of one kind; a file of another program may have thousands of entries
_NO_KEY: Final = 'no "key": lmdecode harvest finds it, or lmdecode config set key'
_NO_TOKEN: Final = 'no "ble_token": lmdecode credentials FILE finds it, or lmdecode config set ble_token'  # noqa: S105 -- no token
_SHOWN: Final = 40  # characters of a name in a message
_WORDS: Final = (
    ("model_name", ALL_MODELS, "a known model"),
    ("generation", GENERATIONS, "a generation that a live machine speaks"),
)
"""The entries whose value is one of a few words."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a configuration."""

    path: Path
    text: str
    """What is wrong, and what to do."""
    line: int | None = None
    """The line that it is about; None if it is about the file, or about what is not there."""
    entry: str = ""
    """The entry, `machines[0].host`; "" if it is about the file."""
    note: bool = False
    """Whether it is only worth knowing."""

    def __str__(self) -> str:
        return f"{self.path}{f', line {self.line}' if self.line else ''}: {self.text}"


def is_near(entry: Mapping[str, object]) -> bool:
    """Returns whether a machine of a configuration is reached over Bluetooth, by what is said of it.

    >>> is_near({"bluetooth": "MICRA_MR012345"}), is_near({"bluetooth": "MICRA_MR012345", "host": "10.0.0.9"})
    (True, False)
    """
    return entry.get("generation") == "bluetooth" or bool(entry.get("bluetooth") and not entry.get("host"))


def problems(config: Config, machine: str | None = None) -> list[Problem]:
    """Returns the problems of a configuration.

    Args:
        config: The configuration.
        machine: Only what is about this machine, by its name, serial number or address, and about the file; None: all.

    Raises:
        TargetError: There is no such machine, or several.
    """
    finder = _Finder(config)
    only = machine_named(config, machine, f"--machine {machine[:_SHOWN]}") if machine is not None else None
    if not isinstance(config.entries.get(LIST, []), list):
        return [*finder.mode(), finder.problem((LIST,), 'is not a list of objects: [{"key": "…"}, …]')]
    found = [*finder.mode(), *finder.repeats(), *finder.unknown(), *finder.types(), *finder.broker()]
    machines = [only] if only else machines_of(config)
    found += finder.sample(machines)
    for each in machines:
        found += finder.of_a_machine(each, alone=len(machines_of(config)) < 2)
    if not any(each.entry.get("key") or each.entry.get("ble_token") for each in machines):
        near = any(is_near(each.entry) for each in machines)
        found.append(finder.about_the_file(f"there is {_NO_TOKEN if near else _NO_KEY}{finder.option}"))
    if only is None:
        found += finder.choice(machines)
    elif only:
        others = [place for each in machines_of(config) if each.places != only.places for place in each.places if place]
        found = [each for each in found if not any(each.entry.startswith(_dotted(place)) for place in others)]
    return found


@dataclass(frozen=True, slots=True)
class _Finder:
    """Looks for one kind of problem at a time."""

    config: Config

    def problem(self, steps: Steps, text: str, *, line: int | None = None, note: bool = False) -> Problem:
        """Returns a problem of an entry."""
        where = dict(entry_lines(self.config.text)).get(steps) if line is None else line
        of = f' of "{BROKER}"' if steps[0] == BROKER and len(steps) > 1 else ""
        of = f" of machine {steps[1] + 1}" if len(steps) == 3 and isinstance(steps[1], int) else of
        what = json.dumps(shortened(str(steps[-1])), ensure_ascii=False)
        return Problem(
            self.config.path, f"{what}{of}{'' if text.startswith(':') else ' '}{text}", where, _dotted(steps), note
        )

    @property
    def option(self) -> str:
        """The option that a command needs to change this file; "" if it finds it without."""
        found = next((path for path in default_paths() if path.is_file()), None)
        return "" if found == self.config.path else f" --config {shlex.quote(str(self.config.path))}"

    def about_the_file(self, text: str, entry: str = "", *, note: bool = False) -> Problem:
        return Problem(self.config.path, text, None, entry, note)

    def mode(self) -> Iterator[Problem]:
        mode = stat.S_IMODE(self.config.path.stat().st_mode)
        if mode & _FOR_OTHERS:
            advice = f"chmod 600 {shlex.quote(str(self.config.path))}"
            yield self.about_the_file(f"others on this computer can read it (mode {mode:03o}): {advice}")

    def repeats(self) -> Iterator[Problem]:
        seen: dict[Steps, int] = {}
        count = 0
        for steps, line in entry_lines(self.config.text):
            if steps in seen and count < _MOST:
                count += 1
                text = f"is there twice; lmdecode uses this one, not the one in line {seen[steps]}: remove one"
                yield self.problem(steps, text, line=line)
            seen[steps] = line

    def unknown(self) -> Iterator[Problem]:
        count = 0
        for steps, line in entry_lines(self.config.text):
            place, name = steps[:-1], steps[-1]
            of_a_machine, of_the_broker = len(steps) == 3 and steps[0] == LIST, place == (BROKER,)
            if not isinstance(name, str) or (place and not of_a_machine and not of_the_broker) or count >= _MOST:
                continue
            known = (*OF_A_MACHINE, *OF_THE_ACCOUNT) if of_a_machine else [*ENTRIES] if of_the_broker else AT_THE_TOP
            if name in known:
                continue
            count += 1
            near = nearest(name, known)
            if near is not None and near != name:
                yield self.problem(steps, f'is not an entry that lmdecode knows: did you mean "{near}"?', line=line)
            else:
                text = "is not an entry that lmdecode knows; lmdecode leaves it as it is"
                yield self.problem(steps, text, line=line, note=True)

    def types(self) -> Iterator[Problem]:
        entries: list[tuple[Steps, object]] = [((), self.config.entries)]
        entries += [((LIST, number), each) for number, each in enumerate(self._list())]
        for place, entry in entries:
            if not isinstance(entry, Mapping):
                yield self.problem((LIST,), f'has an element {int(place[1]) + 1} that is not an object: {{"key": "…"}}')
                continue
            for name in sorted(TEXTS & entry.keys()):
                if not isinstance(entry[name], str):
                    yield self.problem((*place, name), "is not text: put it in double quotes")
            if "port" in entry and port_of(entry) is None:
                yield self.problem((*place, "port"), f"is not a port: it should be {PORT}")
            host = entry.get("host")
            if isinstance(host, str) and host and not is_address(host):
                yield self.problem((*place, "host"), f"is not an address: {NO_ADDRESS}")
            yield from self.words(place, entry)
            key = entry.get("key")
            if isinstance(key, str) and key:
                try:
                    Key.parse(key)
                except KeyFormatError as error:
                    yield self.problem((*place, "key"), f": {error}")

    def words(self, place: Steps, entry: Mapping[str, object]) -> Iterator[Problem]:
        for name, known, what in _WORDS:
            word = entry.get(name)
            if isinstance(word, str) and word and word not in known:
                yield self.problem((*place, name), f"is not {what}: {', '.join(known)}")

    def broker(self) -> Iterator[Problem]:
        if BROKER in self.config.entries:
            lines = dict(entry_lines(self.config.text))
            for text in section_problems(self.config.entries[BROKER]):
                steps: Steps = (BROKER, text.split('"')[1])  # each names its entry first
                steps = steps if steps in lines else (BROKER,)
                yield Problem(self.config.path, text, lines.get(steps), _dotted(steps))

    def sample(self, machines: list[Machine]) -> Iterator[Problem]:
        """Yields that the published key is there: to try things out with, or beside an owner's by mistake."""
        keys = [each.entry["key"] for each in machines if each.entry.get("key")]
        own = any(not is_sample(key) for key in keys) or any(self.config.entries.get(name) for name in OF_THE_ACCOUNT)
        for place in [place for each in machines if is_sample(each.entry.get("key")) for place in each.places]:
            steps = (*place, "key")
            if is_sample(self._value(steps)):
                advice = ": remove that machine; the samples have a file of their own" if own else ""
                text = f"is the published key of the sample captures and the simulator, not a real machine's{advice}"
                yield self.problem(steps, text, note=not own)

    def of_a_machine(self, machine: Machine, *, alone: bool) -> Iterator[Problem]:
        """Yields what a machine lacks."""
        place = machine.places[-1]
        entry = _dotted(place)
        if machine.is_old:
            return
        named = f"{(machine.name or f'machine {entry}')[:_SHOWN]}" if not alone or machine.name else "the machine"
        which = "" if alone else f" --machine {shlex.quote((machine.name or 'NAME')[:_SHOWN])}"
        file = self.option
        if not machine.entry.get("host") and machine.entry.get("key"):
            yield self.about_the_file(
                f'{named} has no "host": lmdecode discover finds the address; '
                f"lmdecode config set host ADDRESS{which}{file}",
                f"{entry}.host".lstrip("."),
            )
        if not machine.entry.get("key") and not machine.entry.get("ble_token") and not alone:
            lacks = "ble_token" if is_near(machine.entry) else "key"
            yield self.about_the_file(
                f'{named} has no "{lacks}": lmdecode config set {lacks}{which}{file}', f"{entry}.{lacks}".lstrip(".")
            )

    def choice(self, machines: list[Machine]) -> Iterator[Problem]:
        """Yields names that do not tell machines apart, and a default that is none of them."""
        seen: dict[str, Machine] = {}
        for each in machines:
            name = str(each.entry.get("machine_name") or "").casefold()
            if name and name in seen:
                steps = (*each.places[-1], "machine_name")
                other = self.problem((*seen[name].places[-1], "machine_name"), "").line
                yield self.problem(steps, f"is also the name of another machine (line {other}): rename one of them")
            seen.setdefault(name, each)
        default = self.config.entries.get(CHOICE)
        if isinstance(default, str) and default:
            try:
                machine_named(self.config, default, "")
            except TargetError:
                yield self.problem((CHOICE,), f"names none of the machines, or several; there are: {listed(machines)}")
        top = self.config.entries
        if len(machines) > 1 and top.get("host") and not any(() in each.places for each in machines):
            yield self.problem(("host",), 'belongs to none of the machines: move it into one of "machines"')

    def _list(self) -> list[object]:
        value = self.config.entries.get(LIST, [])
        return value if isinstance(value, list) else []

    def _value(self, steps: Steps) -> object:
        value: object = self.config.entries
        for step in steps:
            if isinstance(value, Mapping) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step]
        return value


def _dotted(steps: Steps) -> str:
    """Returns the way to an entry as programs write it.

    >>> _dotted(("machines", 0, "host"))
    'machines[0].host'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{shortened(step)}" for step in steps).lstrip(".")
