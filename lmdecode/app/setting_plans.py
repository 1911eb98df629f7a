"""Commands of a home automation as plans of the client core, in each generation."""

from __future__ import annotations

from typing import Any

from lmdecode.analysis.entities import Entity, change_of, value_of
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.values import is_number
from lmdecode.device.changing import Plan
from lmdecode.device.driver import Driver
from lmdecode.device.v1.driver import plan_of


def plan_for(driver: Driver[Any], entity: Entity, text: str, *, model: str | None) -> Plan[Any, Any]:
    """Returns the plan that gives an entity a value.

    Args:
        driver: The machine's.
        entity: What is to be changed.
        text: The new value, as a home automation writes it.
        model: The machine's model, if it is known.

    Raises:
        RegisterError: The entity cannot be changed, or not to this value, or this model does not have it.
        UnsupportedError: The generation cannot set it.
    """
    if driver.generation == "v1":
        return plan_of([change_of(entity, text, model=model)], model=model)
    if driver.generation == "v3":
        return driver.plan(entity.name, [text])  # which says that nothing can be set, and what can set it
    value = value_of(entity, text)
    low, high = entity.minimum, entity.maximum
    if low is not None and high is not None and is_number(value) and not low <= float(value) <= high:
        unit = f" {entity.unit}" if entity.unit else ""
        raise RegisterError(f"{entity.name} must be {low:g} to {high:g}{unit}, not {value:g}")
    return driver.plan(entity.name, [_word(value)])


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if is_number(value) else str(value)
