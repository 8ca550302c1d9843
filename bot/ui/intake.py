"""Intake: from a request that Discord brought to its job, across every crash in between."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress

import structlog

from bot import logs
from bot.db.backups import PERHAPS_MADE
from bot.domain.errors import Blocked, DeliveryFault, DiscordUnavailable, Refused
from bot.domain.jobs import Asker, Job, Lineage, Origin, Relation
from bot.domain.requests import Asked
from bot.language import speaking, tr
from bot.media.errors import Fit
from bot.services.cards import Cards
from bot.services.generation import Ask, Generation
from bot.services.pictures import Painted
from bot.services.reuse import Inputs, Reuse
from bot.ui import errors
from bot.ui.consent import Consents
from bot.ui.replies import Reply, ToMessage, ToPage
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 8
_PAINTED_AT_ONCE = 2
"""A request with masks brings up to nine pictures of 10 MB, which are held in memory."""
_LONGEST_COURTESY_S = 1.0
_GO_ON_PAUSES_S = (1, 5, 30, 120, 600)


class Courtesy:
    """Work that follows an acknowledgement waits until no other one is under way, so that all are answered first."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()

    @asynccontextmanager
    async def before_all_else(self) -> AsyncGenerator[None]:
        """Acknowledge in here."""
        self._under_way += 1
        self._none_under_way.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none_under_way.set()

    async def wait(self) -> None:
        """Let others be acknowledged; for a second at most: one that hangs must not stop everybody."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_COURTESY_S):
                await self._none_under_way.wait()


class Intake:
    """Takes requests: writes them down, acknowledges, copies the pictures, queues, shows the card."""

    def __init__(
        self,
        *,
        generation: Generation,
        reuse: Reuse,
        cards: Cards,
        publisher: DiscordPublisher,
        consents: Consents,
        courtesy: Courtesy,
    ) -> None:
        self._generation = generation
        self._reuse = reuse
        self._cards = cards
        self._publisher = publisher
        self._consents = consents
        self._courtesy = courtesy
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._painted = asyncio.Semaphore(_PAINTED_AT_ONCE)

    async def take(self, asked: Asked, reply: Reply) -> None:
        """Take a request.

        Raises:
            Refused, PictureRefused, ValidationError: before the acknowledgement, where that needs no waiting.
        """
        logs.follow(request=asked.request_key, guild=asked.guild_id)
        asked = await self._generation.check(asked)
        await self._reuse.check(asked)
        if (
            asked.painting_id is not None
        ):  # who is refused on the page can change it there, and nobody else need see it
            await self._generation.rehearse(_origin(asked, 0), await self._ask(asked))
        async with self._courtesy.before_all_else():
            await self._generation.note(asked)
            try:
                card_id = await reply.acknowledge()
            except Exception as failure:  # noqa: BLE001 - it may have arrived all the same
                log.warning("acknowledgement in doubt", request=asked.request_key, reason=str(failure))
                card_id = None
        if card_id is None:
            await self._go_on(asked)
            return
        await self._courtesy.wait()
        try:
            with speaking(asked.language):  # what is refused from here on, everybody may see
                job = await self._accept(asked, card_id)
            logs.add(job=job.id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            with speaking(asked.language):
                is_told = await reply.refuse(error)
            if not is_told:
                await self._go_on(asked)
                return
            await self._generation.forget(asked.request_key)
            await self._consents.announce(error)
        else:
            self._cards.begin(job, reply.show)

    async def resume(self) -> None:
        """Go on with what an earlier process acknowledged and did not get to."""
        try:
            for asked in await self._generation.left():
                await self._go_on(asked)
        except Exception:  # what is left is left in the database, and taken up at the next start
            log.exception("asks not resumed")

    async def _go_on(self, asked: Asked) -> None:
        """Take a request further without its interaction, if its acknowledgement stands there unanswered."""
        for pause_s in _GO_ON_PAUSES_S:
            try:
                await self._go_on_once(asked)
            except DiscordUnavailable:
                await asyncio.sleep(pause_s)
            except DeliveryFault as fault:  # the place is gone, and the person with it
                log.info("ask dropped", request=asked.request_key, reason=str(fault))
                await self._generation.forget(asked.request_key)
                return
            else:
                return
        log.warning("ask not gone on with", request=asked.request_key)

    async def _go_on_once(self, asked: Asked) -> None:
        if asked.is_perhaps_made:
            await self._turn_away(asked)
            return
        card_id = await self._answer_to(asked)
        if card_id is None:
            await self._generation.forget(asked.request_key)
            return
        try:
            await self._generation.consent.remind(asked.request_key)
            with speaking(asked.language):
                job = await self._accept(asked, card_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            with speaking(asked.language):
                view = errors.view_of(error)
            await self._publisher.show_view(asked.channel_id, card_id, view)
            await self._generation.forget(asked.request_key)
            await self._consents.announce(error)
        else:
            self._cards.changed(job)

    async def _turn_away(self, asked: Asked) -> None:
        """Say that a request is not taken any further; beside the reply to a message, which may be a card by now."""
        with speaking(asked.language):
            view = errors.view_of(Refused(tr(PERHAPS_MADE)))
        if asked.is_message:
            await self._publisher.reply(asked, view, is_another=True)
        elif (card_id := await self._publisher.find_answer(asked)) is not None:
            await self._publisher.show_view(asked.channel_id, card_id, view)
        await self._generation.forget(asked.request_key)

    async def _answer_to(self, asked: Asked) -> int | None:
        """Where a request is answered: a message still gets its reply, an interaction that got none is over."""
        found = await self._publisher.find_answer(asked)
        if found is None and asked.is_message:
            return await ToMessage(self._publisher, asked).acknowledge()
        if found is None and asked.painting_id is not None:
            return await ToPage(self._publisher, asked).acknowledge()
        return found

    async def _accept(self, asked: Asked, card_id: int) -> Job:
        """Queue what was acknowledged; what is refused here, everybody reads."""
        try:
            return await self._queued(asked, card_id)
        except Blocked as refusal:  # since it was acknowledged
            raise refusal.in_public() from None

    async def _queued(self, asked: Asked, card_id: int) -> Job:
        origin = _origin(asked, card_id)
        async with self._painted if asked.moving_urls else nullcontext(), self._places:
            if asked.offer_id is not None:
                return await self._generation.accept_offer(
                    asked.offer_id, Fit(asked.fit or Fit.REFUSE), origin, _asker(asked)
                )
            return await self._generation.accept(origin, await self._ask(asked))

    async def _ask(self, asked: Asked) -> Ask:
        inputs = await self._inputs(asked)
        fit = Fit.ENLARGE if asked.relation == Relation.EXTEND else Fit.REFUSE  # nobody chose that frame
        return Ask(asked.options, inputs.image, inputs.end_frame, fit, inputs.motion, _asker(asked))

    async def _inputs(self, asked: Asked) -> Inputs:
        """The pictures of a request: those that came with it, else those of the job that it comes out of."""
        image, end_frame, still = [
            await self._publisher.download(url) if url else None
            for url in (asked.image_url, asked.end_frame_url, asked.still_mask_url)
        ]
        masks = [await self._publisher.download(url) for url in asked.moving_urls]
        strokes = tuple(zip(masks, asked.paths, strict=True))
        painted = asked.motion or (Painted(still, strokes) if still or strokes else None)
        given = Inputs(asked.image or image, end_frame, painted)
        return await self._reuse.filled_in(asked, given)


def _origin(asked: Asked, card_id: int) -> Origin:
    return Origin(
        request_key=asked.request_key,
        guild_id=asked.guild_id,
        channel_id=asked.channel_id,
        parent_id=asked.parent_id,
        user_id=asked.user_id,
        card_id=card_id,
        upload_limit=asked.upload_limit,
        language=asked.language,
        lineage=_lineage(asked),
        is_private=asked.is_private,
        is_age_restricted=asked.is_age_restricted,
    )


def _asker(asked: Asked) -> Asker:
    return Asker(frozenset(asked.roles), manages=asked.manages)


def _lineage(asked: Asked) -> Lineage | None:
    if asked.from_job_id is None:
        return None
    return Lineage(asked.from_job_id, Relation(asked.relation or Relation.AGAIN))
