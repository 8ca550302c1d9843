"""What the buttons under a clip do: make it again or otherwise, go on from it, take it away, report it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Protocol, TypeAlias

import discord
import structlog
from discord import ui

from bot.domain.begun import Begun, edit_of, options_of
from bot.domain.errors import DeliveryFault, DiscordUnavailable, NoSuchJob, Refused
from bot.domain.jobs import Job, JobState, Relation
from bot.domain.requests import Options
from bot.language import marked, speaking, tr
from bot.services.cards import Cards
from bot.services.insights import Insights
from bot.services.reports import MAX_REASON, ModeratorsUnreachable, Report, ReportedBefore, Reports
from bot.services.reuse import ClipWithdrawn, OnlyForAdults
from bot.services.withdrawals import NothingPosted, NotYoursToDelete, Withdrawals
from bot.ui import checks, errors
from bot.ui.answers import Answer, tell
from bot.ui.buttons import ClipButton, RequestButton
from bot.ui.cards import message_link
from bot.ui.erasing import DiscordEraser
from bot.ui.errors import describe
from bot.ui.modals import Form
from bot.ui.removal import remove
from bot.ui.text import quoted
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

ONCE_IN_S = 3.0
"""A second click of the same member on the same button within this is one click too many."""

REASON = Form(
    about="report",
    field="reason",
    title=marked("Report this clip"),
    label=marked("What is wrong with it?"),
    description=marked("The moderators of this server read it, with your name."),
    max_length=MAX_REASON,
)
"""Its number is a job's."""

Interaction: TypeAlias = discord.Interaction[Any]
Asks: TypeAlias = Callable[[Interaction, Options, Mapping[str, Any]], Awaitable[None]]


class OnlyInItsServer(Refused):
    """Use this in the clip's server, where `/job` shows it."""


class AskedTwice(Refused):
    """You have asked for that just now; its card is on its way."""


class StillThere(Refused):
    """Discord does not delete the message; press the button again, or delete it by hand."""


class Composer(Protocol):
    """What opens the modal of a request that is to be changed."""

    async def open(self, interaction: Interaction, begun: Begun) -> None:
        """Answer with the modal."""
        ...


@describe.register
def _not_about_money(
    error: NotYoursToDelete
    | NothingPosted
    | ReportedBefore
    | ModeratorsUnreachable
    | OnlyInItsServer
    | StillThere
    | AskedTwice,
) -> Answer:
    return Answer(f"{error}")


class Actions:
    """Takes the clicks; part of the desk. Everything answers the interaction it was given, whatever happens."""

    def __init__(
        self,
        *,
        insights: Insights,
        cards: Cards,
        withdrawals: Withdrawals,
        reports: Reports,
        publisher: DiscordPublisher,
        composer: Composer,
        ask: Asks,
        paint: Asks,
        before_all_else: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """`ask` takes a request with further fields of `Asked`, and `paint` one whose motion is to be painted.

        In `before_all_else` interactions are acknowledged.
        """
        self._insights = insights
        self._cards = cards
        self._withdrawals = withdrawals
        self._reports = reports
        self._publisher = publisher
        self._composer = composer
        self._ask = ask
        self._paint = paint
        self._before_all_else = before_all_else
        self._clicked_at_s: dict[tuple[int, int, str], float] = {}

    async def take(self, interaction: Interaction, job_id: int, does: str) -> None:
        """Do what a button says."""
        try:
            await self._do(interaction, await self._job(interaction, job_id), does)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def report(self, interaction: Interaction, job_id: int) -> None:
        """Take what a member wrote about a clip."""
        try:
            reason = REASON.text_in(interaction).strip()
            report = Report(await self._job(interaction, job_id), interaction.user.id, reason)
            is_told = await self._reports.file(report, lambda channel_id: self._tell(report, channel_id))
            said = (
                tr("Reported; the moderators know.")
                if is_told
                else tr(
                    "Reported. This server has no channel where moderators are told, so it may take a while."
                )
            )
            await tell(interaction, said)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a listener raises
            await errors.answer(interaction, error)

    async def _do(self, interaction: Interaction, job: Job, does: str) -> None:
        if does == "delete":
            await self._delete(interaction, job)
        elif job.withdrawn_at_ms is not None:
            raise ClipWithdrawn
        elif does == "report":
            await self._ask_why(interaction, job)
        elif not checks.is_for_here(interaction, job):
            raise OnlyForAdults
        elif does == "edit":
            await self._composer.open(interaction, edit_of(job))
        elif does == "paint":
            known = {"from_job_id": job.id, "relation": Relation.EDIT.value}
            await self._paint(interaction, options_of(job), known)
        else:
            await self._make(interaction, job, Relation(does))

    async def _make(self, interaction: Interaction, job: Job, relation: Relation) -> None:
        options = options_of(job)
        if relation is Relation.EXTEND:
            options = options.model_copy(update={"aspect": None})  # that of the picture it goes on from
        elif relation is Relation.FINAL:
            options = options.model_copy(update={"draft": False})
        with self._once(interaction, job, relation):
            await self._ask(interaction, options, {"from_job_id": job.id, "relation": relation.value})

    async def _delete(self, interaction: Interaction, job: Job) -> None:
        """Answer first: in an archived thread an answer cannot be edited."""
        may_any = await checks.is_moderator(interaction)
        job, messages = await self._withdrawals.withdraw(
            job.id,
            guild_id=job.origin.guild_id,
            user_id=interaction.user.id,
            may_any=may_any,
            shown=_clicked(interaction, job),
        )
        async with self._before_all_else():
            await tell(interaction, _deleted(job))
        try:
            for channel_id, message_id in messages:
                await self._take_down(interaction, channel_id, message_id)
        finally:
            await self._cards.amend(job)

    async def _take_down(self, interaction: Interaction, channel_id: int, message_id: int) -> None:
        """Delete a message, or rename a thread; where Discord does not answer, that is done later."""
        try:
            if message_id:
                await remove(interaction.client, channel_id, message_id)
            else:
                await DiscordEraser(interaction.client).rename(channel_id)
        except DiscordUnavailable as fault:
            log.info("clip not deleted yet", channel=channel_id, message=message_id, reason=str(fault))
            return
        except DeliveryFault as fault:
            log.warning("clip not deleted", channel=channel_id, message=message_id, reason=str(fault))
            if message_id:
                raise StillThere from fault
        await self._withdrawals.is_gone(channel_id, message_id)

    async def _ask_why(self, interaction: Interaction, job: Job) -> None:
        if message_link(job) is None:
            raise NothingPosted
        async with self._before_all_else():
            await self._reports.ensure_new(job, interaction.user.id)
            await interaction.response.send_modal(REASON.modal(job.id))

    async def _tell(self, report: Report, channel_id: int) -> None:
        """Tell a log channel, with buttons to act on it."""
        job = report.job
        with speaking(job.origin.language):
            text = _report_text(report)
            view = (
                ui.View(timeout=None).add_item(ClipButton(job.id, "delete")).add_item(RequestButton(job.id))
            )
        key = f"report {job.id} {report.user_id}"
        await self._publisher.tell(job.origin.guild_id, channel_id, text, key=key, view=view)

    async def _job(self, interaction: Interaction, job_id: int) -> Job:
        """The job that a button is about, if it is the business of who clicked.

        Raises:
            OnlyInItsServer: it was clicked in a direct message.
            NoSuchJob: there is none of this number here, or it is none of theirs.
        """
        if interaction.guild_id is None:
            raise OnlyInItsServer
        job = await self._insights.job(job_id, interaction.guild_id)
        if not _is_before_them(interaction, job) and not await checks.may_see(interaction, job):
            raise NoSuchJob
        return job

    @contextmanager
    def _once(self, interaction: Interaction, job: Job, relation: Relation) -> Generator[None]:
        """A click that asks for something which costs counts once, unless it was refused."""
        now_s = asyncio.get_running_loop().time()
        recent = {click: at_s for click, at_s in self._clicked_at_s.items() if now_s - at_s < ONCE_IN_S}
        click = (interaction.user.id, job.id, relation.value)
        if click in recent:
            raise AskedTwice
        self._clicked_at_s = recent | {click: now_s}
        try:
            yield
        except Exception:
            self._clicked_at_s.pop(click, None)
            raise


def _is_before_them(interaction: Interaction, job: Job) -> bool:
    """Whether the message that was clicked is the job's card, or shows its clip."""
    return interaction.message is not None and (
        interaction.message.id in (job.origin.card_id, job.message_id) or _has_clip(interaction.message, job)
    )


def _has_clip(message: discord.Message, job: Job) -> bool:
    return any(file.filename.endswith(f"kinora-{job.id}.mp4") for file in message.attachments)


def _clicked(interaction: Interaction, job: Job) -> list[tuple[int, int]]:
    """The message that was clicked, if the clip stands there for everybody."""
    clicked = interaction.message
    if clicked is None or clicked.flags.ephemeral or not _has_clip(clicked, job):
        return []
    return [(clicked.channel.id, clicked.id)]


def _deleted(job: Job) -> str:
    if job.state is JobState.FAILED:
        return tr("Deleted. Nothing was charged.")
    if job.withdrawn_by == job.origin.user_id:
        return tr("Deleted. For 24 hours `/job {id}` still shows it to you alone.", id=job.id)
    return tr("Deleted for good.")


def _report_text(report: Report) -> str:
    job = report.job
    facts = tr(
        "Job {id} · asked by {member} · reported by {reporter}",
        id=job.id,
        member=f"<@{job.origin.user_id}>",
        reporter=f"<@{report.user_id}>",
    )
    heading = tr("**A clip was reported**: {link}", link=message_link(job))
    return "\n".join([heading, quoted(report.reason, length=MAX_REASON), f"-# {facts}"])
