"""`lmdecode watch`: a live machine, on a screen or as lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.live import chosen_by_name, live_target, run_live
from lmdecode.cli._common.options import (
    BluetoothOption,
    ConfigOption,
    HostOption,
    KeyOption,
    LiveGenerationOption,
    LiveMachineOption,
    LivePortOption,
    RadioOption,
    TimeoutOption,
    UtcOption,
    number,
    seconds_of,
)
from lmdecode.device.timing import ANSWER_TIMEOUT

if TYPE_CHECKING:
    from lmdecode.app.watch import JsonlLog, Watch
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import AnyTarget
    from lmdecode.render.watch.display import Display

_SECOND: Final = 1.0  # the screen is drawn at least so often, because times go on
_LEAST: Final = 0.25  # s between two drawings
_SPANS: Final = (300.0, 900.0, 3600.0, 4 * 3600.0)  # s that the charts can show


@reports_errors
def watch(
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    bluetooth: BluetoothOption = None,
    radio: RadioOption = None,
    generation: LiveGenerationOption = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append each message to this file, in the format of `lmdecode decode --json`; - is standard output, "
            "without a screen.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write each message to standard output, one JSON object a line; no screen.")
    ] = False,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--fields",
            "--only",
            metavar="NAME,NAME",
            help="Only these values, as for `lmdecode get`: `coffee_temp,pump_on`, `'dose_*'`.",
            autocompletion=completion.field_names,
            show_default=False,
        ),
    ] = None,
    interval: Annotated[
        float,
        typer.Option(
            min=1,
            max=3600,
            callback=number,
            help="Seconds between two reads of the values that the machine does not report by itself.",
        ),
    ] = 5,
    duration: Annotated[
        float | None,
        typer.Option(parser=seconds_of, metavar="TIME", help="End after 30s, 10m or 2h.", show_default=False),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait if the machine is not reachable yet.")] = False,
    _utc: UtcOption = False,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
) -> None:
    """Watch the machine live: temperatures, shots, what it is doing, and when it switches itself on or off.

    Examples:

        lmdecode watch

        lmdecode watch --bluetooth

        lmdecode watch --jsonl machine.jsonl

        lmdecode watch --fields coffee_temp,pump_on --json

        lmdecode watch --duration 10m | jq .fields.coffee_temp

    This only reads; nothing is written to the machine. `q` or Ctrl-C ends it. If the connection is lost, the watch
    connects again when the machine is back. The machine takes one connection at a time: while you watch, the app cannot
    connect. If standard output is not a terminal, each message is a line of JSON instead. The exit code is 3 if there
    is no connection at the end.
    """
    from lmdecode.app.watch import JsonlLog
    from lmdecode.render.watch.display import Lines, Screen, Silent

    names = chosen_by_name(fields).names if fields else ()
    target = live_target(
        host=host,
        port=port,
        key=key,
        config=config,
        machine=machine,
        bluetooth=bluetooth,
        radio=radio,
        generation=generation,
    )
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(JsonlLog(jsonl)) if jsonl not in {None, Path("-")} and jsonl else None
        display: Display
        if not as_json and jsonl != Path("-") and Screen.is_possible():
            display = Screen()
        else:
            display = Silent() if log and not as_json else Lines(sys.stdout.buffer)
        if log is not None and log.cut:
            display.note(f"{jsonl} ended in half a line; its {log.cut} bytes were cut off")
        run_live(_watch(target, display, log, names, timeout=timeout, interval=interval, wait=wait, seconds=duration))


async def _watch(
    target: AnyTarget,
    display: Display,
    log: JsonlLog | None,
    names: tuple[str, ...],
    *,
    timeout: float,  # noqa: ASYNC109 -- of an answer
    interval: float,
    wait: bool,
    seconds: float | None,
) -> None:
    from lmdecode.app.watch import Watch
    from lmdecode.device.errors import NoConnectionError
    from lmdecode.render.watch.scene import summary_text

    changed = asyncio.Event()

    def take(record: Record) -> None:
        if log is not None:
            log.write(record)
        display.write(record)

    def tell(text: str) -> None:
        if not display.draws:  # a screen shows it anyway
            display.note(text)

    run = Watch(
        target,
        timeout=timeout,
        interval=interval,
        wait=wait,
        on_record=take,
        on_link=tell,
        on_change=changed.set,
        on_flood=display.note,
        names=names,
    )
    with _Terminal(run, display, changed) as terminal:
        summary = await run.run(seconds, beside=terminal.draw if display.draws else None)
    display.note(
        summary_text(
            summary.messages,
            summary.damaged,
            summary.shots,
            summary.connections,
            flushes=summary.flushes,
            unended=summary.unended,
        )
    )
    if summary.gone:
        raise NoConnectionError(f"not connected at the end: {summary.gone}")


class _Terminal:
    """What the user does at the terminal while a watch runs: keys, Ctrl-C, Ctrl-Z; and what is drawn there."""

    def __init__(self, run: Watch, display: Display, changed: asyncio.Event) -> None:
        self._run = run
        self._display = display
        self._changed = changed
        self._keyboard = Keyboard(self._press)
        self._span = _SPANS[0]
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def end(number: int, _frame: FrameType | None) -> None:
            if self._run.stopped:  # a second one ends it even if the output does not take anything any more
                raise KeyboardInterrupt(number)
            loop.call_soon_threadsafe(self._run.stop)

        self._handlers = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        if self._display.draws:
            if hasattr(signal, "SIGTSTP"):
                loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
                loop.add_signal_handler(signal.SIGTSTP, self._suspend)
            self._display.start()
            self._keyboard.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display.draws:
            self._keyboard.pause()
            self._display.stop()
        for each, handler in self._handlers.items():
            signal.signal(each, handler)

    async def draw(self) -> None:
        """Draws whenever something has changed, but not all the time."""
        from lmdecode.render.watch.scene import scene_of

        while True:
            self._changed.clear()
            self._display.draw(
                scene_of(
                    self._run.machine,
                    self._run.watcher,
                    self._run.about,
                    span=self._span,
                    keys=self._keyboard.there,
                    now_ns=time.time_ns(),
                    chosen=self._run.chosen,
                    remark=self._run.remark,
                )
            )
            await asyncio.sleep(_LEAST)
            if self._run.machine.shots.running(time.time_ns()) is not None:
                continue  # the timer goes on
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SECOND - _LEAST):
                    await self._changed.wait()

    def _press(self, key: str) -> None:
        index = _SPANS.index(self._span)
        match key:
            case "q" | "Q" | "\x03":
                self._run.stop()
            case "+" | "=":
                self._span = _SPANS[min(index + 1, len(_SPANS) - 1)]
            case "-":
                self._span = _SPANS[max(index - 1, 0)]
        self._changed.set()

    def _suspend(self) -> None:
        """Handles Ctrl-Z: gives the terminal back first, and takes it again afterwards."""
        self._keyboard.pause()
        self._display.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._display.start()
        self._keyboard.resume()
        self._changed.set()


class Keyboard:
    """Reads single keys from the terminal. Without a suitable terminal no keys are read.

    Args:
        on_key: Takes each key, as a character.
    """

    def __init__(self, on_key: Callable[[str], None]) -> None:
        self._on_key = on_key
        self._before: list[Any] | None = None
        self.there = False
        """Whether somebody can press keys."""

    def resume(self) -> None:
        """Takes keys, one by one and unseen, if standard input is a terminal and ours."""
        try:
            import termios
            import tty
        except ImportError:  # Windows: Ctrl-C ends it
            return
        with contextlib.suppress(OSError, ValueError, termios.error):
            descriptor = sys.stdin.fileno()
            if not os.isatty(descriptor) or os.tcgetpgrp(descriptor) != os.getpgrp():
                return
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
            asyncio.get_running_loop().add_reader(descriptor, self._read, descriptor)
            self.there = True

    def pause(self) -> None:
        """Gives the terminal back as it was."""
        if self._before is None:
            return
        import termios

        before, self._before = self._before, None
        with contextlib.suppress(OSError, ValueError, termios.error):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    def _read(self, descriptor: int) -> None:
        try:
            pressed = os.read(descriptor, 64)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(descriptor)
            return
        if not pressed.startswith(b"\x1b"):  # arrows and the like
            for key in pressed.decode("ascii", "ignore"):
                self._on_key(key)
