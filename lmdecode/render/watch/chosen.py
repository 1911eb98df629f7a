"""The screen of `lmdecode watch --fields`: the chosen values, one a line, and since when each is what it is."""

from __future__ import annotations

from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lmdecode.render.sentence import value_text
from lmdecode.render.watch.scene import NS, Scene, duration_text
from lmdecode.render.watch.screen import title_line, wrapped

_WIDEST: Final = 24  # columns that are kept for values; a longer one moves what is behind it


class ChosenScreen:
    """A scene with chosen values that rich can show, in whatever room there is."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        height = options.height or options.size.height
        for line in chosen_lines(self._scene, options.max_width, height):
            line.no_wrap, line.overflow = True, "crop" if options.ascii_only else "ellipsis"
            yield line


def chosen_lines(scene: Scene, width: int, height: int) -> list[Text]:
    """The lines of the screen, at most as many as it is high."""
    head = [title_line(scene, width)]
    if not scene.connected:
        head += wrapped(Text(scene.link, "bold red"), width)
    head.append(Text())
    foot = Text("q quit" if scene.keys else "Ctrl-C quit", "dim")
    room = max(height - len(head) - 1, 0)
    names = list(scene.chosen)
    shown = names if len(names) <= room else names[: max(room - 1, 0)]
    texts = {name: value_text(name, scene.fields[name]) for name in shown if name in scene.fields}
    column = min(max(map(len, texts.values()), default=0), _WIDEST)
    body = [_value_line(scene, name, texts.get(name), column) for name in shown]
    if len(shown) < len(names) and room:
        body.append(Text(f"and {len(names) - len(shown)} more: the screen is too low for them", "dim"))
    body += [Text()] * (room - len(body))
    return [*head, *body, foot][: max(height, 1)]


def _value_line(scene: Scene, name: str, text: str | None, column: int) -> Text:
    since_ns, named = scene.chosen[name], f"{name:<{max(map(len, scene.chosen))}}  "
    if text is None or since_ns is None:
        return Text.assemble(named, ("not known yet", "dim"))
    ago = duration_text(max(scene.now_ns - since_ns, 0) / NS)
    style = "bold" if scene.connected else "dim"
    return Text.assemble(named, (f"{text:<{column}}", style), (f"  for {ago}", "dim"))
