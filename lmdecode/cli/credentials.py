"""`lmdecode credentials`: credentials out of recorded traffic with the maker's cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.prompt import printable

if TYPE_CHECKING:
    from lmdecode.cloud.collection import Collection
    from lmdecode.cloud.http import Exchange


@reports_errors
def credentials(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Flows that mitmproxy saved, or an HTTP archive (HAR).", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Put what is found into this config.json; what it has already is kept. Only you can read it then.",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Write access and refresh token too: secrets, which expire.")
    ] = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show them, instead of **.")] = False,
) -> None:
    """Find client id and secret, user name, password and the machines' keys in recorded traffic with the cloud.

    Examples:

        lmdecode credentials login.flow --output config.json

        lmdecode credentials charles.har proxyman.har

    Record it while the app logs in: with `mitmdump -w login.flow`, or with a browser, Charles, Proxyman or HTTP
    Toolkit, which export HAR. Only what the cloud accepted is used. The exit code is 1 if nothing is found, or a file
    could not be read to its end; what it has until there is used.
    """
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.cloud.collection import Collection, save
    from lmdecode.cloud.findings import Problem
    from lmdecode.config.store import check_writable

    if output is not None:
        refuse_to_overwrite(output, expanded(files))
        check_writable(output)
    found = Collection()
    failed = False
    seen = 0
    for path in expanded(files):
        try:
            for exchange in _exchanges(path):
                news = found.add(exchange)
                seen += _is_cloud(exchange)
                for each in news:
                    if isinstance(each, Problem):
                        complain(f"{path}: {each}")
        except _UnreadError as error:
            complain(f"{path}: {error}")
            failed = True
    if not found.anything and not found.machines:
        raise CommandError(_nothing(seen))
    _print(found, tokens=tokens, show_secrets=show_secrets)
    if output is not None and found.anything:
        typer.echo(str(save(output, found, tokens=tokens)))
    if failed or not found.anything:
        raise typer.Exit(1)


class _UnreadError(Exception):
    """A file that could not be read to its end."""


def _exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges that a file has, whatever it is."""
    from lmdecode.cloud.har import HarError, read_har

    try:
        with path.open("rb") as file:
            start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            if start.startswith(b"{"):
                if file.read(3) != b"\xef\xbb\xbf":
                    file.seek(0)
                yield from read_har(file)
            elif start[:1].isdigit():
                yield from _saved(file)
            else:
                what = "is empty" if not start else "is neither flows that mitmproxy saved nor an HTTP archive (HAR)"
                raise _UnreadError(f"{what}: save or export it again")
    except HarError as error:
        raise _UnreadError(str(error)) from None
    except OSError as error:
        raise _UnreadError(f"cannot be read: {error.strerror}") from None


def _saved(file: BinaryIO) -> Iterator[Exchange]:
    try:
        from lmdecode.mitm.exchanges import SavedFlowsError, read_saved
    except ImportError:
        text = "looks like flows that mitmproxy saved, which need: pip install 'lmdecode[mitm]'; or export them as HAR"
        raise _UnreadError(text) from None
    try:
        yield from read_saved(file)
    except SavedFlowsError as error:
        raise _UnreadError(str(error)) from None


def _is_cloud(exchange: Exchange) -> bool:
    from lmdecode.cloud.endpoints import is_watched

    return is_watched(exchange.request.host)


def _nothing(seen: int) -> str:
    if seen:
        return (
            f"no credentials in {seen:,} requests to La Marzocco's cloud: record while you log out and in again in the "
            "app, and export with sensitive data, which Chrome leaves out unless told"
        )
    return "no requests to La Marzocco's cloud: record while you log out and in again in the app (docs/credentials.md)"


def _print(found: Collection, *, tokens: bool, show_secrets: bool) -> None:
    for part in (found.client, found.account, *found.machines, found.tokens if tokens else None):
        for name, secret in part.secrets().items() if part else ():
            if secret:
                typer.echo(f"{name}: {printable(secret.shown(show_secrets=show_secrets))}")
    for missing in found.missing():
        typer.echo(printable(f"still missing: {missing}"))
