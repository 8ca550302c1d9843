"""Intake: from a request that Discord brought to its job, across every crash in between."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress

import structlog

from bot import logs
from bot.db.backups import PERHAPS_MADE
from bot.db.errors import DatabaseUnavailable
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
from bot.ui.faults import translated
from bot.ui.replies import Reply, ToMessage, ToPage
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 8
_PAINTED_AT_ONCE = 2
"""A request with masks brings up to nine pictures of 10 MB, which are held in memory."""
_LONGEST_COURTESY_S = 1.0
_CHECKED_WITHIN_S = 15.0
_ANSWERED_WITHIN_S = 15.0
"""So long an answer to a page is waited for, before a request is noted and after it; the page waits for a minute."""
_GO_ON_PAUSES_S = (1, 5, 30, 120, 600)
"""Between attempts to go on with what Discord or the database does not take; the last one again and again."""


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
        tasks: asyncio.TaskGroup,
    ) -> None:
        """What takes longer than anybody waits for goes on in `tasks`."""
        self._generation = generation
        self._reuse = reuse
        self._cards = cards
        self._publisher = publisher
        self._consents = consents
        self._courtesy = courtesy
        self._tasks = tasks
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._painted = asyncio.Semaphore(_PAINTED_AT_ONCE)

    async def take(self, asked: Asked, reply: Reply) -> None:
        """Take a request.

        Raises:
            Refused, PictureRefused, ValidationError: before the acknowledgement, where that needs no waiting.
        """
        asked = await self._checked(asked)
        async with self._courtesy.before_all_else():
            await self._generation.note(asked)
            card_id = await self._acknowledged(asked, reply)
        await self._answer(asked, reply, card_id)

    async def take_painted(self, asked: Asked) -> Exception | None:
        """Take what was painted on a page, where its answer is waited for; what takes longer goes on by itself.

        Returns why it was refused after it was noted, if it was by then; the rows say what became of it.

        Raises:
            Refused, PictureRefused, ValidationError: nobody but who waits on the page need see it.
            DeliveryFault: its other pictures do not come. Nothing of it is kept then either.
        """
        async with translated(), asyncio.timeout(_CHECKED_WITHIN_S):
            asked = await self._checked(asked)
            await self._generation.rehearse(_origin(asked, 0), await self._ask(asked))
        await self._generation.note(asked)
        answering = self._tasks.create_task(self._answer_page(asked), name=f"painted-{asked.request_key}")
        done, _ = await asyncio.wait({answering}, timeout=_ANSWERED_WITHIN_S)
        return answering.result() if done else None

    async def resume(self, *, is_ours: Callable[[int], bool] = lambda _: True) -> None:
        """Go on with what an earlier process acknowledged in our servers, and did not get to."""
        try:
            for asked in await self._generation.left():
                if is_ours(asked.guild_id):
                    await self._go_on(asked)
        except Exception:  # what is left is left in the database, and taken up at the next start
            log.exception("asks not resumed")

    async def _checked(self, asked: Asked) -> Asked:
        logs.follow(request=asked.request_key, guild=asked.guild_id)
        asked = await self._generation.check(asked)
        await self._reuse.check(asked)
        return asked

    async def _acknowledged(self, asked: Asked, reply: Reply) -> int | None:
        try:
            return await reply.acknowledge()
        except Exception as failure:  # noqa: BLE001 - it may have arrived all the same
            log.warning("acknowledgement in doubt", request=asked.request_key, reason=str(failure))
            return None

    async def _answer_page(self, asked: Asked) -> Exception | None:
        reply = ToPage(self._publisher, asked)
        try:
            async with self._courtesy.before_all_else():
                card_id = await self._acknowledged(asked, reply)
            return await self._answer(asked, reply, card_id)
        except Exception as fault:  # noqa: BLE001 - nobody waits for it but the rows
            log.warning("painted request not answered", request=asked.request_key, reason=str(fault))
            return await self._go_on(asked)

    async def _answer(self, asked: Asked, reply: Reply, card_id: int | None) -> Exception | None:
        """Queue what was noted, or say why not, which is returned; what Discord does not take now is said later."""
        if card_id is None:
            return await self._go_on(asked)
        await self._courtesy.wait()
        try:
            with speaking(asked.language):  # what is refused from here on, everybody may see
                job = await self._accept(asked, card_id)
            logs.add(job=job.id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            with speaking(asked.language):
                is_told = await reply.refuse(error)
            if not is_told:
                return await self._go_on(asked)
            await self._generation.forget(asked)
            await self._consents.announce(error)
            return error
        self._cards.begin(job, reply.show)
        return None

    async def _go_on(self, asked: Asked, pauses_s: Sequence[float] = ()) -> Exception | None:
        """Take a request further without its interaction, now, or else again and again after a pause.

        Returns why it was refused, if it was.
        """
        try:
            return await self._go_on_once(asked)
        except (DiscordUnavailable, DatabaseUnavailable):
            later = self._go_on_later(asked, pauses_s or _GO_ON_PAUSES_S)
            self._tasks.create_task(later, name=f"ask-{asked.request_key}")
        except Exception:  # what is left is left in the database, and taken up at the next start
            log.exception("ask not gone on with", request=asked.request_key)
        return None

    async def _go_on_later(self, asked: Asked, pauses_s: Sequence[float]) -> None:
        await asyncio.sleep(pauses_s[0])
        await self._go_on(asked, pauses_s[1:] or pauses_s)

    async def _go_on_once(self, asked: Asked) -> Exception | None:
        """Take a request further if its acknowledgement stands there unanswered; returns why it was refused.

        Raises:
            DiscordUnavailable, DatabaseUnavailable: not now.
        """
        if not await self._generation.is_noted(asked):  # its member was forgotten meanwhile
            return None
        try:
            if not asked.is_perhaps_made:
                return await self._gone_on(asked)
            await self._turn_away(asked)
        except DiscordUnavailable:
            raise
        except DeliveryFault as fault:  # the place is gone, and the person with it
            log.info("ask dropped", request=asked.request_key, reason=str(fault))
            await self._generation.forget(asked)
        return None

    async def _gone_on(self, asked: Asked) -> Exception | None:
        card_id = await self._answer_to(asked)
        if card_id is None:
            await self._generation.forget(asked)
            return None
        try:
            await self._generation.consent.remind(asked.request_key)
            with speaking(asked.language):
                job = await self._accept(asked, card_id)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            with speaking(asked.language):
                view = errors.view_of(error)
            await self._publisher.show_view(asked.channel_id, card_id, view)
            await self._generation.forget(asked)
            await self._consents.announce(error)
            return error
        self._cards.changed(job)
        return None

    async def _turn_away(self, asked: Asked) -> None:
        """Say that a request is not taken any further; beside the reply to a message, which may be a card by now."""
        with speaking(asked.language):
            view = errors.view_of(Refused(tr(PERHAPS_MADE)))
        if asked.is_message:
            await self._publisher.reply(asked, view, is_another=True)
        elif (card_id := await self._publisher.find_answer(asked)) is not None:
            await self._publisher.show_view(asked.channel_id, card_id, view)
        await self._generation.forget(asked)

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
    return Asker(frozenset(asked.roles), manages=asked.manages, confirmed_credits=asked.agreed_credits)


def _lineage(asked: Asked) -> Lineage | None:
    if asked.from_job_id is None:
        return None
    return Lineage(asked.from_job_id, Relation(asked.relation or Relation.AGAIN))
