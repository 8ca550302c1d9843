"""The bot's settings for vendors on the loopback, clocks that make their minutes short or endless, and the books."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from bot.db.transaction import Transaction
from bot.sandbox.waiting import Bell
from bot.settings import Settings
from tests.patience import PATIENCE_S
from tests.vendors.aimlapi import AimlapiVendor
from tests.vendors.kling import KlingVendor
from tests.vendors.onemin import OneminVendor
from tests.vendors.vendor import Seen, Vendor

NAMES = ("kling", "kkiai", "aimlapi", "onemin")
_LOOKS_EVERY_S = 0.02


class QuickClock:
    """Real time, some times faster: the seconds between two polls pass in a moment.

    It stands still while nobody looks at it: a machine that does nothing for a second is not taken for one that
    did nothing for an hour.
    """

    def __init__(self, times: int = 50) -> None:
        self._times = times
        self._now_ms = time.time() * 1000
        self._looked_s = time.monotonic()

    def now_ms(self) -> int:
        looked_s = time.monotonic()
        self._now_ms += min(looked_s - self._looked_s, _LOOKS_EVERY_S) * 1000 * self._times
        self._looked_s = looked_s
        return int(self._now_ms)

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        while not event.is_set() and (until_ms is None or self.now_ms() < until_ms):
            left_s = _LOOKS_EVERY_S if until_ms is None else (until_ms - self.now_ms()) / 1000 / self._times
            try:
                async with asyncio.timeout(min(left_s, _LOOKS_EVERY_S)):
                    await event.wait()
            except TimeoutError:
                continue


class StillClock:
    """Time that does not pass: nothing becomes due, so whatever moves was woken."""

    def __init__(self) -> None:
        self._now_ms = int(time.time() * 1000)

    def now_ms(self) -> int:
        return self._now_ms

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        if until_ms is None or until_ms > self._now_ms:
            await event.wait()


class Arrivals(list[Seen]):
    """The requests that vendors get; whoever waits for one need not look again and again."""

    def __init__(self, bell: Bell) -> None:
        super().__init__()
        self._bell = bell

    def append(self, seen: Seen, /) -> None:
        super().append(seen)
        self._bell.ring()


@dataclass(frozen=True)
class Vendors:
    """One server of each vendor."""

    kling: KlingVendor
    kkiai: KlingVendor
    aimlapi: AimlapiVendor
    onemin: OneminVendor
    bell: Bell
    """Rings when a request has arrived anywhere."""

    @classmethod
    async def open(cls, stack: AsyncExitStack) -> "Vendors":
        now_ms = int(time.time() * 1000)
        vendors = cls(
            KlingVendor(now_ms=now_ms, key="sk-kling-4f1d"),
            KlingVendor(now_ms=now_ms, key="sk-kkiai-77b0", flavour="kkiai"),
            AimlapiVendor(now_ms=now_ms, key="sk-aimlapi-c2e9"),
            OneminVendor(now_ms=now_ms, key="sk-onemin-05aa"),
            Bell(),
        )
        for vendor in vendors.by_name.values():
            vendor.seen = Arrivals(vendors.bell)
            await stack.enter_async_context(vendor.serve())
        return vendors

    @property
    def by_name(self) -> Mapping[str, Vendor]:
        return {name: getattr(self, name) for name in NAMES}

    @property
    def asked(self) -> set[str]:
        """Who was sent anything at all."""
        return {name for name, vendor in self.by_name.items() if vendor.seen}

    def creates(self, name: str) -> list[Seen]:
        """The clips that were ordered, whether they were taken or not."""
        return [
            seen for seen in self.by_name[name].seen if seen.method == "POST" and seen.path != "/api/assets"
        ]

    def questions(self, name: str) -> list[Seen]:
        """What was asked about tasks."""
        return [seen for seen in self.by_name[name].seen if seen.method == "GET"]

    async def until(self, holds: Callable[[], object], awaited: str) -> None:
        """Wait until requests have made something true."""
        await self.bell.until(lambda: holds() or None, awaited=awaited)

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


@asynccontextmanager
async def answering(vendor: Vendor) -> AsyncGenerator[None]:
    """A vendor that had stopped is back where it was."""
    app = web.Application(client_max_size=64_000_000)
    app.add_routes([*vendor.routes(), web.get("/files/{name}", vendor.download)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", urlsplit(vendor.url).port).start()
        yield
    finally:
        await runner.cleanup()


def ledger(job_id: int = 1) -> Transaction[list[tuple[str, int]]]:
    """What the books say about a job: kinds and credits, in their order."""
    rows = yield "SELECT kind, credits FROM ledger WHERE job_id = :job_id ORDER BY id", {"job_id": job_id}
    return [(row["kind"], row["credits"]) for row in rows]


async def eventually(look: Callable[[], Awaitable[object]]) -> None:
    """Wait for what no bell tells of: a row, or a line in the log."""
    async with asyncio.timeout(PATIENCE_S):
        while not await look():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
