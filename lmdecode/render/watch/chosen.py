"""The screen of `lmdecode watch --fields`: the chosen values, one a line, and since when each is what it is."""

from __future__ import annotations

from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lmdecode.render.sentence import value_text
from lmdecode.render.watch.screen import title_line, wrapped
from lmdecode.render.watch.temperatures import Scene, duration_text

_NS: Final = 1_000_000_000


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
    body = [_value_line(scene, name) for name in shown]
    if len(shown) < len(names) and room:
        body.append(Text(f"and {len(names) - len(shown)} more: the screen is too low for them", "dim"))
    body += [Text()] * (room - len(body))
    return [*head, *body, foot][: max(height, 1)]


def _value_line(scene: Scene, name: str) -> Text:
    widest = max(map(len, scene.chosen))
    if name not in scene.chosen or name not in scene.fields or scene.chosen[name] is None:
        return Text.assemble(f"{name:<{widest}}  ", ("not known yet", "dim"))
    since_ns = scene.chosen[name] or 0
    text = value_text(name, scene.fields[name])
    ago = duration_text(max(scene.now_ns - since_ns, 0) / _NS)
    return Text.assemble(
        f"{name:<{widest}}  ", (f"{text:<12}", "bold" if scene.connected else "dim"), (f"  for {ago}", "dim")
    )
