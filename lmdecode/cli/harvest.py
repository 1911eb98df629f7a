"""`lmdecode harvest`: finds credentials during one login of the app; the user need not know mitmproxy."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lmdecode.mitm.harvest import Harvest

_SAID = 8  # lines of what was said that stay on the screen


@reports_errors
def harvest(
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The proxy's port; 0 means any free port.")] = 8080,
    page_port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the set-up page.")] = 8081,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="This computer's address in the phone's network, if the guessed one is wrong."
        ),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an option of mitmproxy; may be given several times.",
            show_default=False,
        ),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show the credentials on the screen too.")
    ] = False,
) -> None:
    """Find client id, client secret, user name, password and the machine's key while you log in on your phone.

    Examples:

        lmdecode harvest

        lmdecode harvest --config ~/machine/config.json --port 9000

    The command starts a proxy, explains what to do on the phone, checks off each credential that it finds, and stops
    when it has all of them. It decrypts only connections with the maker's cloud; traffic of the phone's other apps
    passes untouched. The credentials are written to config.json (./config.json unless you name another file), which
    only you can read.
    """
    import asyncio

    try:
        from lmdecode.mitm.harvest import Harvest, own_address, serving
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "mitmproxy":
            raise
        raise CommandError("harvest needs mitmproxy: pip install 'lmdecode[mitm]'") from None
    path = config or Path("config.json")
    address = host or own_address()
    said: list[str] = []
    live = sys.stdout.isatty()
    run = Harvest(
        path, port=port, show_secrets=show_secrets, settings=set or [], say=said.append if live else _print_line
    )
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(_screen(live=live))

        def started(listening: int) -> None:
            try:
                page = stack.enter_context(serving("", page_port, (address, listening), run.certificate_folder))
            except OSError as error:
                raise CommandError(f"port {page_port}: {error.strerror}: name another with --page-port") from None
            screen.begin(address, listening, page)

        try:
            asyncio.run(run.run(started, lambda: screen.show(run, said)))
        except KeyboardInterrupt:
            if not run.complete:
                raise
    if not run.complete:
        raise CommandError("stopped before everything was found; what was found is in the config")
    typer.echo(f"everything is in {path}; switch the phone's proxy off now. Next: lmdecode decode morning.pcap")


class _Screen:
    """What the user sees: on a terminal a checklist that fills, else lines."""

    def __init__(self, live: object = None) -> None:
        self._live = live
        self._head: list[str] = []
        self._qr = ""
        self._done: set[str] = set()

    def begin(self, address: str, port: int, page: int) -> None:
        """Say what to do."""
        url = f"http://{address}:{page}/"
        self._head = [
            f"1  Phone, settings of this Wi-Fi, proxy, manual: server {address}, port {port}",
            f"2  Open {url} there; install and trust the certificate",
            "3  In La Marzocco's app, log out and in again",
        ]
        self._qr = _qr_code(url)
        if self._live is None:
            for line in self._head:
                _print_line(line)

    def show(self, run: Harvest, said: list[str]) -> None:
        """Show how far it is."""
        if self._live is not None:
            self._live.update(self._page(run, said), refresh=True)  # type: ignore[attr-defined]  # rich's Live
            return
        for step, done in run.checklist():
            if done and step not in self._done:
                self._done.add(step)
                _print_line(f"[x] {step}")

    def _page(self, run: Harvest, said: list[str]) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        marks = [
            Text.assemble((" ✔ ", "bold green") if done else (" ☐ ", "dim"), (step, "" if done else "dim"))
            for step, done in run.checklist()
        ]
        lines = [Text(line, "dim", overflow="ellipsis", no_wrap=True) for line in said[-_SAID:]]
        return Group(*map(Text, self._head), Text(self._qr), *marks, Text(), *lines)


@contextlib.contextmanager
def _screen(*, live: bool) -> Iterator[_Screen]:
    if not live:
        yield _Screen()
        return
    from rich.live import Live

    with Live(auto_refresh=False, transient=False, vertical_overflow="visible") as display:
        yield _Screen(display)


def _print_line(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


def _qr_code(text: str) -> str:
    """A QR code for a terminal; nothing where the library for it is not installed."""
    try:
        import segno
    except ImportError:
        return ""
    import io

    out = io.StringIO()
    try:
        segno.make(text, error="l").terminal(out, border=2, compact=True)
    except ValueError:  # longer than any such code
        return ""
    return out.getvalue()
