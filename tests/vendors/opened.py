"""The bot's settings for vendors on the loopback, and a clock that makes their minutes short."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bot.settings import Settings
from tests.vendors.aimlapi import AimlapiVendor
from tests.vendors.kling import KlingVendor
from tests.vendors.onemin import OneminVendor


class QuickClock:
    """Real time, some times faster: the seconds between two polls pass in a moment."""

    def __init__(self, times: int = 50) -> None:
        self._times = times
        self._began_ms = int(time.time() * 1000)
        self._began_s = time.monotonic()

    def now_ms(self) -> int:
        return self._began_ms + int((time.monotonic() - self._began_s) * 1000 * self._times)

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        left_s = None if until_ms is None else max(0, until_ms - self.now_ms()) / 1000 / self._times
        try:
            await asyncio.wait_for(event.wait(), left_s)
        except TimeoutError:
            return


@dataclass(frozen=True)
class Vendors:
    """One server of each vendor."""

    kling: KlingVendor
    kkiai: KlingVendor
    aimlapi: AimlapiVendor
    onemin: OneminVendor

    @classmethod
    async def open(cls, stack: AsyncExitStack) -> "Vendors":
        now_ms = int(time.time() * 1000)
        vendors = cls(
            KlingVendor(now_ms=now_ms),
            KlingVendor(now_ms=now_ms, flavour="kkiai"),
            AimlapiVendor(now_ms=now_ms),
            OneminVendor(now_ms=now_ms),
        )
        for vendor in (vendors.kling, vendors.kkiai, vendors.aimlapi, vendors.onemin):
            await stack.enter_async_context(vendor.serve())
        return vendors

    def settings(self, settings: Settings, **changed: object) -> Settings:
        """The same settings with an account at each of them."""
        accounts = {
            "kling_api_key": self.kling.key,
            "kling_base_url": self.kling.base_url,
            "kkiai_api_key": self.kkiai.key,
            "kkiai_base_url": self.kkiai.base_url,
            "aimlapi_api_key": self.aimlapi.key,
            "aimlapi_base_url": self.aimlapi.url,
            "onemin_api_key": self.onemin.key,
            "onemin_base_url": self.onemin.url,
        }
        return Settings.model_validate({**settings.model_dump(), **accounts, **changed})
