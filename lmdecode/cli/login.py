"""`lmdecode login`: gets the machines' keys with user name and password, and saves them in config.json."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, failures_as_json, reports_errors
from lmdecode.cli._common.options import ConfigOption, JsonOption, SavePasswordOption, SaveTokensOption
from lmdecode.cli._common.prompt import asked, is_somebody_there, line_from_stdin, quoted
from lmdecode.codec.printable import printable


@reports_errors
def login(
    config: ConfigOption = None,
    username: Annotated[
        str | None,
        typer.Option(
            metavar="EMAIL",
            help="Your user name. Without it, the one in the config is used, or you are asked.",
            show_default=False,
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="Ask for the password even if the config has one.")
    ] = False,
    save_tokens: SaveTokensOption = False,
    save_password: SavePasswordOption = False,
    cloud_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of the cloud, if not the maker's own.")
    ] = None,
    as_json: JsonOption = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show the keys that were found.")] = False,
) -> None:
    """Log in to the maker's cloud once, and put your machines and their keys into config.json.

    Examples:

        lmdecode login

        lmdecode login --config ~/machine/config.json --username me@example.com

        pass show lamarzocco | lmdecode login --password-stdin

    The login needs the app's client id and client secret, which `lmdecode harvest` finds, and your user name and
    password. The command asks for whatever the config lacks. It takes no secret from the command line, where others
    could see it. A password that you type is used once and not kept, unless you give --save-password. A rejected one is
    not tried again, because accounts get locked. Without a config.json, a new one is made in your config folder.
    """
    from lmdecode.app.config import next_step
    from lmdecode.app.credentials import findings_as_json, log_in, saved_as_json

    with failures_as_json(as_json):
        result = log_in(
            config,
            username=username,
            password=_from_stdin() if password_stdin else "",
            ask_password=ask_password,
            ask=(lambda prompt, hidden: asked(prompt, hidden=hidden)) if is_somebody_there() else None,
            save_tokens=save_tokens,
            save_password=save_password,
            url=cloud_url,
        )
    for problem in result.problems:
        complain(str(problem))
    if result.forgotten:
        echo(result.forgotten, err=True)
    if as_json:
        found = findings_as_json(result.found, tokens=False, show_secrets=show_secrets)
        echo_json({"machines": found["machines"], "saved": saved_as_json(result.saved)}, ascii_only=True)
    else:
        for machine in result.found.machines:
            key = machine.key.shown(show_secrets=show_secrets) if machine.key else "none"
            echo(f"{printable(machine.title)}: key {quoted(key)}")
    echo(str(result.saved), err=True)
    if not result.found.keyed:
        raise typer.Exit(1)
    echo(f"next: {next_step(result.saved.path, config)}", err=True)


def _from_stdin() -> str:
    line = line_from_stdin("the password")
    if not line:
        raise CommandError("--password-stdin: there is no password on standard input")
    return line
