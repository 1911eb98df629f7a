"""The configuration file, `config.json`: the one that users of these machines' other tools have already.

    {"host": "…", "port": "1774", "key": "…", "client_id": "…", …}

An owner of several machines lists them, each with the same entries:

    {…, "machines": [{"machine_name": "kitchen", "serial_number": "…", "host": "…", "key": "…"}, …]}

It holds secrets, so no error quotes its content.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lmdecode.atomic_file import behind_links, replacing
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.errors import KeyFormatError, LmdecodeError
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.config import CONFIG_VARIABLE
from lmdecode.config.json_lines import Steps, entry_lines, line_of
from lmdecode.config.names import AT_THE_TOP, nearest, shortened, without_user

FILE_NAME = "config.json"
_MOST = 32 << 20  # characters, a hundred times what a fleet of thousands of machines has; /dev/zero has no end
_HUGE = re.compile(r"(?<![0-9])[0-9]{4300}", re.ASCII).search
_DEEPEST: Final = 60  # objects and lists in each other; Python gives up at some hundreds, ours needs three
_NESTED: Final = (dict, list)
_FOR_OTHERS: Final = 0o077
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch  # Python refuses to read numbers of thousands of digits
_NAMES = ("machine_name", "name", "serial_number", "host")  # the entries that can name a machine, the best first


class ConfigError(LmdecodeError):
    """A configuration file that cannot be used; one line that says why and what to do."""


class NoConfigError(ConfigError):
    """A configuration file that was named and is not there."""

    exit_code = 2


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """A configuration file that was read."""

    path: Path
    entries: Mapping[str, object]
    text: str = ""
    """The text of the file, to find the lines of its entries."""

    def at(self, *steps: str | int) -> str:
        """Returns where an entry stands, for messages: `config.json, line 4`.

        Args:
            *steps: The way to the entry: its name, or `"machines"`, a number from 0 and its name.
        """
        line = line_of(self.text, steps)
        return f"{self.path}, line {line}" if line else str(self.path)

    def key(self) -> Key:
        """Returns the machine's key, from the entry `key`.

        Raises:
            ConfigError: There is no entry, or it is not a key.
        """
        text = self.entries.get("key")
        if text is None:
            raise ConfigError(f'{self.path} has no "key"{self._others()}: lmdecode config set key')
        if text == "":
            raise ConfigError(f'{self.at("key")}: "key" is empty: lmdecode config set key')
        return parse_key(text, f'{self.at("key")}: "key"')

    def _others(self) -> str:
        """Returns a remark on a file that seems to be another program's; "" if it has an entry of ours."""
        if not self.entries or any(name in self.entries for name in AT_THE_TOP):
            return ""
        near = next(((name, near) for name in self.entries if (near := nearest(name))), None)
        if near is None:
            return ", and no other entry of lmdecode's, so it may be another program's"
        return f' (line {line_of(self.text, (near[0],))} has {json.dumps(near[0][:40])}: did you mean "{near[1]}"?)'

    def machines(self, *, needed: bool = False) -> list[MachineKey]:
        """Returns all machines with a key, each key once: the file's own, then those in the list `machines`.

        Args:
            needed: Whether a file without any is an error.

        Raises:
            ConfigError: A key is not valid, `machines` is not a list of machines, or a needed key is missing.
        """
        listed = self.entries.get("machines", [])
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise ConfigError(f'{self.at("machines")}: "machines" is not a list of objects: [{{"key": "…"}}, …]')
        found: dict[Key, str] = {}
        for number, entry in enumerate([self.entries, *listed]):
            steps = ("machines", number - 1, "key") if number else ("key",)
            text = entry.get("key")
            if text is None or text == "":
                continue
            of = f" of machine {number}" if number else ""
            key = parse_key(text, f'{self.at(*steps)}: "key"{of}')
            name = next((entry[what] for what in _NAMES if isinstance(entry.get(what), str) and entry[what]), "")
            # JSON's escapes can hold half of a character, which cannot be encoded.
            name = without_user(name, is_host=name == entry.get("host"))
            found[key] = name.encode("utf-8", "replace").decode() or found.get(key, "")
        if needed and not found:
            self.key()  # says what is missing
        names = list(found.values())
        return [
            MachineKey(name if name and names.count(name) == 1 else f"{name or 'machine'} {number}", key)
            for number, (key, name) in enumerate(found.items(), 1)
        ]


def parse_key(text: object, what: str) -> Key:
    """Returns the key of an entry.

    Args:
        text: The entry's value.
        what: Which entry it is, for messages.

    Raises:
        ConfigError: It is not text, or not a key.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{what} is not text: put it in double quotes")
    try:
        return Key.parse(text)
    except KeyFormatError as error:
        raise ConfigError(f"{what}: {error}") from None


def default_paths() -> list[Path]:
    """Returns where a configuration file is looked for, in order: the current folder, the user's config folder.

    Where the environment names one, it is the only one.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return [Path(named)]
    return [*dict.fromkeys([Path(FILE_NAME), users_path()])]


def users_path() -> Path:
    """Returns where the user's configuration is if it is not in the current folder.

    A user without a home, as services and containers have them, has none but that in the current folder.
    """
    folder = _plain_folder()
    if folder is not None:
        return folder / FILE_NAME
    import platformdirs  # noqa: PLC0415 -- it takes 6 ms, and captures are decoded without most of it

    try:
        return platformdirs.user_config_path("lmdecode", appauthor=False) / FILE_NAME
    except RuntimeError:  # so Python says it
        return Path(FILE_NAME)


def _plain_folder() -> Path | None:
    """Returns the folder of our configuration on a Linux whose environment says where it is; None for all else.

    It is where platformdirs looks: in $XDG_CONFIG_HOME, or in .config of the home.
    """
    if sys.platform != "linux" or hasattr(sys, "getandroidapilevel") or "ANDROID_ROOT" in os.environ:
        return None
    named, home = os.environ.get("XDG_CONFIG_HOME", ""), os.environ.get("HOME", "")
    folder = named or (home and f"{home}/.config")
    is_plain = folder.startswith("/") and not folder.startswith("//") and folder == folder.strip()
    return Path(folder, "lmdecode") if is_plain else None


def find_config(named: Path | None = None) -> Path | None:
    """Returns the configuration to read: the one that the user named, or the first one that is there; None if none is.

    This is the one rule for reading. The rule for writing is the same, with `path_to_change` for a new file.

    Args:
        named: The value of `--config`.

    Raises:
        NoConfigError: The environment names a file that is not there.
    """
    if named is not None:
        return named
    paths = default_paths()
    found = next((path for path in paths if path.is_file()), None)
    if found is None and os.environ.get(CONFIG_VARIABLE):
        raise NoConfigError(f"there is no file {paths[0]}: check the name in {CONFIG_VARIABLE}")
    return found


def path_to_change(named: Path | None = None) -> Path:
    """Returns the configuration to write: the one to read, or a new one in the user's config folder.

    Args:
        named: The value of `--config`.
    """
    if named is not None:
        return named
    paths = default_paths()
    return next((path for path in paths if path.is_file()), paths[-1])


def load_config(path: Path) -> Config:
    """Reads a configuration file.

    Raises:
        ConfigError: It cannot be read, or is not a JSON object in UTF-8.
    """
    from lmdecode.config.foreign_files import whose, why_not_json  # noqa: PLC0415 -- many have no file

    text = _text(path)
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path} is not JSON: {why_not_json(text, error)}") from None
    except ValueError:  # so Python says of a number of more than 4,300 digits
        line = text.count("\n", 0, match.start()) + 1 if (match := _HUGE(text)) else 1
        raise ConfigError(f"{path}, line {line}: a number has too many digits: fix it") from None
    except RecursionError:
        raise ConfigError(f"{path} is not a configuration file: it is nested too deeply") from None
    if not isinstance(entries, dict):
        raise ConfigError(f"{path} is not a configuration file: line 1: {_not_an_object(entries)}")
    if _is_deep(entries):
        raise ConfigError(f"{path} is not a configuration file: it is nested too deeply")
    config = Config(path, entries, text)
    if other := whose(entries):
        raise ConfigError(f"{config.at(*other[0])}: {other[1]}")
    return config


def _is_deep(entries: object) -> bool:
    """Whether objects and lists are nested so deeply that walking through them could fail."""
    level = [entries]
    for _ in range(_DEEPEST):
        containers = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, _NESTED)]
        level = [inner for each in containers for inner in each]
        if not level:
            return False
    return True


def _text(path: Path) -> str:
    """Reads the text of a file.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
    except FileNotFoundError:
        raise NoConfigError(f"there is no file {path}: check the name given to --config") from None
    except IsADirectoryError:
        raise NoConfigError(f"{path} is a folder: name the file in it, such as {path / FILE_NAME}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {_encoding(error)}") from None
    if len(text) == _MOST:
        raise ConfigError(f"{path} is not a configuration file: it is far too long")
    return text


def _encoding(error: UnicodeDecodeError) -> str:
    """Returns what to do with a file that is not UTF-8."""
    if error.object[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in error.object[:4]:
        return "it seems to be UTF-16, as PowerShell writes it; save it as UTF-8"
    line = error.object.count(b"\n", 0, error.start) + 1
    return f"line {line} has an invalid byte; save it as UTF-8, or write characters above 127 as \\u00xx"


def _not_an_object(value: object) -> str:
    """Returns what a JSON value is instead of an object, and what to do."""
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return 'it is a list; a list of machines has a name: {"machines": […]}'
    kind = "a list" if isinstance(value, list) else "a single value"
    return f'it is {kind} and must be one JSON object, {{"host": "…", "key": "…"}}'


def machine_entries(config: Config) -> list[tuple[str, Mapping[str, object]]]:
    """Returns the machines of a configuration, each with what messages call it."""
    listed = config.entries.get("machines", [])
    machines: list[tuple[str, Mapping[str, object]]] = []
    if any(config.entries.get(name) for name in ("key", "host", "bluetooth", "ble_token")) or not listed:
        machines.append(("", config.entries))
    if isinstance(listed, list):
        machines += [
            (f"machine {number}: ", entry) for number, entry in enumerate(listed, 1) if isinstance(entry, Mapping)
        ]
    return machines


def port_of(entry: Mapping[str, object]) -> int | None:
    """Returns the machine's port, the default if the entry names none; None if it names an invalid one."""
    value = entry.get("port", PORT)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if _DIGITS(text) and 0 < int(text) < 0x10000 else None


_MODE: Final = 0o600
_ABANDONED: Final = 60.0  # seconds after which nobody writes a file of some kilobytes any more


def check_writable(path: Path) -> None:
    """Checks early whether a configuration can be written.

    Raises:
        ConfigError: The file is not a configuration, or its folder does not exist; one line.
    """
    _entries(_target(path))


def entries_of(path: Path) -> dict[str, object]:
    """Returns the entries of a configuration that is to be changed; none if it is not there yet, or empty.

    Raises:
        ConfigError: As `check_writable`.
    """
    return _entries(_target(path))[0]


def change(path: Path, edit: Callable[[dict[str, object]], object]) -> bool:
    """Changes the entries of a configuration file, or makes a new one; its mode is always 0600.

    Args:
        path: The file. Of a link, the target is replaced.
        edit: Takes the entries, and changes them in place.

    Returns:
        Whether others could read the file before.

    Raises:
        ConfigError: The file cannot be written, or is not a configuration; it stays as it is.
    """
    target = _target(path)
    try:
        with _locked(target.parent):
            entries, indent = _entries(target)
            before = json.dumps(entries)
            edit(entries)
            was_open = target.exists() and bool(stat.S_IMODE(target.stat().st_mode) & _FOR_OTHERS)
            if json.dumps(entries) != before:
                _sweep(target)
                with replacing(target, private=True) as file:
                    file.write(f"{json.dumps(entries, indent=indent)}\n".encode())
            elif was_open:
                target.chmod(_MODE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; nothing in it was changed") from None
    return was_open


def _sweep(target: Path) -> None:
    """Removes what writers that were killed have left beside a file: its secrets in the making."""
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.lstat().st_mtime > _ABANDONED:
                part.unlink()


def _target(path: Path) -> Path:
    """Returns the file that a path stands for, through links."""
    target = behind_links(path)
    if target is None:
        raise ConfigError(f"{path} is a link that leads back to itself: name another file")
    return target


def _entries(path: Path) -> tuple[dict[str, object], int | str | None]:
    """Returns the entries of a file, in its order, and its indentation. An empty file is as one that is not there."""
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {path.parent}")
    if not path.exists():
        return {}, 2
    if not path.is_file() and not path.is_dir():
        raise ConfigError(f"{path} is not an ordinary file, so no secrets are written to it")
    try:
        if path.is_file() and not path.stat().st_size:
            return {}, 2
        config = load_config(path)
        text = config.text
        json.loads(text, object_pairs_hook=_without_repeats)
    except ConfigError as error:
        raise ConfigError(f"{error}; it was not changed: fix it, or name another file") from None
    except KeyError as error:
        where = _repeated(text)
        raise ConfigError(f"{path}{where or f' has {error} twice'}; it was not changed: remove one of them") from None
    return dict(config.entries), _indent(text)


def _repeated(text: str) -> str:
    """Returns which entry is there twice, and on which lines; "" if none is."""
    seen: dict[Steps, int] = {}
    for steps, line in entry_lines(text):
        if steps in seen:
            return f", line {line}: {json.dumps(shortened(str(steps[-1])))} is there twice, in line {seen[steps]} too"
        seen[steps] = line
    return ""


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuses an object with a name that occurs twice, because one value would be lost."""
    entries: dict[str, object] = {}
    for name, value in pairs:
        if name in entries:
            raise KeyError(name)
        entries[name] = value
    return entries


def _indent(text: str) -> int | str | None:
    """Returns the indentation of a file; None if it is all on one line."""
    match = re.search(r"^\s*\{[^\n]*\n([ \t]*)", text)
    return (match.group(1) or 0) if match else None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other lmdecode processes from writing in a folder, where the system can lock it."""
    try:
        import fcntl  # noqa: PLC0415 -- Windows does not have it
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
