"""Runs in lmdirect's own environment: its client reads all it can, writes all it can, and another one reads again.

What came of it is printed as JSON. Its cloud step is skipped, since there is no cloud.
"""

import asyncio
import json
import logging
import sys

from lmdirect import LMDirect
from lmdirect.msgs import Msg

HOST, PORT, KEY, MODEL = sys.argv[1:]
# Beside what request_status asks for. Not GET_MYSTERY: lmdirect 0.9.4 fails on any answer to it.
READS = (
    Msg.GET_SHORT_STATUS,
    Msg.GET_AUTO_ON_OFF_ENABLE,
    Msg.GET_TEMP_REPORT,
    Msg.GET_SER_NUM,
    Msg.GET_DATETIME,
    Msg.GET_STATUS_MYSTERY,
)


class Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


errors = Errors()


async def answered(client: LMDirect, but: int = 0) -> None:
    """Wait until nothing is waited for any more."""
    for _ in range(400):
        if len(client._responses_waiting) <= but:
            return
        await asyncio.sleep(0.01)
    raise SystemExit(f"no answer to {client._responses_waiting}; {errors.texts}")


def new_client() -> LMDirect:
    client = LMDirect(
        {
            "host": HOST,
            "port": int(PORT),
            "key": KEY,
            "serial_number": "GS000000",
            "machine_name": "simulated",
            "model_name": MODEL,
        }
    )
    client._initialized_machine_info = True
    return client


async def read_all() -> LMDirect:
    client = new_client()
    await client.request_status()
    for message in READS:
        await client.send_msg(message)
    await answered(client)
    return client


async def write_all(client: LMDirect) -> None:
    keys = range(1, 5) if MODEL == "GS3 AV" else range(1, 2)
    await client.set_coffee_temp(92.5)
    await client.set_steam_temp(120.5)
    for key in (*keys, 5) if MODEL == "GS3 AV" else keys:
        await client.set_dose(key=key, pulses=200 + key)
    if MODEL == "GS3 AV":
        await client.set_dose_hot_water(seconds=11)
    for key in keys:
        await client.set_prebrew_times(key=key, seconds_on=1.5 + key / 2, seconds_off=0.5 + key / 2)
        await client.set_preinfusion_time(key=key, seconds=10.5 + key)
    await client.set_prebrewing_enable(True)
    await client.set_preinfusion_enable(True)
    await client.set_auto_on_off_enable(day_of_week="wed", enable=False)
    await client.set_auto_on_off_global(False)
    await client.set_auto_on_off_times(day_of_week="tue", hour_on=7, minute_on=15, hour_off=20, minute_off=45)
    await client.set_start_backflush()
    await client.set_steam_boiler_enable(False)
    await client.set_power(False)
    await answered(client)


async def main() -> None:
    logging.getLogger("lmdirect").addHandler(errors)
    logging.getLogger("lmdirect").propagate = False
    first = await read_all()
    for _ in range(400):  # the shot that is under way is seen, and then is over
        if "flow_pulses" in first.current_status and "key_active" not in first.current_status:
            break
        await first.send_msg(Msg.GET_STATUS)
        await answered(first)
        await asyncio.sleep(0.02)
    before = dict(first.current_status)
    await write_all(first)
    await first._close()
    again = await read_all()
    after = dict(again.current_status)
    await again._close()
    json.dump({"before": before, "after": after, "errors": errors.texts}, sys.stdout)


asyncio.run(main())
