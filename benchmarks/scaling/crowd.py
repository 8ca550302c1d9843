"""A Discord and a vendor in this process, people who ask for clips, and a record of what Discord was asked."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from benchmarks import processes
from benchmarks.acknowledgement import picture
from benchmarks.processes import Stage
from benchmarks.table import CannotRun
from bot.sandbox import Channel, ClientRefused, File, Permission, Person, Request, Sandbox
from bot.sandbox.waiting import Bell
from tests.vendors.kling import KlingVendor
from tests.vendors.vendor import Outcome

GUILDS = 20
MEMBERS = 10
"""A guild."""
_CDN_BYTES = 128_000_000
_LOOKS_EVERY_S = 0.25
_KEY = "sk-kling-bench"
_EXEMPT = ("/interactions/", "/webhooks/")
"""Discord: "Interaction endpoints are not bound to the bot's Global Rate Limit"; a webhook's token is not the bot's."""


@dataclass
class Traffic:
    """What the bot asked of Discord since it was told to forget."""

    routes: Counter[str] = field(default_factory=Counter[str])
    posted: int = 0
    archived: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])
    uploaded_bytes: int = 0
    bell: Bell = field(default_factory=Bell)
    _threads: set[str] = field(default_factory=set[str])
    _forgotten: set[str] = field(default_factory=set[str])
    """Threads of clips from before: they are still archived."""

    def hear(self, request: Request) -> None:
        """Another request."""
        place = request.path.split("/")
        if place[-1] in self._forgotten:
            return
        if place[-1] == "threads":  # one has the number of the message that it hangs on
            self._threads.add(place[-2])
        self.routes[f"{request.method} {request.route}"] += 1
        self.uploaded_bytes += sum(file.size for file in request.files)
        if not 200 <= request.status < 300:
            self.failed[f"{request.method} {request.route} {request.status}"] += 1
        is_clip = any(file.filename.endswith(".mp4") for file in request.files)
        self.posted += is_clip and request.method == "POST" and request.status < 300
        self.archived += request.method == "PATCH" and _archives(request.body)
        self.bell.ring()

    def forget(self) -> None:
        """Count from now on."""
        self._forgotten |= self._threads
        self.routes.clear()
        self.failed.clear()
        self.posted = self.archived = self.uploaded_bytes = 0

    @property
    def counted(self) -> int:
        """Requests that count towards the limit of all of a bot's requests."""
        return sum(
            number for route, number in self.routes.items() if not route.partition(" ")[2].startswith(_EXEMPT)
        )


@dataclass(frozen=True, slots=True)
class Crowd:
    """Where it all happens."""

    sandbox: Sandbox
    stage: Stage
    places: tuple[tuple[Channel, Person], ...]
    vendor: KlingVendor
    traffic: Traffic

    @property
    def settings(self) -> Mapping[str, str]:
        """The account at the vendor, with room for everybody."""
        return {
            "PROVIDERS": "kling",
            "KLING_API_KEY": _KEY,
            "KLING_BASE_URL": self.vendor.base_url,
            "KLING_CONCURRENCY": "1000",
        }

    async def ask(self, number: int) -> None:
        """Somebody wants a picture animated.

        Raises:
            CannotRun: the request was refused.
        """
        channel, person = self.places[number % len(self.places)]
        file = File(f"boat-{number}.jpg", _PICTURE)
        try:
            used = await person.slash("animate", channel, image=file, prompt=f"the boat {number} drifts")
            await used.acknowledged()
        except ClientRefused as refusal:
            raise CannotRun(f"request {number} was refused: {refusal}") from refusal

    async def render(self, for_s: tuple[float, float]) -> None:
        """Let each clip take its time, until cancelled."""
        loop, dice = asyncio.get_running_loop(), random.Random(1)
        ready_s: dict[str, float] = {}
        while True:
            for task in list(self.vendor.tasks.values()):
                takes_s = dice.uniform(*for_s)
                if task.outcome is Outcome.SLOW and loop.time() >= ready_s.setdefault(
                    task.id, loop.time() + takes_s
                ):
                    task.outcome = Outcome.READY
            await asyncio.sleep(_LOOKS_EVERY_S)


_PICTURE = picture()


def _archives(body: object) -> bool:
    return isinstance(body, Mapping) and cast("Mapping[str, object]", body).get("archived") is True


@asynccontextmanager
async def gathered() -> AsyncGenerator[Crowd]:
    """Guilds full of people, with the bot in each."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(max_cdn_bytes=_CDN_BYTES).serve())
        vendor = KlingVendor(key=_KEY)
        await stack.enter_async_context(vendor.serve())
        stage = processes.stage(sandbox, "Kinora")
        places: list[tuple[Channel, Person]] = []
        for number in range(GUILDS):
            guild = sandbox.add_guild(f"Club {number}", app=stage.app, permissions=Permission.ADMINISTRATOR)
            channel = guild.add_channel("clips")
            places += [(channel, guild.add_member(f"member-{number}-{one}")) for one in range(MEMBERS)]
        random.Random(1).shuffle(places)
        traffic = Traffic()
        sandbox.on_request.append(traffic.hear)
        yield Crowd(sandbox, stage, tuple(places), vendor, traffic)
