"""`lmdecode login`: from user name and password to the machines' keys in config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import ConfigOption
from lmdecode.cli._common.prompt import asked, is_somebody_there, line_from_stdin, printable

if TYPE_CHECKING:
    from pathlib import Path

    from lmdecode.cloud.login import Credentials

_PROMPTS = {
    "client_id": "client id",
    "client_secret": "client secret",
    "username": "user name (e-mail address)",
    "password": "password",
}
_HIDDEN = frozenset(("client_secret", "password"))


@reports_errors
def login(
    config: ConfigOption = None,
    username: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Default: that of the config, or asked for.", show_default=False)
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="Ask for the password even if the config has one.")
    ] = False,
    save_tokens: Annotated[
        bool, typer.Option("--save-tokens", help="Put the access tokens into the config too; they expire.")
    ] = False,
    save_password: Annotated[
        bool, typer.Option("--save-password", help="Put the password into the config, if it is not there.")
    ] = False,
    cloud_url: Annotated[str | None, typer.Option(metavar="URL", help="The cloud, if it is not the maker's.")] = None,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show the keys that were found.")] = False,
) -> None:
    """Log in to the maker's cloud once, and put what it says of your machines into config.json.

    Examples:

        lmdecode login

        lmdecode login --config ~/machine/config.json --username me@example.com

        pass show lamarzocco | lmdecode login --password-stdin

    It needs the app's client id and client secret, which `lmdecode harvest` finds, and your user name and password.
    What the config does not have is asked for; nothing secret is taken from the command line, where others could see
    it. A password that you type is used once and not kept. A rejected one is not tried again, because accounts get
    locked.
    """
    from lmdecode.cloud.collection import save
    from lmdecode.config.file import default_paths, load_config
    from lmdecode.config.store import check_writable

    path = config or next((each for each in default_paths() if each.is_file()), default_paths()[-1])
    if config is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    entries = dict(load_config(path).entries) if path.exists() else {}
    known = entries.get("password")
    if username and username != entries.get("username"):
        entries |= {"username": username, "password": ""}  # the file's password is another user's
    typed = ""
    if ask_password or password_stdin:
        typed = _from_stdin() if password_stdin else ""
        entries["password"] = ""
    try:
        from lmdecode.cloud.login import CLOUD_URL, log_in
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in {"authlib", "requests"}:
            raise
        raise CommandError("login needs Authlib and requests: pip install 'lmdecode[login]'") from None
    url = _safe(cloud_url or CLOUD_URL)
    credentials = _credentials(entries | ({"password": typed} if typed else {}))
    found, problems = log_in(credentials, url)
    if found.account and not save_password and not entries.get("password"):
        found.account = replace(found.account, password=None)
    for problem in problems:
        complain(str(problem))
    _forget_other(path, known, credentials)
    saved = save(path, found, tokens=save_tokens)
    for machine in found.machines:
        key = machine.key.shown(show_secrets=show_secrets) if machine.key else "none"
        typer.echo(f"{printable(machine.title)}: key {printable(key)}")
    typer.echo(saved, err=True)
    if not found.keyed:
        raise typer.Exit(1)
    typer.echo("next: lmdecode decode morning.pcap" + (f" --config {config}" if config else ""), err=True)


def _forget_other(path: Path, known: object, credentials: Credentials) -> None:
    """Take a password out of the config that was not the right one: another user's, or an old one."""
    from lmdecode.config.store import change

    if known and known != credentials.password.reveal():
        change(path, lambda entries: entries.pop("password", None))
        typer.echo(f"the password in {path} was not the right one, and was taken out", err=True)


def _safe(url: str) -> str:
    """The address of a cloud to which a password may be sent.

    Raises:
        CommandError: It is not https, nor this computer.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise CommandError("--cloud-url is no address: it should be https://…") from None
    if parts.username or parts.password:
        raise CommandError("--cloud-url takes no user name or password: they are asked for")
    if not parts.hostname or (parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}):
        raise CommandError(f"--cloud-url {url}: a password is only sent to https://…, or to this computer")
    return url.rstrip("/")


def _credentials(entries: Mapping[str, object]) -> Credentials:
    """What to log in with: from the config, or else asked for.

    Raises:
        CommandError: Something is missing, and there is nobody to ask.
    """
    from lmdecode.cloud.findings import Secret
    from lmdecode.cloud.login import Credentials

    given: dict[str, Secret] = {}
    for name, prompt in _PROMPTS.items():
        value = entries.get(name)
        text = value if isinstance(value, str) else ""
        if not text and not is_somebody_there():
            from_where = "lmdecode harvest finds it" if name.startswith("client") else "put it into the config"
            raise CommandError(f"no {prompt}, and nobody to ask: {from_where}, or run this in a terminal")
        hidden = name in _HIDDEN
        if not text:
            text = asked(prompt, hidden=hidden) if hidden else asked(prompt, hidden=hidden).strip()
        given[name] = Secret(text)
    return Credentials(**given)


def _from_stdin() -> str:
    line = line_from_stdin("the password")
    if not line:
        raise CommandError("--password-stdin: there is no password on standard input")
    return line
