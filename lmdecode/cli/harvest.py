"""`lmdecode harvest`: finds credentials during one login of the app; the user need not know mitmproxy."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, ReplaceOption, SavePasswordOption, SaveTokensOption
from lmdecode.cli._common.prompt import confirmed, is_somebody_there, wants_password
from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from lmdecode.mitm.harvest import Harvest, Listening
    from lmdecode.mitm.networks import OwnAddress
    from lmdecode.render.harvest_page import HarvestPage

_SAID: Final = 8  # lines of what was said that stay on the screen
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 -- to recognise what the user asked for
_LONGEST_SHOWN: Final = 60  # characters of what was typed


@reports_errors
def harvest(
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The proxy's port; 0 means any free port.")] = 8080,
    page_port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the set-up page.")] = 8081,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="This computer's address in the phone's network, if the guessed one is wrong. Proxy and page listen "
            "there, and nowhere else.",
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
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="Stop after so many minutes.")] = 30,
    replace: ReplaceOption = False,
    save_password: SavePasswordOption = False,
    save_tokens: SaveTokensOption = False,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show the credentials on the screen too.")
    ] = False,
) -> None:
    """Find client id, client secret, user name, password and the machine's key while you log in on your phone.

    Examples:

        lmdecode harvest

        lmdecode harvest --config ~/machine/config.json --port 9000

    The command starts a proxy, explains what to do on the phone, checks off each credential that it finds, and stops
    when it has all of them. The proxy forwards to the maker's hosts only, so other apps on the phone get no answer
    until you switch it off. The credentials are written to config.json, which only you can read: the one in this folder
    if it is there, otherwise the one in your config folder. It replaces an existing key, client
    or account, and saves the password, only if you say so.

    Phones and the certificate, step by step, and what Android needs:
    https://github.com/lmdecode/lmdecode/blob/main/docs/credentials.md
    """
    import asyncio

    try:
        from lmdecode.mitm.harvest import Harvest
        from lmdecode.mitm.networks import chosen, own_addresses
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "mitmproxy":
            raise
        from lmdecode.extras import install_command

        raise CommandError(f"harvest needs mitmproxy: {install_command('mitm')}") from None
    from lmdecode.app.config import next_step, path_to_change

    path = path_to_change(config)
    settings = set or []
    found = own_addresses()
    listen_host = _host_to_listen_on(host, settings, found) or chosen(found)
    address = host if host and host not in _EVERYWHERE else chosen(found)
    said: deque[str] = deque(maxlen=_SAID)
    live = _is_screen()
    run = Harvest(
        path,
        listen_host,
        address,
        port=port,
        page_port=page_port,
        seconds=minutes * 60.0,
        replace=replace,
        show_secrets=show_secrets,
        save_password=save_password,
        save_tokens=save_tokens,
        settings=settings,
        say=said.append if live else _print_line,
    )
    with _screen(live=live) as screen:

        def started(listening: Listening) -> None:
            others = [str(each) for each in found if each.address not in {address, *listening.hosts}]
            screen.begin(address, listening, minutes, others)

        try:
            asyncio.run(run.run(started, lambda: screen.show(run, said)))
        except KeyboardInterrupt:
            if not run.complete:
                raise
    _settle(run, path)
    if run.password_left_out and wants_password(path, again="run lmdecode harvest --save-password"):
        echo(str(run.keep_password()))
    if not run.complete:
        why = f"stopped after {minutes} minutes," if run.timed_out else "stopped"
        what = f"what was found is in {path}" if run.found_anything else "nothing was found"
        raise CommandError(f"{why} before everything was found; {what}")
    if not run.kept:
        echo(f"everything is in {path}; switch the phone's proxy off now. Next: {next_step(path, config)}")


def _host_to_listen_on(host: str | None, settings: list[str], found: list[OwnAddress]) -> str:
    """Returns the address that --host stands for; "" if it stands for none, and is only a name for the phone.

    Raises:
        CommandError: This computer does not have the address, and no other one to listen on was named.
    """
    from lmdecode.mitm.networks import is_address, is_own, named

    if not host or any(each.startswith("listen_host=") for each in settings):
        return ""
    if not is_address(host):
        return named(host, found)
    if not is_own(host):
        shown = printable(host if len(host) <= _LONGEST_SHOWN else f"{host[:_LONGEST_SHOWN]}…")
        own = ", ".join(map(str, found)) or "none in a network"
        raise CommandError(
            f"--host {shown} is not an address of this computer (it has: {own}); if the phone reaches it through "
            "another computer, name the address to listen on too: --set listen_host=ADDRESS"
        )
    return host


def _settle(run: Harvest, path: Path) -> None:
    """Asks whether to replace what the config kept; says how to do that if there is nobody to ask."""
    if not run.kept:
        return
    kept = " and ".join(run.kept)
    if is_somebody_there() and sys.stdout.isatty():
        if confirmed(f"{path} has a different {kept}. Replace it? A replaced key stays there under another name"):
            echo(str(run.take_instead()))
            return
        echo(f"{path} keeps its own {kept}; switch the phone's proxy off now")
    else:
        echo(
            f"{path} keeps its own {kept}, which differs from what was found; to replace it: lmdecode harvest "
            "--replace. Switch the phone's proxy off now"
        )


class _Screen:
    """What the user sees: on a terminal a checklist that fills, else lines."""

    def __init__(self, live: object = None) -> None:
        self._live = live
        self._todo: list[str] = []
        self._notes: list[str] = []
        self._qr = ""
        self._done: set[str] = set()
        self._seen: set[str] = set()

    def begin(self, address: str, listening: Listening, minutes: int, others: list[str]) -> None:
        """Say what to do, and what is open to whom.

        Args:
            address: This computer's, for the phone.
            listening: What is listened on.
            minutes: For how long at most.
            others: Further addresses that this computer has.
        """
        from lmdecode.mitm.forwarding import MAKER_DOMAINS
        from lmdecode.mitm.setup_page import page_url

        port = listening.proxy[0][1]
        url = page_url(address, listening.page)
        self._todo = [
            f"Phone, settings of this Wi-Fi, proxy, manual: server {address}, port {port}",
            f"Open {url} there; install and trust the certificate",
            "In La Marzocco's app, log out and in again",
        ]
        self._notes = [
            f"Listens on {_places(listening)}, for {minutes} minutes; forwards to {' and '.join(MAKER_DOMAINS)} only.",
        ]
        if listening.hosts in (["127.0.0.1"], ["::1"]):
            self._notes.append("Only this computer reaches that address. To let a phone in, name another with --host.")
        if others:
            self._notes.append(f"If the phone is in another network, name one with --host: {', '.join(others)}")
        self._qr = _qr_code(url)
        if self._live is None:
            for line in [*(f"{number}  {todo}" for number, todo in enumerate(self._todo, 1)), *self._notes]:
                _print_line(line)

    def show(self, run: Harvest, said: deque[str]) -> None:
        """Show how far it is."""
        checklist = run.checklist()
        news = [step for step, done in checklist if done and step not in self._done]
        self._done.update(news)
        if self._live is None:
            for step in news:
                _print_line(f"[x] {step}")
            return
        if news:  # what was said before said why it was not done yet
            for text in self._seen & set(said):
                said.remove(text)
        self._seen = set(said)
        self._live.update(self._page(checklist, said), refresh=True)  # type: ignore[attr-defined]  # rich's Live

    def _page(self, checklist: list[tuple[str, bool]], said: Iterable[str]) -> HarvestPage:
        from lmdecode.render.harvest_page import HarvestPage, Step

        todo = [*self._todo, *[""] * len(checklist)]
        steps = [Step(name, done, text) for (name, done), text in zip(checklist, todo, strict=False)]
        trusted = checklist[1][1]  # so the phone has been to the page that the code leads to
        return HarvestPage(steps, self._notes, "" if trusted else self._qr, list(said))


def _is_screen() -> bool:
    """Returns True if standard output is a terminal that can be drawn on."""
    from lmdecode.render.terminal import TerminalConsole

    return sys.stdout.isatty() and not TerminalConsole().is_dumb_terminal


def _places(listening: Listening) -> str:
    """Where it listens, in words."""
    ports = f"ports {listening.proxy[0][1]} (proxy) and {listening.page} (page)"
    if any(host in _EVERYWHERE for host in listening.hosts):
        return f"every address of this computer, for whoever reaches one of them, {ports}"
    return f"{' and '.join(listening.hosts)} only, {ports}"


@contextlib.contextmanager
def _screen(*, live: bool) -> Iterator[_Screen]:
    if not live:
        yield _Screen()
        return
    from rich.live import Live

    from lmdecode.render.terminal import TerminalConsole

    with Live(
        console=TerminalConsole(least_width=1), auto_refresh=False, transient=False, vertical_overflow="visible"
    ) as display:
        yield _Screen(display)


def _print_line(line: str) -> None:
    echo(line)
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
