"""Credentials, found in recorded traffic with the maker's cloud or by a login to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from lmdecode.app.config import path_to_change
from lmdecode.app.errors import CommandError
from lmdecode.app.recordings import SavedFlowsReader, recorded
from lmdecode.capture.http.inflation import bodies_of_a_file
from lmdecode.cloud.collection import Collection, Saved, save
from lmdecode.cloud.findings import Problem, Secret
from lmdecode.cloud.installation_key import read_installation_key
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import is_cloud
from lmdecode.config.file import change, entries_of
from lmdecode.config.sample import check_takes_findings
from lmdecode.project import page

if TYPE_CHECKING:
    from lmdecode.cloud.login import Credentials

_MOST_COMPLAINTS: Final = 50  # of a file; a recording of a login has one or two
_PROMPTS: Final = {
    "client_id": "client id",
    "client_secret": "client secret",
    "username": "user name (e-mail address)",
    "password": "password",
}
_HIDDEN: Final = frozenset(("client_secret", "password"))


@dataclass(slots=True)
class Search:
    """The result of a search in recorded traffic."""

    found: Collection = field(default_factory=Collection)
    complaints: list[str] = field(default_factory=list)
    """What is wrong with the files and the findings, one line each."""
    requests: int = 0
    """The number of requests to the maker's cloud."""
    unread: bool = False
    """Whether a file could not be read to its end."""

    @property
    def nothing(self) -> str:
        """Why nothing was found, and what to do; "" if something was, or if the complaints say why."""
        if self.found.anything or self.found.machines:
            return ""
        if self.requests:
            return (
                f"no credentials in {self.requests:,} request{'' if self.requests == 1 else 's'} to La Marzocco's "
                "cloud: record while you log out and in again in the app, and export with sensitive data, which Chrome "
                "leaves out unless told"
            )
        if self.unread:  # nobody knows what is in it
            return ""
        return (
            "no requests to La Marzocco's cloud: record while you log out and in again in the app; how: "
            f"{page('credentials')}"
        )


def search(paths: Iterable[Path], read_saved: SavedFlowsReader) -> Search:
    """Looks for credentials in recorded traffic with the maker's cloud.

    Args:
        paths: Recordings in any form that `recorded` reads.
        read_saved: Reads flows that mitmproxy saved.
    """
    result = Search()
    for path in paths:
        said: Counter[str] = Counter()
        try:
            installation = read_installation_key(path) if path.is_file() else None
            if installation is not None:
                for each in result.found.take(installation):
                    if isinstance(each, Problem):
                        _count(said, str(each))
                result.complaints += [f"{path}: {text}" for text in said]
                continue
            with bodies_of_a_file(path.stat().st_size):
                for exchange in recorded(path, read_saved, partial(_count, said)):
                    result.requests += is_cloud(exchange.request.host)
                    for each in result.found.add(exchange):
                        if isinstance(each, Problem):
                            _count(said, str(each))
        except LmdecodeError as error:
            said[str(error)] += 1
            result.unread = True
        except OSError as error:
            said[f"cannot be read: {error.strerror}"] += 1
            result.unread = True
        result.complaints += [
            f"{path}: {text}" + (f" ({count:,} times)" if count > 1 else "") for text, count in said.items()
        ]
    return result


def _count(said: Counter[str], text: str) -> None:
    """Counts a complaint. A file can be made of a million requests, and each can have something wrong."""
    said[text if text in said or len(said) < _MOST_COMPLAINTS else "more of the kind"] += 1


@dataclass(frozen=True, slots=True)
class LoginResult:
    """The result of a login."""

    found: Collection
    saved: Saved
    """What was written into the configuration."""
    problems: tuple[Problem, ...]
    forgotten: str
    """A note that a wrong password was taken out of the configuration; "" if none was."""


def log_in(
    config: Path | None,
    *,
    username: str | None = None,
    password: str = "",
    ask_password: bool = False,
    ask: Callable[[str, bool], str] | None,
    save_tokens: bool = False,
    save_password: bool = False,
    url: str | None = None,
) -> LoginResult:
    """Logs in to the maker's cloud once, and puts what it says of the machines into the configuration.

    A rejected password is not tried again, because accounts get locked.

    Args:
        config: The configuration that the user named.
        username: The user name; None: the one in the configuration, or asked for.
        password: The password; "": the one in the configuration, or asked for.
        ask_password: Whether to ask for the password even if the configuration has one.
        ask: Asks for something by its name, hidden or not; None: there is nobody to ask.
        save_tokens: Whether to save the access tokens too.
        save_password: Whether to save the password too.
        url: The cloud; None: the maker's.

    Raises:
        CommandError: Something is missing and there is nobody to ask, or a library is not installed.
        LoginError: The login was rejected, or the cloud could not be asked.
        ConfigError: The configuration cannot be used.
    """
    path = path_to_change(config)
    check_takes_findings(path)
    entries = entries_of(path)
    known = entries.get("password")
    if username and username != entries.get("username"):
        entries |= {"username": username, "password": ""}  # the file's password is another user's
    if ask_password or password:
        entries["password"] = ""  # a password that is typed is not kept
    try:
        from lmdecode.cloud.login import CLOUD_URL
        from lmdecode.cloud.login import log_in as log_in_once
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"authlib", "requests"}:
            raise
        from lmdecode.extras import install_command

        raise CommandError(f"login needs Authlib and requests: {install_command('login')}") from None
    address = _safe(url or CLOUD_URL)
    credentials = _credentials(entries | ({"password": password} if password else {}), ask)
    found, problems = log_in_once(credentials, address)
    forgotten = ""
    if known and known != credentials.password.reveal():  # another user's, or an old one
        change(path, lambda entries: entries.pop("password", None))
        forgotten = f"the password in {path} was not the right one, and was taken out"
    saved = save(path, found, tokens=save_tokens, password=save_password)
    return LoginResult(found, saved, tuple(problems), forgotten)


def findings_as_json(found: Collection, *, tokens: bool, show_secrets: bool) -> dict[str, object]:
    """Returns what was found as JSON has it, with the names of config.json; what was not found is null.

    Args:
        found: What was found.
        tokens: Whether the tokens are part of it.
        show_secrets: Whether secrets are left readable.
    """

    def shown(secret: Secret | None) -> str | None:
        return secret.shown(show_secrets=show_secrets) if secret else None

    client, account = found.client, found.account
    entries: dict[str, object] = {
        "client_id": shown(client.client_id) if client else None,
        "client_secret": shown(client.client_secret) if client else None,
        "username": shown(account.username) if account else None,
        "password": shown(account.password) if account else None,
    }
    if tokens:
        entries["access_token"] = shown(found.tokens.access_token) if found.tokens else None
        entries["refresh_token"] = shown(found.tokens.refresh_token) if found.tokens else None
    if found.installation:
        for name, secret in found.installation.secrets().items():
            entries[name.replace(" ", "_")] = shown(secret)
    entries["machines"] = [
        {
            "machine_name": each.name or None,
            "serial_number": each.serial_number or None,
            "model_name": each.model_name or None,
            "key": shown(each.key),
            **({"ble_token": shown(each.ble_token)} if each.ble_token else {}),
        }
        for each in found.machines
    ]
    return entries


def saved_as_json(saved: Saved | None) -> dict[str, object] | None:
    """Returns what became of the configuration as JSON has it; None if it was not written."""
    if saved is None:
        return None
    return {"path": str(saved.path), "changes": list(saved.changes), "kept": list(saved.kept)}


def _safe(url: str) -> str:
    """Returns the address of a cloud to which a password may be sent.

    Raises:
        CommandError: It is neither https nor this computer.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise CommandError("--cloud-url is not an address: it should be https://…") from None
    if parts.username or parts.password:
        raise CommandError("--cloud-url takes no user name or password: they are asked for")
    if not parts.hostname or (parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}):
        raise CommandError(f"--cloud-url {url}: a password is only sent to https://…, or to this computer")
    return url.rstrip("/")


def _credentials(entries: Mapping[str, object], ask: Callable[[str, bool], str] | None) -> Credentials:
    """Returns what to log in with: from the configuration, or asked for.

    Raises:
        CommandError: Something is missing, and there is nobody to ask.
    """
    from lmdecode.cloud.login import Credentials

    given: dict[str, Secret] = {}
    for name, prompt in _PROMPTS.items():
        value = entries.get(name)
        text = value if isinstance(value, str) else ""
        if not text and ask is None:
            from_where = "lmdecode harvest finds it" if name.startswith("client") else "put it into the config"
            raise CommandError(f"no {prompt}, and nobody to ask: {from_where}, or run this in a terminal")
        if not text and ask is not None:
            hidden = name in _HIDDEN
            text = ask(prompt, hidden) if hidden else ask(prompt, hidden).strip()
        given[name] = Secret(text)
    return Credentials(**given)
