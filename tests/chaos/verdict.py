"""What must hold at the end of a run: a sentence for each thing that does not."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import JobState
from bot.sandbox import Message
from bot.settings import Settings
from tests.chaos.points import DIED
from tests.chaos.stage import Stage
from tests.chaos.stories import Story
from tests.verdict import Posted, Row, of_the_books, of_the_clips, rows

_HELD = "held: may have been charged"
_TOLD = (_HELD, "given up: may have been charged")
_EXPECTED = (*_TOLD, "provider refuses the account")
"""Errors that are meant for the operator."""
_ABOUT_TO_SEND = "submitting: about to send: before commit"
_ENDS = {
    JobState.DONE: ("See the clip",),
    JobState.FAILED: ("Nothing was charged", "has deleted it"),
    JobState.CANCELLED: ("Cancelled",),
}
"""What a card says."""
_NUMBER = re.compile(r"\bJob (\d+)\b")


@dataclass(frozen=True)
class Found:
    """What is in the folder of a bot that is gone."""

    rows: list[Row]
    problems: list[str]


async def of_the_files(settings: Settings) -> Found:
    """Open the database as the next bot would, and look at every blob."""
    db = await SqliteDatabase.open(settings.database_path)
    try:
        known = await db.read(rows())
        problems = [problem async for problem in of_the_books(db, known)]
    finally:
        await db.close()
    problems += await asyncio.to_thread(_of_the_blobs, settings.data_dir / "blobs", known)
    return Found(known, problems)


def _of_the_blobs(folder: Path, known: list[Row]) -> list[str]:
    """Whatever has a blob's name is whole, and what a job needs is there."""
    there = {path.parent.name + path.name: path for path in folder.glob("??/*")}
    broken = [name for name, path in there.items() if hashlib.sha256(path.read_bytes()).hexdigest() != name]
    lost = [row.id for row in known if row.clip is not None and row.clip not in there]
    problems = [f"blobs are not what their names say: {broken}"] if broken else []
    return [*problems, *([f"the clips of {lost} are lost"] if lost else [])]


def of_discord(stage: Stage, posted: Posted, known: list[Row], cards: list[Message]) -> Iterator[str]:
    """One message a clip, whole; each card says the end; nobody waits for an answer; a thread at most for each."""
    yield from of_the_clips(known, posted.by_job, posted.answers)
    if twice := [number for number, answers in posted.answers.items() if len(answers) > 1]:
        yield f"claimed more than once: {twice}"
    yield from _of_the_bytes(stage, known, posted)
    for one in stage.sandbox.unanswered():
        if one.token not in stage.unheard:
            yield f"{one} has no answer: {one.acknowledgement}"
    if stage.application.user.id in stage.guild.members:
        yield from _of_the_cards(known, cards)
    if len(known) != len(cards):
        yield f"{len(cards)} requests were taken, and there are {len(known)} jobs"
    if strays := [message for message in stage.said_in_channel() if message not in cards]:
        yield f"unasked the bot said {strays}"
    if len(stage.guild.threads) > len(known):
        yield f"there are {len(stage.guild.threads)} threads for {len(known)} jobs"


def _of_the_cards(known: list[Row], cards: list[Message]) -> Iterator[str]:
    """Of two that ask, the second may be taken first: a card says itself whose it is."""
    texts = {int(number[1]): card.text for card in cards if (number := _NUMBER.search(card.text))}
    for row in known:
        text = texts.get(row.id)
        if text is None:
            yield f"job {row.id} has no card among {[card.text for card in cards]}"
        elif row.state in _ENDS and not any(words in text for words in _ENDS[row.state]):
            yield f"job {row.id} is {row.state}, and its card says {text!r}"
    yield from (card.text for card in cards if "Something went wrong" in card.text)


def _of_the_bytes(stage: Stage, known: list[Row], posted: Posted) -> Iterator[str]:
    """What was posted is what was fetched."""
    messages = {m.id: m for place in (stage.channel, *stage.guild.threads) for m in place.messages}
    for row in known:
        for message_id in (*posted.by_job.get(row.id, ()), *posted.answers.get(row.id, ())):
            [file] = messages[message_id].files
            if hashlib.sha256(file.data).hexdigest() != row.clip:
                yield f"job {row.id}: what was posted is not its clip"


def charges(stage: Stage) -> int:
    """What all vendors charge for; the local renderer for each task that it was given."""
    rendered = len(list((stage.settings.data_dir / "local").glob("*/")))
    return rendered + sum(len(vendor.bill) for vendor in stage.vendors.by_name.values())


def of_the_vendors(stage: Stage, known: list[Row]) -> Iterator[str]:
    """One charge for each clip that was made, none for others unless the operator was told."""
    made = sum(row.was_rendered for row in known)
    doubtful = sum(row.maybe_charged for row in known)
    if not made <= charges(stage) <= made + doubtful:
        yield f"{charges(stage)} charges for {made} clips, {doubtful} in doubt"
    for name, vendor in stage.vendors.by_name.items():
        keys = Counter(task.key for task in vendor.tasks.values() if task.key)
        if twice := [key for key, count in keys.items() if count > 1]:
            yield f"ordered twice at {name} under one name: {twice}"
        yield from vendor.problems


def died_in_doubt(trace: Sequence[str]) -> bool:
    """Whether a life may have ended after a create was marked, and before its answer was written down."""
    is_marked = False
    for before, point in pairwise(trace):
        if point == _ABOUT_TO_SEND:
            is_marked = True
        elif point.startswith("submitting → ") and point.endswith(": after commit"):
            is_marked = False
        elif point == DIED and is_marked and before != _ABOUT_TO_SEND:
            return True
    return False


def of_the_story(story: Story, stage: Stage, known: list[Row], *, may_be_held: bool) -> Iterator[str]:
    """It ends as it must, or as is documented where nobody can tell; the operator is told what went wrong."""
    loud = [line for line in stage.logged if line["level"] in ("error", "critical")]
    told = Counter(line["event"] for line in loud)
    held = [row for row in known if row.maybe_charged]
    for row in known:
        is_held = may_be_held and row.state is JobState.FAILED and row.maybe_charged
        if row.state not in story.ends and not is_held:
            yield f"job {row.id} is {row.state}"
    if (heard := sum(told[words] for words in _TOLD)) < len(held):
        yield f"{len(held)} jobs are held, and the operator heard of {heard}"
    yield from (f"logged: {line}" for line in loud if line["event"] not in _EXPECTED)
