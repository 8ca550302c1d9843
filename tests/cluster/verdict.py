"""What must hold when everything has ended: a sentence for each thing that does not."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.db.postgres.database import PostgresDatabase
from bot.domain.jobs import Aftercare, JobState
from bot.media.blobs import Blobs
from bot.media.errors import NoSuchBlob
from bot.sandbox import Message
from bot.stores import access
from tests.cluster.members import NO_DATABASE, Member
from tests.cluster.plan import Report
from tests.cluster.world import World
from tests.verdict import Posted, Row, of_the_books, of_the_clips

_ENDS = {
    JobState.DONE: ("See the clip",),
    JobState.FAILED: ("Nothing was charged",),
    JobState.CANCELLED: ("Cancelled",),
}
_NUMBER = re.compile(r"\bJob (\d+)\b")
_EXPECTED = ("held: may have been charged", "given up: may have been charged")
"""Errors that are meant for the operator."""
_AWAY = ("the database cannot be", NO_DATABASE, "database unavailable")
"""In errors that are owed to PostgreSQL's restart."""


def number_of(card: Message) -> int | None:
    """Whose card it is."""
    found = _NUMBER.search(card.text)
    return int(found[1]) if found else None


async def of_the_cluster(
    world: World, db: PostgresDatabase, known: list[Row], posted: Posted
) -> AsyncGenerator[str]:
    """Jobs, books, clips, files and the bill."""
    closed = [replace(row, aftercare=max(row.aftercare, _put_away(row))) for row in known]
    async for problem in of_the_books(db, closed):
        yield problem
    for problem in (
        *of_the_clips(known, posted.by_job),
        *_of_the_bytes(world, known, posted),
        *_of_the_bill(world, known),
        *_of_the_answers(world),
    ):
        yield problem
    async for problem in _of_the_files(world, known):
        yield problem


def _put_away(row: Row) -> Aftercare:
    """Threads stay open for some minutes after the end, for people to talk in."""
    return Aftercare.NONE if row.aftercare is Aftercare.THREAD else row.aftercare


def _of_the_bytes(world: World, known: list[Row], posted: Posted) -> Iterator[str]:
    """What was posted is what was fetched."""
    messages = {message.id: message for place in world.everywhere() for message in place.messages}
    for row in known:
        for message_id in posted.by_job.get(row.id, ()):
            [file] = messages[message_id].files
            if hashlib.sha256(file.data).hexdigest() != row.clip:
                yield f"job {row.id}: what was posted is not its clip"


def _of_the_bill(world: World, known: list[Row]) -> Iterator[str]:
    """One charge for each clip that was made, none for others unless the operator was told."""
    charges = sum(len(vendor.bill) for vendor in world.vendors.by_name.values())
    made = sum(row.was_rendered for row in known)
    doubtful = sum(row.maybe_charged for row in known)
    if not made <= charges <= made + doubtful:
        yield f"{charges} charges for {made} clips, {doubtful} in doubt"
    for name, vendor in world.vendors.by_name.items():
        keys = Counter(task.key for task in vendor.tasks.values() if task.key)
        if twice := [key for key, count in keys.items() if count > 1]:
            yield f"ordered twice at {name} under one name: {twice}"
        yield from vendor.problems


def _of_the_answers(world: World) -> Iterator[str]:
    """Who was told that the bot is at it gets an answer; the others were told by Discord that it does not respond."""
    for one in world.sandbox.unanswered():
        if one.acknowledgement is not None and one.data.get("name") == "animate":
            yield f"{one} has no answer: {one.acknowledgement}"


async def _of_the_files(world: World, known: list[Row]) -> AsyncGenerator[str]:
    """Each clip is there, and whole."""
    settings = world.settings
    blobs = Blobs.open(
        settings.blob_location, spool=Path(world.folder / "looks-itself"), access=access(settings)
    )
    for clip in {row.clip for row in known if row.clip is not None}:
        try:
            await blobs.get(clip)
        except NoSuchBlob:
            yield f"the clip {clip} of {[row.id for row in known if row.clip == clip]} is lost"
        await asyncio.sleep(0)


def of_the_cards(known: list[Row], cards: Sequence[Message]) -> Iterator[str]:
    """Each says the end of its job."""
    texts = {number_of(card): card.text for card in cards}
    for row in known:
        text = texts.get(row.id)
        if text is not None and row.state in _ENDS and not any(words in text for words in _ENDS[row.state]):
            yield f"job {row.id} is {row.state}, and its card says {text!r}"
    if strange := set(texts) - {row.id for row in known}:
        yield f"cards of jobs that there are not: {strange}"


def of_the_delays(report: Report) -> Iterator[str]:
    """A death delays the step that it strikes by no more than it takes to be noticed, and no other."""
    if late := list(report.delays.too_late()):
        yield f"{len(late)} steps came too late, such as {max(late, key=lambda one: one.late_s)}"


def of_the_logs(members: Sequence[Member]) -> Iterator[str]:
    """Nothing is wrong that nobody foresaw."""
    for member in members:
        for line in member.logged():
            event = str(line.get("event"))
            is_expected = event in _EXPECTED or any(words in event for words in _AWAY)
            if line.get("level") in ("error", "critical") and not is_expected:
                yield f"{member.name} logged: {line}"
