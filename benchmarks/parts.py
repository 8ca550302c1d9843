"""What carries jobs, put together without Discord and with one provider."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.values import CATALOGUE
from bot.db.transaction import Database
from bot.domain.jobs import Job
from bot.domain.provider import Provider
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.admission import Admission
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.gate import Gate
from bot.services.health import Health
from bot.services.notices import Notices
from bot.services.ordering import Ordering
from bot.services.ports import Card, Clock, Place, Sent
from bot.services.routing import Routes
from bot.services.stages import Stages
from bot.services.steps import Steps


class Nowhere:
    """A publisher that shows cards to nobody; nothing is ever delivered here."""

    async def show(self, card: Card) -> None:
        """Forget it."""

    async def open_thread(self, job: Job, place: Place) -> None:
        """Never reached."""
        raise NotImplementedError(job, place)

    async def open_direct(self, user_id: int) -> int:
        """Never reached."""
        raise NotImplementedError(user_id)

    async def suits(self, job: Job, gallery_id: int) -> bool:
        """Never reached."""
        raise NotImplementedError(job, gallery_id)

    async def upload_limit(self, job: Job, place: Place) -> int:
        """Never reached."""
        raise NotImplementedError(job, place)

    async def post(self, job: Job, clip: Path, place: Place) -> Sent:
        """Never reached."""
        raise NotImplementedError(job, clip, place)

    async def find(self, job: Job, place: Place, *, after_ms: int) -> Sent | None:
        """Never reached."""
        raise NotImplementedError(job, place, after_ms)

    async def holds(self, job: Job, channel_id: int, message_id: int) -> Sent | None:
        """Never reached."""
        raise NotImplementedError(job, channel_id, message_id)

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, is_silent: bool = False
    ) -> None:
        """Never reached."""
        raise NotImplementedError(guild_id, channel_id, text, key, is_silent)

    async def archive(self, job: Job, *, only_if_quiet: bool) -> None:
        """Never reached."""
        raise NotImplementedError(job, only_if_quiet)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a runner drives."""

    stages: Stages
    admission: Admission


def parts(
    *,
    db: Database,
    provider: Provider,
    blobs: Blobs,
    clips: Clips,
    clock: Clock,
    tasks: asyncio.TaskGroup,
    wake: Callable[[int], None],
) -> Parts:
    """Put them together; `wake` is told of jobs that have a step to take."""
    publisher = Nowhere()
    providers = {provider.name: provider}
    health = Health(clock, changed=lambda: None)
    routes = Routes(db=db, catalogue=CATALOGUE, health=health)
    gate = Gate(changed=lambda: None)
    cards = Cards(
        db=db,
        publisher=publisher,
        providers=providers,
        routes=routes,
        gate=gate,
        clock=clock,
        tasks=tasks,
    )

    def admitted(job: Job) -> None:
        cards.changed(job)
        wake(job.id)

    admission = Admission(
        db=db,
        providers=providers,
        clock=clock,
        gate=gate,
        health=health,
        routes=routes,
        has_left=_nobody_else,
        admitted=admitted,
        moved_up=cards.changed,
    )
    attempts = Attempts(
        providers=providers,
        routes=routes,
        blobs=blobs,
        installation="bench",
        callback_url=lambda _: None,
    )
    steps = Steps(db=db, clock=clock, cards=cards, slot_freed=admission.wake)
    stages = Stages(
        steps=steps,
        ordering=Ordering(
            steps=steps, attempts=attempts, routes=routes, health=health, has_left=_nobody_else
        ),
        attempts=attempts,
        blobs=blobs,
        clips=clips,
        delivery=Delivery(
            db=db,
            publisher=publisher,
            blobs=blobs,
            clips=clips,
            clock=clock,
            notices=Notices(db=db, publisher=publisher, clock=clock),
        ),
        cards=cards,
    )
    return Parts(stages, admission)


def _nobody_else(_provider: str) -> bool:
    """What is not at hand here is at hand nowhere."""
    return True
