"""What must hold when all is over, beside what holds of every job: a sentence for each thing that does not."""

import asyncio
from collections import Counter
from collections.abc import Iterator

from bot.app import App
from bot.db import asks
from bot.sandbox import Sandbox
from bot.sandbox.model.interactions import Interaction, Kind
from tests.soak.evidence import Evidence, Vitals
from tests.vendors.opened import Vendors
from tests.verdict import Row, rows

_SETTLES_WITHIN_S = 180.0
_WHOLE_BODY = ": "
"""AI/ML API documents neither that Kling 3.0 needs a prompt nor that it does not; its double here says that it does."""
_HELD_BACK = 1.2
"""What memory may be after the load, of what it was before."""


async def settles(app: App) -> list[Row]:
    """Wait until nothing is under way any more; the jobs as they are then, or when patience is at its end."""
    try:
        async with asyncio.timeout(_SETTLES_WITHIN_S):
            while True:
                known = await app.db.read(rows())
                if all(row.has_ended for row in known) and not await app.db.read(asks.left()):
                    return known
                await asyncio.sleep(0.1)
    except TimeoutError:
        return await app.db.read(rows())


def of_the_bills(known: list[Row], vendors: Vendors) -> Iterator[str]:
    """Nothing was ordered twice: what vendors charge for was made, or the operator was told that it may be charged."""
    billed = sum(len(vendor.bill) for vendor in vendors.by_name.values())
    made = sum(row.was_rendered or row.maybe_charged for row in known)
    if billed > made:
        yield f"vendors charge for {billed} clips, and {made} were made or may have been charged"
    for vendor in vendors.by_name.values():
        keys = Counter(task.key for task in vendor.tasks.values() if task.key)
        if twice := [key for key, count in keys.items() if count > 1]:
            yield f"ordered twice under one name: {twice}"
        yield from (problem for problem in vendor.problems if not problem.startswith(_WHOLE_BODY))


def of_the_answers(sandbox: Sandbox, evidence: Evidence, excused: set[str]) -> Iterator[str]:
    """Everybody was answered in time, and nobody was told that something went wrong."""
    for one in sandbox.unanswered():
        if one.token not in excused and not _is_struck(one, evidence) and not _is_shut(one):
            yield f"{one} in {one.channel} has no answer: {one.acknowledgement}"
    for one in sandbox.world.interactions.values():
        shown = [one.original, *one.follow_ups.values()]
        if any(message and "Something went wrong" in message.text for message in shown):
            yield f"{one}: {next(m.text for m in shown if m and 'Something went wrong' in m.text)}"


def _is_struck(one: Interaction, evidence: Evidence) -> bool:
    """Twice is more than anybody can be asked to get round; suggestions are not tried again."""
    return evidence.struck[one.token] >= (1 if one.kind is Kind.AUTOCOMPLETE else 2)


def _is_shut(one: Interaction) -> bool:
    """Whether its thread was archived before the answer: Discord lets nobody edit a message there."""
    return one.channel.thread is not None and one.channel.thread.is_archived


def of_the_process(before: Vitals, after: Vitals) -> Iterator[str]:
    """What was held at rest before the load, and after it."""
    if after.resident_mb > before.resident_mb * _HELD_BACK:
        yield f"memory went from {before.resident_mb:.0f} to {after.resident_mb:.0f} MB"
    for name in ("threads", "files", "tasks"):
        one, other = getattr(before, name), getattr(after, name)
        if other > one + _SLACK:
            yield f"{name} went from {one} to {other}"


_SLACK = 3
"""Pools fill up as they are used."""
