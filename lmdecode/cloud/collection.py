"""Collects credentials over several exchanges, and says which are still missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lmdecode.capture.http.exchange import Exchange
from lmdecode.cloud.extraction import MOST_MACHINES, extract
from lmdecode.cloud.findings import (
    Account,
    Client,
    Finding,
    FleetMachine,
    Installation,
    Problem,
    Secret,
    Tokens,
    Trouble,
)
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.key import Key
from lmdecode.config.file import ConfigError, change
from lmdecode.config.sample import is_sample, refuse_mixture


@dataclass(frozen=True, slots=True)
class MissingFinding:
    """Something that was not seen yet."""

    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.advice}"


@dataclass(slots=True)
class Collection:
    """All that was found; newer findings of the same thing count more."""

    client: Client | None = None
    account: Account | None = None
    tokens: Tokens | None = None
    installation: Installation | None = None
    machines: list[FleetMachine] = field(default_factory=list)
    """Each once, in the cloud's order."""
    _places: dict[str | Secret | None, int] = field(default_factory=dict, init=False, repr=False)
    """By serial number, and by key, where in `machines` each is."""

    def __post_init__(self) -> None:
        for index, machine in enumerate(self.machines):
            self._note(machine, index)

    def add(self, exchange: Exchange) -> list[Finding | Problem]:
        """Take what an exchange has; what of it is new, and what is wrong."""
        news: list[Finding | Problem] = []
        for each in extract(exchange):
            if isinstance(each, Problem):
                news.append(each)
            else:
                news += self.take(each)
        return news

    @property
    def keyed(self) -> list[FleetMachine]:
        """The machines whose key is known."""
        return [machine for machine in self.machines if machine.key]

    @property
    def useful(self) -> list[FleetMachine]:
        """The machines of which anything is known that is worth to be kept."""
        return [machine for machine in self.machines if machine.key or machine.ble_token]

    @property
    def is_of_today(self) -> bool:
        """Whether anything is of the cloud of today, which has neither client nor keys."""
        return self.installation is not None or any(machine.ble_token for machine in self.machines)

    @property
    def anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.client or self.account or self.useful or self.installation)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing()

    def missing(self) -> list[MissingFinding]:
        """What was not seen yet, and what to do about it."""
        is_first = bool(self.client or self.keyed or not self.is_of_today)
        login: list[Client | Account] = [self.client or Client(None, None)] if is_first else []
        login.append(self.account or Account(None, None))
        names = [name for part in login for name, secret in part.secrets().items() if not secret]
        missing = [MissingFinding(_listed(names), "log out and in again in the app")] if names else []
        if not is_first and not self.useful:
            missing.append(
                MissingFinding("Bluetooth token of the machine", "open the app, which asks for its machines")
            )
        if is_first and not self.keyed:
            advice = "open the machine's page in the app"
            missing.append(
                MissingFinding("key of the machine", f"{advice}, or log out and in again" if not names else advice)
            )
        return missing

    def take(self, finding: Finding) -> list[Finding | Problem]:
        """Take a finding, wherever it is from; what of it is new, and what is wrong."""
        match finding:
            case Client():
                before, self.client = self.client, finding.over(self.client)
                return _news(before, self.client)
            case Account():
                known, self.account = self.account, finding.over(self.account)
                return _news(known, self.account)
            case Tokens():  # other ones each time, which is nothing to wonder about
                new = self.tokens is None or self.tokens.access_token != finding.access_token
                self.tokens = finding
                return [finding] if new else []
            case FleetMachine():
                return self._take_machine(finding)
            case Installation():
                former, self.installation = self.installation, finding.over(self.installation)
                return _news(former, self.installation)

    def _take_machine(self, machine: FleetMachine) -> list[Finding | Problem]:
        name = machine.serial_number or machine.key or machine.ble_token
        index = self._places.get(name)
        if index is None:
            if len(self.machines) >= MOST_MACHINES:
                text = f"more than {MOST_MACHINES:,} machines were found; the first {MOST_MACHINES:,} are used"
                return [Problem(Trouble.NO_FLEET, text)]
            self.machines.append(machine)
            self._note(machine, len(self.machines) - 1)
            return [machine]
        known = self.machines[index]
        self.machines[index] = replace(
            machine,
            key=machine.key or known.key,
            ble_token=machine.ble_token or known.ble_token,
            name=machine.name or known.name,
            model_name=machine.model_name or known.model_name,
        )
        self._note(self.machines[index], index)
        return _news(known, self.machines[index])

    def _note(self, machine: FleetMachine, index: int) -> None:
        """Remember where a machine is: there can be as many as somebody made up."""
        if machine.serial_number:
            self._places.setdefault(machine.serial_number, index)
        self._places.setdefault(machine.key or machine.ble_token, index)


def _news(before: Finding | None, now: Finding) -> list[Finding | Problem]:
    if before == now:
        return []
    known = {name: secret for name, secret in before.secrets().items() if secret} if before else {}
    changed = [name for name, secret in now.secrets().items() if name in known and known[name] != secret]
    if not changed:
        return [now]
    text = f"the {_listed(changed)} differs from what was found before; the newer counts"
    return [now, Problem(Trouble.CHANGED, text)]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


_OF_A_MACHINE: Final = ("machine_name", "serial_number", "model_name", "host", "key", "ble_token")
_Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a configuration file."""

    path: Path
    changes: tuple[str, ...] = ()
    """What is new in it, or changed, by names for people; none if the file had it all."""
    was_open: bool = False
    """Whether others could read the file until now."""
    kept: tuple[str, ...] = ()
    """What was there, is not what was found, and was not replaced, by names for people."""
    password_left_out: bool = False
    """Whether a password was found, and not written because nobody asked for that."""

    def __str__(self) -> str:
        said = f"{self.path} has {', '.join(self.changes)}" if self.changes else ""
        kept = f"{self.path} keeps its own {_listed([*self.kept])}, not what was found" if self.kept else ""
        said = "; ".join(part for part in (said, kept) if part) or f"{self.path} had all of it already"
        return f"{said}; others could read the file, now only you can" if self.was_open else said


@dataclass(slots=True)
class Keeper:
    """Decides what in a file may be replaced: what it put there itself, and all else only if the owner says so.

    Whoever can make the owner's proxy see a login of another account would otherwise put another key in the place of
    the owner's. Several findings of one search may correct each other, so that the last login counts.
    """

    replace: bool = False
    """Whether the owner asked for it."""
    kept: list[str] = field(default_factory=list)
    """What differs from what was found last, and stays, by names for people."""
    _own: set[tuple[str, str]] = field(default_factory=set)

    def keeps(self, place: str, old: object) -> bool:
        """Whether a value that is there has to stay; a place is an entry, or a machine."""
        return bool(old) and not self.replace and not (isinstance(old, str) and (place, old) in self._own)

    @property
    def put_a_sample_key(self) -> bool:
        """Whether the published key is in the file because it was found: a made-up login has it."""
        return any(is_sample(value) for _, value in self._own)

    def owns(self, place: str, value: str) -> None:
        """Note a value that was put into the file."""
        self._own.add((place, value))


def save(
    path: Path, found: Collection, *, tokens: bool = False, password: bool = False, keeper: Keeper | None = None
) -> Saved:
    """Merge what was found into a configuration file, which need not be there; mode 0600 always.

    Args:
        path: The file. If it is a link, what it stands for is replaced.
        found: What to put there.
        tokens: Whether to put the tokens there too: they are secrets, and expire.
        password: Whether to put the account's password there too. One that is there already shows that the owner wants
            it there.
        keeper: Decides what may be replaced; None: all, because the owner has just logged in for it. A key that is
            replaced stays in the file, as that of another machine.

    Raises:
        ConfigError: The file cannot be written, is no configuration, or has the published key of the samples; it is
            then left as it is.
    """
    keeper = keeper or Keeper(replace=True)
    changes: list[str] = []
    left_out = False

    def merge(entries: _Entry) -> None:
        nonlocal left_out
        if not keeper.put_a_sample_key:
            refuse_mixture(entries, [each.key.reveal() for each in found.keyed if each.key], str(path))
        account = found.account
        if account and account.password and not password and not entries.get("password"):
            account = replace(account, password=None)
            left_out = True
        wanted = replace(found, account=account)
        changes.extend(merged(entries, wanted, tokens=tokens, where=str(path), keeper=keeper))

    was_open = change(path, merge)
    left_out = left_out and "user name" not in keeper.kept
    return Saved(path, tuple(changes), was_open, tuple(keeper.kept), left_out)


def merged(entries: _Entry, found: Collection, *, tokens: bool, where: str, keeper: Keeper) -> list[str]:
    """Put findings into entries; the names of what is new or changed.

    Raises:
        ConfigError: `machines` is there, and not a list of machines.
    """
    changes: list[str] = []
    keeper.kept = []
    for part in (found.client, found.account, found.installation):
        changes += _put_pair(entries, part, keeper) if part else []
    of_the_login = not keeper.kept  # tokens belong to the client and the account that they were given to
    changes += _put_machines(entries, found.useful, where, keeper)
    if tokens and found.tokens and of_the_login:
        until = found.tokens.expires_at
        new = [
            _put(entries, _entry_name(name), secret.reveal())
            for name, secret in found.tokens.secrets().items()
            if secret
        ]
        if any(new):
            entries.pop("token_expires", None)  # the older one's
            if until:
                entries["token_expires"] = until.isoformat(timespec="seconds")
            changes.append("tokens")
    return changes


def _put_pair(entries: _Entry, part: Client | Account | Installation, keeper: Keeper) -> list[str]:
    """Put an id and its secret, or a user and the password, into entries; the names of what is new or changed.

    One without the other of the two is of no use, so both stay if one has to.
    """
    values = {name: secret.reveal() for name, secret in part.secrets().items() if secret}
    differ = [name for name, value in values.items() if entries.get(_entry_name(name)) not in (None, "", value)]
    of_another = "user name" in differ and "password" not in values  # what is there is another user's password
    if any(keeper.keeps(name, entries.get(_entry_name(name))) for name in [*differ, *["password"] * of_another]):
        keeper.kept += differ
        return []
    if of_another:
        entries.pop("password", None)
    changes = [name for name, value in values.items() if _put(entries, _entry_name(name), value)]
    for name in changes:
        keeper.owns(name, values[name])
    return changes


def _entry_name(name: str) -> str:
    """The name in the file of what people read as `client id` or `user name`."""
    return {"user name": "username"}.get(name, name.replace(" ", "_"))


def _put(entries: _Entry, name: str, value: str) -> bool:
    if entries.get(name) == value:
        return False
    entries[name] = value
    return True


def _put_machines(entries: _Entry, machines: list[FleetMachine], where: str, keeper: Keeper) -> list[str]:
    listed = entries.get("machines", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ConfigError(
            f'the "machines" in {where} are not a list of objects, so nothing was written: fix that first'
        )
    changes: list[str] = []
    old_keys: list[_Entry] = []
    others: list[FleetMachine] = []
    top = next((each for each in machines if _is(entries, each)), None)
    if top is None and machines and not _has_key(entries) and not entries.get("serial_number"):
        top = next((each for each in machines if not any(_is(entry, each) for entry in listed)), machines[0])
    for machine in machines:
        places = [entries] if machine is top else []
        places += [entry for entry in listed if _is(entry, machine)]
        if not places:
            others.append(machine)
            continue
        changed, replaced = _put_machine(places, machine, keeper)
        old_keys += replaced
        changes += [machine.title] if changed else []
    if others and not listed and _has_key(entries):
        listed = [{name: entries[name] for name in _OF_A_MACHINE if entries.get(name)}]
    for machine in others:
        entry: _Entry = {}
        _put_machine([entry], machine, keeper)
        listed = [*listed, entry]
        changes.append(machine.title)
    listed = [*listed, *_without(old_keys, [entries, *listed])]
    if listed:
        entries["machines"] = listed
    return changes


def _put_machine(places: list[_Entry], machine: FleetMachine, keeper: Keeper) -> tuple[bool, list[_Entry]]:
    """Put a machine into its entries; whether that changed one, and entries for the keys that were replaced."""
    others = [entry for entry in places if machine.key and _has_key(entry) and not _same_key(entry, machine)]
    if any(keeper.keeps(machine.serial_number, entry["key"]) for entry in others):
        keeper.kept.append(f"key of {machine.title}")
        return False, []
    if machine.key and not any(_same_key(entry, machine) for entry in places):
        keeper.owns(machine.serial_number, machine.key.reveal())
    if machine.ble_token:
        place, token = f"Bluetooth token of {machine.serial_number}", machine.ble_token.reveal()
        differ = [entry.get("ble_token") for entry in places if entry.get("ble_token") not in (None, "", token)]
        if any(keeper.keeps(place, each) for each in differ):
            keeper.kept.append(f"Bluetooth token of {machine.title}")
            machine = replace(machine, ble_token=None)
        else:
            keeper.owns(place, token)
    replaced = [_old(entry) for entry in others]
    filled = [_fill(entry, machine) for entry in places]
    return any(filled), replaced


def _is(entry: _Entry, machine: FleetMachine) -> bool:
    """Whether an entry is of this machine: by its serial number, or else by its key."""
    serial = entry.get("serial_number")
    if serial and machine.serial_number:
        return serial == machine.serial_number
    return _same_key(entry, machine)


def _same_key(entry: _Entry, machine: FleetMachine) -> bool:
    key = _key(entry)
    return key is not None and machine.key is not None and key.secret == machine.key.reveal().encode("latin-1")


def _has_key(entry: _Entry) -> bool:
    """Whether it has a key that is one, rather than nothing, or what an example has there."""
    return _key(entry) is not None


def _key(entry: _Entry) -> Key | None:
    text = entry.get("key")
    try:
        return Key.parse(text) if isinstance(text, str) else None
    except KeyFormatError:
        return None


def _fill(entry: _Entry, machine: FleetMachine) -> bool:
    """Write a machine into an entry. A name that the owner gave it stays."""
    if machine.key is None and machine.ble_token is None:
        return False
    values = {"serial_number": machine.serial_number, "machine_name": machine.name, "model_name": machine.model_name}
    before = dict(entry)
    if machine.key and not _same_key(entry, machine):
        entry["key"] = machine.key.reveal()
    if machine.ble_token:
        entry["ble_token"] = machine.ble_token.reveal()
    for name, value in values.items():
        if value and not entry.get(name):
            entry[name] = value
    return entry != before


def _old(entry: _Entry) -> _Entry:
    name = entry.get("machine_name") or entry.get("serial_number") or "machine"
    return {"machine_name": f"{name} (old key)", "key": entry["key"]}


def _without(old: Iterable[_Entry], known: list[_Entry]) -> list[_Entry]:
    """The entries whose key is not among the known ones, each key once."""
    keys = {_key(entry) for entry in known}
    kept = []
    for entry in old:
        if _key(entry) not in keys:
            keys.add(_key(entry))
            kept.append(entry)
    return kept
