"""The columns of a table of records, known before the first record is read, and the user's choice among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import dialects

_OF_ALL: Final = tuple(
    "time" if name == "time_ns" else name
    for name in Record._fields
    if name not in {"fields", "generation", "capture", "request", "subject", "extra"}
)
_OF_OTHERS: Final = ("generation", "subject", "extra")
"""What tells records of other dialects than v1 apart; behind the columns that tables of v1 always had."""


class _Kinds(Mapping[str, FieldKind]):
    """The fields of all dialects. Those of a dialect are loaded when no dialect before it has the name."""

    def __getitem__(self, name: str) -> FieldKind:
        for dialect in dialects().values():
            kind = dialect.fields().get(name)
            if kind is not None:
                return kind
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @staticmethod
    @cache
    def _all() -> Mapping[str, FieldKind]:
        found: dict[str, FieldKind] = {}
        for dialect in dialects().values():
            for name, kind in dialect.fields().items():
                found.setdefault(name, kind)
        return found


_KINDS: Final = _Kinds()


def field_kinds() -> Mapping[str, FieldKind]:
    """Return the fields that records can have, with their types, in the order of the dialects' tables.

    Names of v1 are looked up without the vocabulary of the others, which takes a while to load.
    """
    return _KINDS


def in_order(names: Collection[str]) -> tuple[str, ...]:
    """Return some fields in the order of `field_kinds`, without what no name needs to be loaded for.

    >>> in_order({"steam_temp", "power", "coffee_temp"})
    ('power', 'coffee_temp', 'steam_temp')
    """
    left, found = set(names), []
    for dialect in dialects().values():
        if not left:
            break
        own = [name for name in dialect.fields() if name in left]
        left.difference_update(own)
        found += own
    return tuple(found)


def current_name(name: str) -> str:
    """Return the name that a field has today, for one of its spellings; any other text as it is.

    Hyphens may stand for underscores. A setting's name stands for the register that it sets, if that is one.

    >>> [current_name(each) for each in ("machine_running_seconds", "coffee-set-temp", "hot-water-dose")]
    ['machine_running_minutes', 'coffee_set_temp', 'dose_hot_water']
    """
    if name in field_kinds() or is_glob(name):
        return name
    plain = name.lower().replace("-", "_")
    plain = _former_names().get(plain, plain)
    if plain in field_kinds():
        return plain
    shown = of_setting(name)
    return shown[0] if len(shown) == 1 else name


def of_setting(name: str) -> tuple[str, ...]:
    """Returns the fields that show a setting, by a name of it that is not a field's; () if there is no such setting."""
    from lmdecode.codec.v1.setting_words import names_of  # noqa: PLC0415 -- only names of settings need it
    from lmdecode.codec.v1.settings import SETTINGS, present_name  # noqa: PLC0415

    setting = SETTINGS.get(present_name(name))
    if setting is None:
        return ()
    names = [setting.shown] if setting.shown else names_of(setting, {})
    return tuple(each for each in names if each in field_kinds() and each != "command")


@cache
def _former_names() -> Mapping[str, str]:
    return {kind.formerly: name for name, kind in field_kinds().items() if kind.formerly}


def record_columns(*, several: bool = False) -> tuple[str, ...]:
    """Return the columns that a table of records has before those of their fields, in the order of `--format jsonl`.

    Args:
        several: Whether the records are of several captures, so that a column names the capture.
    """
    return (*_OF_ALL, *_OF_OTHERS, *(("capture",) if several else ()))


class FieldNameError(LmdecodeError, ValueError):
    """A name that is not on the memory map."""


class Selection:
    """The fields that are to be seen.

    A record that has none of them is not seen at all, its problems neither: who asks for temperatures wants a column
    of temperatures, and the summary counts the problems anyway.

    Args:
        names: Those chosen.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def apply(self, record: Record) -> Record | None:
        """The record with the chosen fields only, in the order in which they were chosen; None without any.

        >>> Selection(["steam_temp"]).apply(Record(0, 0, "app", "a", "b")) is None
        True
        """
        fields = record.fields
        chosen = {name: fields[name] for name in self._names if name in fields}
        return record._replace(fields=chosen) if chosen else None


def chosen_fields(texts: Iterable[str]) -> tuple[str, ...]:
    """The names in comma-separated lists, each once; a glob stands for all names that fit it.

    Raises:
        FieldNameError: A name that is not on the map, or a glob that fits none.

    >>> chosen_fields(["coffee_temp,steam_*temp", "coffee_temp"])
    ('coffee_temp', 'steam_set_temp', 'steam_temp')
    """
    names: dict[str, None] = {}
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        if piece:
            names.update(dict.fromkeys(check_name(piece)))
    if not names:
        raise FieldNameError("no field is named; for example coffee_temp,steam_temp")
    return tuple(names)


def check_name(text: str, kinds: Mapping[str, FieldKind] | None = None) -> tuple[str, ...]:
    """Return the names of fields that a name or glob stands for.

    Args:
        text: The name or glob.
        kinds: The fields that are meant; None for those of all dialects.

    Raises:
        FieldNameError: No field has such a name.
    """
    kinds = field_kinds() if kinds is None else kinds
    name = current_name(text)
    if name in kinds:
        return (name,)
    if is_glob(text):
        found = tuple(name for name in kinds if fnmatchcase(name, _plain_glob(text.lower())))
        if found:
            return found
        raise FieldNameError(f"no field fits {text!r}; lmdecode registers lists them")
    if found := of_setting(text):
        return found
    raise FieldNameError(f"no field {text!r}{nearest(text, kinds, patterns=True)}")


def _plain_glob(text: str) -> str:
    """Returns a glob with underscores for the hyphens that are not in brackets, where one stands for a range."""
    first, *rest = text.split("[")
    parts = [piece.partition("]") for piece in rest]
    return first.replace("-", "_") + "".join(f"[{inside}{end}{after.replace('-', '_')}" for inside, end, after in parts)


_MOST_OFFERED: Final = 6  # as many as there are doses


def nearest(
    text: str, known: Iterable[str], otherwise: str = "; lmdecode registers lists them", *, patterns: bool = False
) -> str:
    """What to add to a complaint about a word that is not known.

    Args:
        text: The word.
        known: The valid words.
        otherwise: What to add if none is near.
        patterns: Whether a pattern may be offered, where one of several names would be a guess.

    >>> nearest("cofee_temp", field_kinds())
    '; did you mean coffee_temp?'
    >>> nearest("steam_boiler", ["coffee_temp", "steam_boiler_enable"])
    '; did you mean steam_boiler_enable?'
    >>> nearest("drinks", field_kinds(), patterns=True), nearest("dose_k9", field_kinds(), patterns=True)
    ("; did you mean 'drinks_*'?", "; did you mean 'dose_k*'?")
    >>> nearest("dose_k9", field_kinds())
    '; there are dose_k1 to dose_k5'
    """
    word, names = text.strip().lower().replace("-", "_"), list(known)
    group = [name for name in names if word and name.startswith(f"{word}_")]
    if word and not is_glob(word):
        stem = word.rstrip("0123456789")
        numbered = [name for name in names if stem != word and name.startswith(stem)]
        if patterns and len(group) > 1:
            return f"; did you mean '{word}_*'?"
        if len(numbered) > 1:
            return f"; did you mean '{stem}*'?" if patterns else f"; there are {numbered[0]} to {numbered[-1]}"
    if group:
        more = ", …" if len(group) > _MOST_OFFERED else ""
        return f"; did you mean {', '.join(group[:_MOST_OFFERED])}{more}?"
    near = get_close_matches(word, names, n=1)
    return f"; did you mean {near[0]}?" if near else otherwise


def is_glob(text: str) -> bool:
    """Whether a text has wildcards."""
    return not set(text).isdisjoint("*?[")
