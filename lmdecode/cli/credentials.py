"""`lmdecode credentials`: finds credentials in recorded traffic with the maker's cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, failures_as_json, reports_errors
from lmdecode.cli._common.options import JsonOption, ReplaceOption, SavePasswordOption, SaveTokensOption
from lmdecode.cli._common.prompt import quoted, wants_password

if TYPE_CHECKING:
    from lmdecode.app.credentials import Search
    from lmdecode.capture.http.exchange import Exchange
    from lmdecode.cloud.collection import Collection, Saved


@reports_errors
def credentials(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Flows that mitmproxy saved, HTTP archives (HAR), sessions of Charles as JSON (.chlsj) or of Fiddler "
            "(.saz); compressed or in a zip, too. Or pylamarzocco's installation_key.json.",
            show_default=False,
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            "--output",
            "-o",
            metavar="FILE",
            help="Save the credentials in this config.json. Other entries stay; afterwards only you can read the file.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        bool,
        typer.Option(
            "--save",
            help="Save the credentials in ./config.json if it is there, otherwise in the one in your config folder.",
        ),
    ] = False,
    save_password: SavePasswordOption = False,
    save_tokens: SaveTokensOption = False,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show the credentials instead of **.")] = False,
) -> None:
    """Find client id, client secret, user name, password, keys and tokens in recorded traffic with the cloud.

    Examples:

        lmdecode credentials login.flow --save

        lmdecode credentials charles.har proxyman.har.gz fiddler.saz

    Record the traffic while the app logs in: with `mitmdump -w login.flow`, or with a browser, Charles, Proxyman or
    HTTP Toolkit, which export HAR. Only credentials that the cloud accepted are used. Without --save or --config
    nothing is written. The exit code is 1 if nothing is found, or if a file could not be read to its end; what was read
    before that is used.
    """
    from lmdecode.app.config import path_to_change
    from lmdecode.app.credentials import findings_as_json, saved_as_json, search
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.config.file import check_writable

    paths = expanded(files)
    path = path_to_change(config) if config or save or save_password or save_tokens else None
    if path is not None:
        refuse_to_overwrite(path, paths)
        check_writable(path)
    with failures_as_json(as_json):
        result = search(paths, _read_saved)
        for complaint in result.complaints:
            complain(complaint)
        if result.nothing:
            raise CommandError(result.nothing)
        if not as_json:
            _print(result, tokens=save_tokens, show_secrets=show_secrets)
        saved = None
        if path is not None and result.found.anything:
            saved = _saved(path, result.found, tokens=save_tokens, password=save_password, replace=replace)
    if as_json:
        found = findings_as_json(result.found, tokens=save_tokens, show_secrets=show_secrets)
        missing = [str(each) for each in result.found.missing()]
        echo_json(
            {**found, "missing": missing, "saved": saved_as_json(saved), "complaints": result.complaints},
            ascii_only=True,
        )
    elif result.found.anything:
        echo(str(saved) if saved else "nothing was saved; to save it, add --save or --config FILE")
    if saved and saved.kept:
        complain(f"{path} keeps what it has; to replace it, add --replace")
    if result.unread or not result.found.anything:
        raise typer.Exit(1)


def _saved(path: Path, found: Collection, *, tokens: bool, password: bool, replace: bool) -> Saved:
    """Saves what was found; the password only if that was asked for, or the user says so now."""
    from lmdecode.cloud.collection import Keeper, save

    keeper = Keeper(replace=replace)
    saved = save(path, found, tokens=tokens, password=password, keeper=keeper)
    if saved.password_left_out and wants_password(path, again="add --save-password"):
        with_password = save(path, found, tokens=tokens, password=True, keeper=keeper)
        saved = replaced(saved, changes=(*saved.changes, *with_password.changes))
    return saved


def _read_saved(file: BinaryIO) -> Iterator[Exchange]:
    """Reads flows that mitmproxy saved. It is a face of its own over app, so app is given this."""
    try:
        from lmdecode.capture.http.saved_flows import read_saved
    except ModuleNotFoundError:
        from lmdecode.extras import install_command

        raise CommandError(
            f"looks like flows that mitmproxy saved: export them as HAR, or install what reads them: "
            f"{install_command('mitm')}"
        ) from None
    yield from read_saved(file)


def _print(result: Search, *, tokens: bool, show_secrets: bool) -> None:
    found = result.found
    for part in (found.client, found.account, found.installation, *found.machines, found.tokens if tokens else None):
        for name, secret in part.secrets().items() if part else ():
            if secret:
                echo(f"{name}: {quoted(secret.shown(show_secrets=show_secrets))}")
    if result.requests:  # otherwise the file was not read, and a new recording would not help
        for missing in found.missing():
            echo(f"still missing: {missing}")
