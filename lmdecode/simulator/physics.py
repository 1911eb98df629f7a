"""The physics of a simulated machine: its clock, water and boilers. Time is an argument, so tests need not wait."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import NamedMemory
from lmdecode.codec.v1.memory_map import DAYS, PULSE_ML
from lmdecode.codec.v1.register import KEYS, MODELS
from lmdecode.simulator.components import Pour, Usage, coffee_boiler, flush, hot_water, shot, steam_boiler


def show(registers: NamedMemory, now: datetime, *, on: bool) -> str:
    """Returns the display, 16 characters: the time in standby, else coffee temperature, heaters (■ on, □ off), time."""
    clock = f"{now:%H:%M}"
    if not on:
        return f"STAND-BY   {clock}"
    state = registers.get("heating_state")
    lit = state if isinstance(state, list) else []
    coffee, steam = ("■" if f"{name}_heater_on" in lit else "□" for name in ("coffee", "steam"))
    return f"{registers.number('coffee_temp', 0):5.1f}°C{coffee}{steam}{clock:>7}"[:16]


def switched(registers: NamedMemory, now: datetime) -> bool | None:
    """Returns whether the schedule switches the machine on or off in the minute that begins now; None for neither."""
    day = DAYS[now.weekday()]
    enabled = registers.get("auto_bitfield")
    if not isinstance(enabled, list) or not {"global_auto", f"{day}_auto"} <= set(enabled):
        return None
    on, off = (
        (registers.get(f"{day}_{event}_hour"), registers.get(f"{day}_{event}_min")) == (now.hour, now.minute)
        for event in ("on", "off")
    )
    return None if on == off else on


_CONTINUOUS: Final = KEYS[-1]
_LITERS: Final = PULSE_ML / 1000  # in a pulse of the flow meter
_HOT_WATER: Final = 8.0  # s, on a machine without a dose for hot water
_LONGEST_HOT_WATER: Final = 120.0
_FLUSH: Final = 3.0  # s, as baristas do between two shots
_HOTTEST: Final = 140.0  # °C at which the safety thermostats of the boilers open, whatever the set point
_LAST_YEAR: Final = 2099
_EPOCH: Final = datetime(2021, 1, 2, 9, 26)  # noqa: DTZ001 -- the machine's clock has no zone


_ENDED: Final = 16  # pours that wait to be told of; in each tick a script ends one or two


class NotNowError(LmdecodeError):
    """The machine cannot do this, or not now; one line that says why."""


@dataclass(slots=True)
class SmartStandby:
    """The standby that follows some minutes without use."""

    enabled: bool = False
    minutes: int = 10
    after: str = "LastBrewing"
    """What the minutes are counted from: `LastBrewing`, or `PowerOn` whatever was brewed since."""


class Physics:
    """The inside of a machine.

    Args:
        registers: Its memory.
        model: One of `MODELS`, such as "GS3 AV".
        now: The time to set its clock to; None: the time in its memory.
        paddle: Whether a shot is pulled with a paddle, which knows no dose.
        called: What people call the model, if not so.
    """

    def __init__(
        self,
        registers: NamedMemory,
        model: str,
        now: datetime | None,
        *,
        paddle: bool = False,
        called: str = "",
    ) -> None:
        self.notes: list[str] = []
        """What has happened, in words; whoever reads it empties it."""
        self.pour: Pour | None = None
        """Water that flows now."""
        self.ended: deque[Pour] = deque(maxlen=_ENDED)
        """The pours that have ended; whoever reads it empties it."""
        self.smart_standby: SmartStandby | None = None
        """Of the generations that have one."""
        self._since_on = self._since_use = 0.0  # s
        self._registers = registers
        self._model = model
        self._paddle = paddle
        self._called = called or model
        self._usage = Usage(registers)
        self._coffee = coffee_boiler(registers.number("coffee_temp", 20.0))
        self._steam = steam_boiler(registers.number("steam_temp", 20.0))
        self._now = _EPOCH
        if now is None:
            self.adopt_clock()
        else:
            self._now = now.replace(tzinfo=None)
        self.publish()

    @property
    def on(self) -> bool:
        """Whether it is on, and not in standby."""
        return self._registers.get("power") is True

    @property
    def now(self) -> datetime:
        """The time on its clock."""
        return self._now

    def set(self, name: str, value: Value) -> None:
        """Sets a value without asking whether the machine would take it.

        Raises:
            RegisterError: No such register, or no value of its kind.
        """
        if name == "power":
            self.switch(on=value is True) if isinstance(value, bool) else self._registers.put(name, value)
            return
        self._registers.put(name, value)
        self._coffee.temperature = self._registers.number("coffee_temp", self._coffee.temperature)
        self._steam.temperature = self._registers.number("steam_temp", self._steam.temperature)
        self.adopt_clock()

    def switch(self, *, on: bool) -> None:
        """Switches it on or to standby."""
        if on is not self.on:
            self.notes.append("on" if on else "standby")
            self._since_on = self._since_use = 0.0
        self._registers.put("power", on)
        if not on:
            self.stop()
        self.publish()

    def pull_shot(self, key: int, seconds: float | None = None) -> None:
        """Presses a button, or moves the paddle, for a coffee.

        Args:
            key: 1 to 5; 5 is continuous, until it is stopped.
            seconds: How long it runs; None: until the button's dose.

        Raises:
            NotNowError: It does not have the button, or is busy, off, or without water.
        """
        model = MODELS[self._model]
        if key not in model.keys:
            raise NotNowError(f"a {self._called} has no button {key}: give {' or '.join(map(str, model.keys))}")
        mode, number = self._registers.get("prebrew_flag"), self._registers.number
        programmed = key != _CONTINUOUS
        prebrewed = programmed and model.prebrewing and mode == "prebrewing"
        preinfused = programmed and model.preinfusion and mode == "preinfusion"
        on_off = number(f"prebrewing_ton_k{key}", 0), number(f"prebrewing_toff_k{key}", 0)
        pour = shot(
            key,
            dose=number(f"dose_k{key}", 0) or None if programmed and model.doses and not self._paddle else None,
            seconds=seconds,
            prebrewing=on_off if prebrewed else (0.0, 0.0),
            preinfusion=number(f"preinfusion_k{key}", 0) if preinfused else 0.0,
        )
        self.begin(pour)

    def pour_hot_water(self, seconds: float | None = None) -> None:
        """Pours hot water for some seconds; None: as long as `dose_hot_water` says. NotNowError as for a shot."""
        if seconds is None:
            seconds = self._registers.number("dose_hot_water", 0) or _HOT_WATER
        self.begin(hot_water(min(seconds, _LONGEST_HOT_WATER)))

    def flush(self, seconds: float | None = None) -> None:
        """Lets water run through the group, without coffee, for some seconds. NotNowError as for a shot."""
        key = MODELS[self._model].keys[-1]
        self.begin(flush(key, _FLUSH if seconds is None else min(seconds, _LONGEST_HOT_WATER)))

    def stop(self) -> None:
        """Stops the water, if any flows."""
        if self.pour is not None:
            self.pour.stopped = True
            self._finish(self.pour)
            self.publish()

    def begin(self, pour: Pour) -> None:
        """Starts a pour; raises NotNowError if the machine cannot do that now."""
        if not self.on:
            raise NotNowError("the machine is in standby: switch it on first")
        if self.pour is not None:
            raise NotNowError(f"{self.pour.what} is running: stop it first")
        if self._registers.get("water_reservoir_contact") is False:
            raise NotNowError("there is no water in the reservoir: set water_reservoir_contact")
        self.pour = pour
        self.notes.append(f"{pour.what} begins" + (f", button {pour.key}" if pour.key else ""))
        self.publish()

    def _finish(self, pour: Pour) -> None:
        self._usage.count(pour)
        self.notes.append(f"{pour.what} ends after {pour.elapsed:.1f} s, {pour.pulses:.0f} pulses")
        self._show_flow(pour)  # the memory keeps the last figures
        self.ended.append(pour)
        self.pour = None

    def step(self, seconds: float) -> None:
        """Lets about a second pass, in which a heater switches once at most."""
        before = self._now
        self._now += timedelta(seconds=seconds)
        if self._now.year > _LAST_YEAR:
            self._now = self._now.replace(year=2000, day=1)
        if (self._now.hour, self._now.minute) != (before.hour, before.minute):
            on = switched(self._registers, self._now)
            if on is not None:
                self.notes.append(f"schedule: {'on' if on else 'off'} at {self._now:%H:%M}")
                self.switch(on=on)
        self._flow(seconds)
        self._heat(seconds)
        self._usage.add("hours_since_built", seconds / 3600)
        if self.on:
            self._usage.add("machine_running_minutes", seconds / 60)
            self._rest(seconds)
        self.publish()

    def _rest(self, seconds: float) -> None:
        """Goes to standby if nobody has used it for as long as the smart standby says."""
        self._since_on += seconds
        self._since_use = 0.0 if self.pour is not None else self._since_use + seconds
        standby = self.smart_standby
        if standby is None or not standby.enabled or self.pour is not None:
            return
        if (self._since_on if standby.after == "PowerOn" else self._since_use) >= standby.minutes * 60:
            self.notes.append(f"smart standby after {standby.minutes} minutes")
            self.switch(on=False)

    def _flow(self, seconds: float) -> None:
        pour = self.pour
        if pour is None:
            return
        if self._registers.get("water_reservoir_contact") is False:
            self.notes.append("the reservoir is empty")
            pour.stopped = True
        pump, wet, pulses = pour.pump_seconds, pour.water_seconds, pour.pulses
        pour.advance(seconds)
        self._usage.add("pump_on_seconds", pour.pump_seconds - pump)
        self._usage.add("water_on_seconds", pour.water_seconds - wet)
        boiler = self._steam if pour.what == "hot water" else self._coffee
        boiler.take((pour.pulses - pulses) * _LITERS)
        if pour.over:
            self._finish(pour)

    def _heat(self, seconds: float) -> None:
        number, steam = self._registers.number, self._registers.get("steam_boiler_enable") is not False
        for boiler, set_point, name, wanted in (
            (self._coffee, number("coffee_set_temp", 93.0), "coffee_heating_element_hours", self.on),
            (self._steam, number("steam_set_temp", 124.0), "steam_heating_element_hours", self.on and steam),
        ):
            self._usage.add(name, boiler.step(seconds, min(set_point, _HOTTEST) if wanted else None) / 3600)

    def publish(self) -> None:
        """Brings the memory up to date."""
        put = self._registers.put
        put("clock", self._now.replace(microsecond=0).isoformat())
        put("coffee_temp", round(self._coffee.temperature, 1))
        put("steam_temp", round(self._steam.temperature, 1))
        phase = None if self.pour is None else self.pour.phase
        state = [*phase.bits] if phase else []
        if self.on:
            heaters = (("coffee_heater_on", self._coffee), ("steam_heater_on", self._steam))
            state += ["heating_on", *(name for name, boiler in heaters if boiler.heating)]
        put("heating_state", state)
        if self.pour is not None:
            self._show_flow(self.pour)
        else:
            put("key_active", 0)
            put("current_pulse_count", 0)
        put("front_panel_display", show(self._registers, self._now, on=self.on))

    def _show_flow(self, pour: Pour) -> None:
        put, phase = self._registers.put, pour.phase
        put("key_active", pour.key)
        put("current_pulse_count", int(pour.pulses))
        put("flow_key", pour.key)
        put("flow_rate", "high" if phase is not None and phase.fast else "low")
        put("flow_seconds", int(pour.elapsed * 16) / 16)
        put("flow_pulses", int(pour.pulses))

    def adopt_clock(self) -> None:
        """Sets the clock to the time in the memory, if that is a valid one."""
        text = self._registers.get("clock")
        if isinstance(text, str):
            self._now = datetime.fromisoformat(text)
