"""From the options of a user to a connection with a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lmdecode.codec.errors import RegisterError

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.client import Client
    from lmdecode.device.session import Session


def target_for(
    *,
    host: str | None,
    port: int | None,
    key: str | None,
    config: Path | None,
    machine: str | None,
    model: str | None = None,
    connecting: bool = True,
) -> Target:
    """Returns the machine that the options mean; see `find_target`.

    Raises:
        RegisterError: There is no such model.
    """
    from lmdecode.config.targets import find_target

    return find_target(
        host=host,
        port=port,
        key=key,
        config=config,
        machine=machine,
        model=None if model is None else model_named(model),
        connecting=connecting,
    )


def model_named(text: str) -> str:
    """Returns a model by its name as people write it: `gs3-av`, `Linea Mini`.

    Raises:
        RegisterError: There is no such model.
    """
    from lmdecode.codec.v1.model import MODELS

    named = {each.lower().replace(" ", ""): each for each in MODELS}
    found = named.get(text.lower().replace(" ", "").replace("-", "").replace("_", ""))
    if found is None:
        raise RegisterError(f"no model {text[:40]!r}: give {', '.join(MODELS)}")
    return found


def client_for(
    target: Target,
    *,
    timeout: float,
    stream: int = 0,
    show_secrets: bool = False,
    keep_alive: float | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> Client:
    """Returns a client for a machine, not connected yet; see `Client`."""
    from lmdecode.codec.v1.requester import requesters
    from lmdecode.device.client import Client

    return Client(
        target.host,
        target.port,
        requesters(target.key, show_secrets=show_secrets),
        timeout=timeout,
        stream=stream,
        keep_alive=keep_alive,
        on_record=on_record,
    )


def session_for(
    target: Target,
    *,
    timeout: float,
    show_secrets: bool = False,
    tries: int | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> Session:
    """Returns a session with a machine, not connected yet; see `Session`."""
    from lmdecode.device.session import TRIES, Session

    def connector(number: int) -> Client:
        return client_for(target, timeout=timeout, stream=number, show_secrets=show_secrets, on_record=on_record)

    return Session(connector, tries=TRIES if tries is None else tries)
