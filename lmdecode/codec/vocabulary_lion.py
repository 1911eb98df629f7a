"""The rows of lion, the maker's cloud of today, but for its widgets: things, pushes, settings, schedules, commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.json_types import MOMENT, TEXT, VERSION, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_configuration import smart_standby
from lmdecode.codec.vocabulary_words import (
    CLAIMED,
    COUNT,
    FLAG,
    MODEL,
    STANDBY_AFTER,
    aside,
    asides,
    row,
    whole,
)

_UPDATE_STATUS: Final = words_of("Updated", "ToUpdate", "Pending", "InProgress")
_UPDATE_STEP: Final = words_of("download", "rebooting", "starting process")
_COMMAND_STATUS: Final = words_of("Pending", "InProgress", "Success", "Error", "Timeout")


def lion_rows() -> Iterator[Row]:
    """Yield the rows."""
    yield from _thing()
    yield from _push()
    yield from _settings()
    yield from _scheduling()
    yield from _statistics()
    yield from _update()


def _connection(source: str) -> Iterator[Row]:
    yield row(source, "connected", "gateway_connected", FLAG, note="the gateway to the cloud")
    yield row(source, "connectionDate", "gateway_connected_since", MOMENT)


def _thing() -> Iterator[Row]:
    source = "thing"
    yield row(source, "serialNumber", "machine_ser_num", TEXT)
    yield row(source, "type", "machine_type", words_of("CoffeeMachine", "Grinder"))
    yield row(source, "name", "machine_name", TEXT)
    yield row(source, "modelCode", "model", MODEL)
    yield from asides(source, "", "modelName", "the model in words; LINEA MINI 2023 is a Linea Mini R")
    yield row(source, "gatewayHw", "gateway_hardware", words_of("Esp32", "LinuxLM"))
    yield from _connection(source)
    yield row(source, "offlineMode", "offline_mode", FLAG)
    yield row(source, "requireFirmwareUpdate", "firmware_update_required", FLAG)
    yield row(source, "availableFirmwareUpdate", "firmware_update_available", FLAG)
    yield whole(source, "coffeeStation", "what stands together: a machine, grinders, a scale and its battery")
    yield from asides(source, "", "imageUrl imageUrlList imageUrlDetail", "pictures of the model")
    yield aside(source, "location", "the kind of place, such as HOME_OR_DWELLING_SPACE")
    yield aside(source, "bleAuthToken", "the secret of Bluetooth, 64 hex digits; masked")
    yield aside(source, "shotCounterSupported", "not to be trusted: false on machines that have one", CLAIMED)
    yield from asides(source, "", "firmwares tutorialUrl")
    yield from asides(source, "", "selectedWidgetCodes allWidgetCodes invalidWidgets", "the widgets' codes")


def _push() -> Iterator[Row]:
    source = "push"
    yield from _connection(source)
    yield aside(source, "uuid", "of the push")
    yield row(source, "commands[0].status", "command_status", _COMMAND_STATUS, note="Pending only means queued")
    yield row(source, "commands[0].errorCode", "command_error", TEXT)
    yield aside(source, "commands[0].id", "by which the end of a command is known")
    yield whole(source, "runningCommands", "commands that have not ended")
    yield whole(source, "latestEndedCommands", "commands that have ended")
    yield aside(source, "removedWidgets", "the codes that are not shown now, other kinds of machines' too")


def _update() -> Iterator[Row]:
    source = "update"
    yield row(source, "status", "firmware_update_status", _UPDATE_STATUS, sure=CLAIMED)
    yield row(source, "progressInfo", "firmware_update_step", _UPDATE_STEP, sure=CLAIMED)
    yield row(source, "progressPercentage", "firmware_update_progress", COUNT, "%", CLAIMED)
    yield aside(source, "commandStatus", sure=CLAIMED)


def _settings() -> Iterator[Row]:
    source = "settings"
    for kind, name, of, type_ in (
        ("Machine", "firmware_ver", "firmware", VERSION),
        ("Gateway", "gateway_ver", "gateway", TEXT),
    ):
        item = f"actualFirmwares[type={kind}]."
        yield row(source, f"{item}buildVersion", name, type_)
        yield row(source, f"{item}status", f"{of}_update_status", _UPDATE_STATUS)
        yield row(source, f"{item}availableUpdate.buildVersion", f"{of}_update_version", TEXT)
        yield from asides(source, item, "changeLog thingModelCode")
        yield from asides(source, f"{item}availableUpdate.", "type changeLog thingModelCode")
    yield aside(source, "wifiSsid", "the name of the network; masked")
    yield row(source, "wifiRssi", "wifi_rssi", COUNT, "dBm")
    yield row(source, "isPlumbedIn", "plumbed_in", FLAG)
    yield row(source, "autoUpdate", "auto_update", FLAG)
    yield row(source, "cropsterActive", "cropster_active", FLAG)
    yield row(source, "hemroActive", "hemro_active", FLAG)
    names = "plumbInSupported cropsterSupported hemroSupported factoryResetSupported autoUpdateSupported"
    yield from asides(source, "", names)


def _scheduling() -> Iterator[Row]:
    source = "scheduling"
    yield from smart_standby(source, "smartStandBy.", after="after")
    yield from asides(source, "smartStandBy.", "minutesMin minutesMax minutesStep")
    old = "smartWakeUpSleep.smartStandBy"
    yield row(source, f"{old}Enabled", "smart_standby_enable", FLAG, note="before 2026")
    yield row(source, f"{old}Minutes", "smart_standby_minutes", COUNT, "min", note="before 2026")
    yield row(source, f"{old}After", "smart_standby_after", STANDBY_AFTER, note="before 2026")
    yield from asides(source, old, "MinutesMin MinutesMax MinutesStep")
    yield aside(source, "smartWakeUpSleep.steamBoilerSupported")
    note = "the schedule, in any number of entries; onTimeMinutes and offTimeMinutes count from local midnight"
    yield whole(source, "smartWakeUpSleep.schedules", note)
    yield row(source, "earlyStart.enabled", "early_start", FLAG)
    yield row(source, "ecoMode.enabled", "eco_mode_enable", FLAG, sure=CLAIMED)
    yield row(source, "ecoMode.offset", "eco_mode_offset", COUNT, sure=CLAIMED, note="probably °C below the target")
    yield row(source, "ecoMode.timeoutMinutes", "eco_mode_minutes", COUNT, "min", CLAIMED)
    for member in ("offset", "timeoutMinutes"):
        yield from asides(source, f"ecoMode.{member}", "Min Max Step", sure=CLAIMED)
    yield whole(source, "autoOnOff", "when it goes on and off by itself: a text at first, an object since 2026")
    yield whole(source, "autoStandBy", "when it goes to standby by itself")
    yield whole(source, "weekly", "the schedule of machines for bars; null in all that was seen")
    kinds = ["smartStandBy", "smartWakeUpSleep", "earlyStart", "weekly", "autoOnOff", "autoStandBy", "ecoMode"]
    for kind in kinds:
        yield from asides(source, kind, "Supported TutorialUrl")
    yield from asides(source, "", "smartWakeUpSleepSmartStandByTutorialUrl autoOnOffEcoModeTutorialUrl")


def _statistics() -> Iterator[Row]:
    source = "statistics"
    yield row(source, "COFFEE_AND_FLUSH_COUNTER.totalCoffee", "total_coffee", COUNT)
    yield row(source, "COFFEE_AND_FLUSH_COUNTER.totalFlush", "total_flushing", COUNT)
    note = "the shots before, with the time of their end in ms, extractionSeconds, doseMode, doseIndex, doseValue"
    yield whole(source, "LAST_COFFEE.lastCoffees", note)
    note = "how many coffees and flushes each day had; timestamp is the local midnight in ms"
    yield whole(source, "COFFEE_AND_FLUSH_TREND", note)
