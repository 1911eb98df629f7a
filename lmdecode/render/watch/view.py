"""From what is known of a machine that is watched to what its screen shows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from lmdecode.analysis.schedule import next_switch
from lmdecode.codec.v1.memory_map import GS3_MP
from lmdecode.codec.v1.values import is_number
from lmdecode.render.watch.scene import Draw, Scene
from lmdecode.render.watch.temperatures import duration_text

if TYPE_CHECKING:
    from lmdecode.analysis.live_shots import Shot
    from lmdecode.analysis.state import LiveMachine
    from lmdecode.config.targets import Target
    from lmdecode.device.watch import Link, Watcher

__all__ = ["address_of", "scene_of"]

_NS: Final = 1_000_000_000


def address_of(target: Target) -> str:
    """The machine's address, as host:port."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}"


def scene_of(model: LiveMachine, watcher: Watcher, target: Target, *, span: float, keys: bool, now_ns: int) -> Scene:
    """What is to be shown.

    Args:
        model: What is known of the machine.
        watcher: Who watches it.
        target: Which machine it is.
        span: Seconds that the charts show.
        keys: Whether somebody can press keys.
        now_ns: Nanoseconds since 1970.
    """
    fields, shots, link = model.fields, model.shots, watcher.link
    shots.pass_time(now_ns)
    kind = target.model or model.model
    named = target.name if target.name != target.host else None
    return Scene(
        name=named or str(fields.get("machine_ser_num") or address_of(target)),
        address=address_of(target),
        connected=link.connected,
        link=_link_text(link, now_ns, "gone" if watcher.connections else "waiting"),
        fields=fields,
        model=kind,
        now_ns=now_ns,
        next_switch=next_switch(fields),
        history=model.history,
        span=span,
        running=None if shots.running is None else _draw(shots.running, model, kind),
        finished=[_draw(shot, model, kind) for shot in shots.finished],
        shots=shots.count,
        messages=model.messages,
        count=model.count,
        damaged=model.damaged,
        keys=keys,
    )


def _draw(shot: Shot, model: LiveMachine, kind: str | None) -> Draw:
    dose = model.fields.get(f"dose_k{shot.key}") if kind != GS3_MP else None
    return Draw(
        begun=datetime.fromtimestamp(shot.begun_ns / _NS),  # noqa: DTZ006 -- the user's zone
        key=shot.key,
        seconds=shot.seconds,
        pulses=shot.pulses,
        milliliters=shot.milliliters,
        dose=int(dose) if is_number(dose) else None,
        temperatures=None if shot.coolest is None or shot.hottest is None else (shot.coolest, shot.hottest),
    )


def _link_text(link: Link, now_ns: int, without: str) -> str:
    since = duration_text((now_ns - link.since_ns) / _NS)
    if link.connected:
        return f"connected for {since}"
    if not link.why:
        return f"connecting for {since}"
    if link.next_try_ns is None:
        return f"{without} for {since}, trying again: {link.why}"
    ahead = duration_text(max(link.next_try_ns - now_ns, 0) / _NS)
    return f"{without} for {since}, next try in {ahead}: {link.why}"
