"""`lmdecode credentials`: finds credentials in recorded traffic with the maker's cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.prompt import quoted

if TYPE_CHECKING:
    from lmdecode.cloud.collection import Collection
    from lmdecode.cloud.http import Exchange


@reports_errors
def credentials(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Flows that mitmproxy saved, HTTP archives (HAR), sessions of Charles as JSON (.chlsj) or of Fiddler "
            "(.saz); compressed or in a zip, too.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Add the credentials to this config.json. Other entries stay, and afterwards only you can read the "
            "file.",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="Write the access and refresh tokens too. They are secrets, and they expire."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let what is found replace another key, client or account in the config. A key that is replaced stays "
            "there under another name.",
        ),
    ] = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show the credentials instead of **.")] = False,
) -> None:
    """Find client id, client secret, user name, password and the machines' keys in recorded traffic with the cloud.

    Examples:

        lmdecode credentials login.flow --output config.json

        lmdecode credentials charles.har proxyman.har.gz fiddler.saz

    Record the traffic while the app logs in: with `mitmdump -w login.flow`, or with a browser, Charles, Proxyman or
    HTTP Toolkit, which export HAR. Only credentials that the cloud accepted are used. The exit code is 1 if nothing is
    found, or if a file could not be read to its end; what was read before that is used.
    """
    from lmdecode.app.credentials import search
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.cloud.collection import Keeper, save
    from lmdecode.config.file import check_writable

    paths = expanded(files)
    if output is not None:
        refuse_to_overwrite(output, paths)
        check_writable(output)
    result = search(paths, _read_saved)
    for complaint in result.complaints:
        complain(complaint)
    if result.nothing:
        raise CommandError(result.nothing)
    _print(result.found, tokens=tokens, show_secrets=show_secrets)
    if output is not None and result.found.anything:
        saved = save(output, result.found, tokens=tokens, keeper=Keeper(replace=replace))
        echo(str(saved))
        if saved.kept:
            complain(f"what {output} has stays as it is: to replace it, add --replace")
    if result.unread or not result.found.anything:
        raise typer.Exit(1)


def _read_saved(file: BinaryIO) -> Iterator[Exchange]:
    """Reads flows that mitmproxy saved. It is a face of its own over app, so app is given this."""
    try:
        from lmdecode.mitm.saved import read_saved
    except ModuleNotFoundError:
        from lmdecode.extras import install_command

        raise CommandError(
            f"looks like flows that mitmproxy saved: export them as HAR, or install what reads them: "
            f"{install_command('mitm')}"
        ) from None
    yield from read_saved(file)


def _print(found: Collection, *, tokens: bool, show_secrets: bool) -> None:
    for part in (found.client, found.account, *found.machines, found.tokens if tokens else None):
        for name, secret in part.secrets().items() if part else ():
            if secret:
                echo(f"{name}: {quoted(secret.shown(show_secrets=show_secrets))}")
    for missing in found.missing():
        echo(f"still missing: {missing}")
