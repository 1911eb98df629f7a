"""The values that a shell completes: names of registers and fields, conditions, machines, models, faults, entries.

Each function here is the `autocompletion` of an option or argument: it takes what is typed of a word and returns the
values that may be meant, with a few words about each where the shell can show them. Typer leaves out those that do not
begin with what is typed. A completer loads as little as it can, since the user waits for it with a finger on the Tab
key. It returns nothing rather than fail. It never returns a secret: of a configuration only the names of machines and
the names of entries are read. `shells` asks it and writes its answers for the shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_type_hints

import typer

if TYPE_CHECKING:
    from lmdecode.codec.dialect import FieldKind

Choices = list[tuple[str, str]]
"""Values, each with what it is, or ""."""

SHELLS: Final = ("bash", "zsh", "fish", "powershell")
"""The shells with completion."""
_OPERATORS: Final = {"=": "equal", "!=": "not equal", ">": "above", "<": "below", ">=": "at least", "<=": "at most"}
_ENTRIES: Final = {
    "host": "the machine's address",
    "port": "its TCP port",
    "key": "its key, the communicationKey; you are asked for it",
    "generation": "what it speaks: v1, v3 or bluetooth",
    "bluetooth": "the name that it advertises, or its Bluetooth address",
    "ble_token": "its bleAuthToken, for Bluetooth; you are asked for it",
    "machine_name": "what you call it",
    "model_name": "its model: GS3 AV, GS3 MP, Linea Mini, Linea Micra",
    "serial_number": "its serial number",
    "machine": "which one of several is meant by default",
    "client_id": "of the maker's cloud",
    "client_secret": "of the maker's cloud; you are asked for it",
    "username": "of the maker's cloud",
    "password": "of the maker's cloud; you are asked for it",
    "mqtt.host": "the MQTT broker of lmdecode bridge",
    "mqtt.username": "its user; you are asked for it",
    "mqtt.password": "its password; you are asked for it",
}


def words(known: Iterable[str] | Mapping[str, object]) -> Callable[[], Choices]:
    """Returns the completer of a word out of a few."""
    listed = [(word, "") for word in known]
    return lambda: listed


def field_name(incomplete: str) -> Choices:
    """Returns the names of fields: registers, bits, and what is derived from them.

    >>> field_name("coffee_s")
    [('coffee_set_temp', '°C, 0x0007')]
    """
    return [(name, text) for name, text in _fields().items() if name.startswith(incomplete)]


def field_names(incomplete: str) -> Choices:
    """Returns the names of fields for a list with commas: what is typed before the last comma, and a name.

    >>> field_names("pump_on,coffee_s")
    [('pump_on,coffee_set_temp', '°C, 0x0007')]
    """
    return _in_a_list(incomplete, _fields())


def captured_field_names(incomplete: str) -> Choices:
    """Returns the same of captures, which may hold messages of any generation.

    >>> captured_field_names("pump_on,coffee_boiler_s")
    [('pump_on,coffee_boiler_status', '')]
    """
    return _in_a_list(incomplete, _captured_fields())


def generation(incomplete: str) -> Choices:
    """Returns the names of the protocols, and `all`."""
    from lmdecode.codec.speakers import dialects

    titles = {name: dialect.title for name, dialect in dialects().items()} | {"all": "all of them"}
    return [(name, title) for name, title in titles.items() if name.startswith(incomplete)]


def condition(ctx: typer.Context, incomplete: str) -> Choices:
    """Returns the conditions of `--where`: words, then the ways to compare, then values."""
    from lmdecode.analysis.columns import field_kinds
    from lmdecode.analysis.filters import VALUES, parted

    word, comparison, value = parted(incomplete)
    kinds = field_kinds()
    if comparison:
        if word == "machine":
            values = dict(machine(ctx, ""))
        elif word == "name":
            values = _captured_fields()
        else:
            values = dict.fromkeys(VALUES[word], "") if word in VALUES else _values(kinds.get(word))
        return [(f"{word}{comparison}{each}", text) for each, text in _in_a_list(value, values)]
    whole = word in kinds and kinds[word].type in {"integer", "number"}
    return [
        *((f"{word}{each}", text) for each, text in _OPERATORS.items() if whole),
        *((f"{each}=", "") for each in VALUES),
        *((f"{name}=", text) for name, text in _captured_fields().items() if not whole or name != word),
    ]


def machine(ctx: typer.Context, incomplete: str) -> Choices:
    """Returns the machines of the configuration that the command would use: names, serial numbers, addresses."""
    from lmdecode._startup import load_cipher

    load_cipher()  # the module of the configuration checks keys
    from lmdecode.config.file import find_config, load_config, machine_entries

    named = ctx.params.get("config")  # as it was typed
    path = find_config(Path(named).expanduser() if named else None)
    found: dict[str, str] = {}
    for _, entry in machine_entries(load_config(path)) if path else ():
        names = [entry.get(each) for each in ("machine_name", "name", "serial_number", "host")]
        texts = [each for each in names if isinstance(each, str) and each and each.isprintable()]
        texts = [each for each in texts if "//" not in each]  # a URL, which may hold a password
        for text in texts:
            found.setdefault(text, ", ".join(each for each in texts if each != text))
    return [(name, text) for name, text in found.items() if name.startswith(incomplete)]


def model() -> Choices:
    """Returns the models, as one types them.

    >>> [name for name, _ in model()]
    ['gs3-av', 'gs3-mp', 'linea-mini']
    """
    from lmdecode.codec.v1.register import MODELS

    return [(name.lower().replace(" ", "-"), name) for name in MODELS]


def fault(ctx: typer.Context, incomplete: str) -> Choices:
    """Returns the faults that the simulator can have, of the generation that was typed."""
    from lmdecode.app.errors import UsageError
    from lmdecode.app.simulation import fault_table, generation_named
    from lmdecode.simulator.faults import NEEDS_SECONDS

    try:
        table = fault_table(generation_named(ctx.params.get("generation") or "v1"))
    except UsageError:
        return []
    named = [(f"{name}=" if name in NEEDS_SECONDS else name, does) for name, (_, does) in table.items()]
    found = [*named, ("random=", "any of these, at this rate"), ("help", "list them")]
    return [(name, does) for name, does in found if name.startswith(incomplete)]


def simulated_model(ctx: typer.Context, incomplete: str) -> Choices:
    """Returns the models that can be simulated, of the generation that was typed, as one types them."""
    from lmdecode.simulator.families import FAMILIES

    if (ctx.params.get("generation") or "v1") == "v1":
        return [(name, text) for name, text in model() if name.startswith(incomplete)]
    named = [(name.lower().replace(" ", "-"), name) for name in FAMILIES]
    return [(name, text) for name, text in named if name.startswith(incomplete)]


def simulated_generation() -> Choices:
    """Returns the generations of which a machine can be simulated.

    >>> [name for name, _ in simulated_generation()]
    ['v1', 'v3', 'bluetooth']
    """
    return [*live_generation(), ("bluetooth", "Bluetooth, with gateway v5, since 2025")]


def stream_form() -> Choices:
    """Returns the forms of the texts of v3's stream."""
    return [("members", "as by gateway v3"), ("items", "as by a Linea Micra with gateway v2")]


def live_model() -> Choices:
    """Returns the models of all generations, as one types them."""
    from lmdecode.config.names import ALL_MODELS

    return [(name.lower().replace(" ", "-"), name) for name in ALL_MODELS]


def live_generation() -> Choices:
    """Returns the generations that are talked to over the network.

    >>> [name for name, _ in live_generation()]
    ['v1', 'v3']
    """
    return [("v1", "TCP 1774, to 2023"), ("v3", "HTTP on port 8081, 2022 to 2025")]


def bluetooth(ctx: typer.Context, incomplete: str) -> Choices:
    """Returns the machines of the configuration, and the names under which they advertise."""
    return machine(ctx, incomplete)


def config_entry() -> Choices:
    """Returns the entries of config.json that somebody sets by hand."""
    return [*_ENTRIES.items()]


def _fields() -> dict[str, str]:
    """Returns the names of all fields, each with its unit and address."""
    from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS

    found: dict[str, str] = {}
    for row in REGISTERS:
        if row.name:
            found.setdefault(row.name, f"{row.unit}, 0x{row.address:04X}" if row.unit else f"0x{row.address:04X}")
    return found | {row.name: row.unit or "" for row in DERIVED}


def _captured_fields() -> dict[str, str]:
    """Returns the names of the fields of all generations, each with its unit, and its address if it has one."""
    from lmdecode.analysis.columns import field_kinds
    from lmdecode.analysis.units import unit_of

    of_v1 = _fields()
    return of_v1 | {name: unit_of(name) or "" for name in field_kinds() if name not in of_v1}


def _values(kind: FieldKind | None) -> dict[str, str]:
    if kind is None:
        return {}
    return dict.fromkeys(("yes", "no") if kind.type == "boolean" else kind.words or (), "")


def _in_a_list(incomplete: str, known: Mapping[str, str]) -> Choices:
    before, comma, begun = incomplete.rpartition(",")
    given = set(before.split(","))
    return [
        (f"{before}{comma}{each}", text) for each, text in known.items() if each not in given and each.startswith(begun)
    ]


# Typer reads the annotations of a completer anew for each command that has its option, and would compile their texts.
for _often in (machine, condition, live_model, live_generation, bluetooth):
    _often.__annotations__ = get_type_hints(_often)
