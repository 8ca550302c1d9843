"""What must hold of jobs, books and clips when nothing is under way any more: a sentence for each thing that does not."""

import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass

from bot.db import asks, audit, lanes
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Aftercare, JobState
from bot.sandbox import Sandbox
from bot.sandbox.model.hub import Event
from bot.sandbox.model.messages import Viewer

_CLIP = re.compile(r"(?:SPOILER_)?kinora-(\d+)\.mp4")
_CLOSING = {JobState.DONE: ("settle",), JobState.UNDELIVERABLE: ()}
"""What follows the reservation in the ledger; all others are refunded. What no place took stays reserved."""


@dataclass(frozen=True)
class Row:
    """A job, as far as its end matters."""

    id: int
    state: JobState
    aftercare: Aftercare
    was_rendered: bool
    maybe_charged: bool
    message_id: int | None
    entries: tuple[str, ...]
    clip: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in TERMINAL and self.aftercare is Aftercare.NONE


def rows() -> Transaction[list[Row]]:
    """Every job, with its lines in the ledger."""
    lines = yield "SELECT job_id, kind, credits FROM ledger WHERE job_id IS NOT NULL ORDER BY id", {}
    kinds: dict[int, list[str]] = {}
    for line in lines:
        kinds.setdefault(line["job_id"], []).append(line["kind"])
    found = yield "SELECT * FROM jobs ORDER BY id", {}
    return [
        Row(
            row["id"],
            JobState(row["state"]),
            Aftercare(row["aftercare"]),
            row["rendered_at_ms"] is not None,
            bool(row["maybe_charged"]),
            row["message_id"],
            tuple(kinds.get(row["id"], ())),
            row["clip"],
        )
        for row in found
    ]


class Posted:
    """Listens to a Discord: the messages with a clip that were posted by themselves, by job."""

    def __init__(self, sandbox: Sandbox, bot_id: int) -> None:
        self._bot_id = bot_id
        self.by_job: defaultdict[int, set[int]] = defaultdict(set)
        self.answers: defaultdict[int, set[int]] = defaultdict(set)
        """Answers to commands that had a clip at some time: it was claimed, or shown again."""
        sandbox.world.hub.listeners.append(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        message = event.payload(Viewer(self._bot_id, reads_content=True))
        is_answer = "interaction_metadata" in message
        if message["author"]["id"] != str(self._bot_id) or not (is_answer or event.name == "MESSAGE_CREATE"):
            return
        for file in message["attachments"]:
            if named := _CLIP.fullmatch(file["filename"]):
                (self.answers if is_answer else self.by_job)[int(named[1])].add(int(message["id"]))


async def of_the_books(db: Database, known: list[Row]) -> AsyncGenerator[str]:
    """Jobs, slots, lanes and money."""
    for row in known:
        if not row.has_ended:
            yield f"job {row.id} is {row.state} with aftercare {row.aftercare.name}"
        closing = _CLOSING.get(row.state, ("refund",))
        if row.state in TERMINAL and row.entries != ("reserve", *closing):
            yield f"job {row.id} is {row.state}, and the ledger says {row.entries}"
    if left := await db.read(asks.left()):
        yield f"{len(left)} requests are neither jobs nor refused"
    if held := [row.id for row in known if row.state in SLOT_HOLDERS]:
        yield f"slots are held by {held}"
    if wrong := await db.write(lanes.recount()):
        yield f"{wrong} counters of the queue were wrong"
    if wrong := await db.read(audit.discrepancies()):
        yield f"{wrong} balances differ from the ledger"


def of_the_clips(
    known: list[Row], by_job: Mapping[int, set[int]], answers: Mapping[int, set[int]] | None = None
) -> Iterator[str]:
    """One message for each clip that is said to be posted, none for others. One that was claimed is in an answer."""
    for row in known:
        posted = by_job.get(row.id, set())
        is_claimed = not posted and row.message_id in (answers or {}).get(row.id, ())
        is_posted = len(posted) == 1 and row.message_id in posted
        if row.state is JobState.DONE and not (is_posted or is_claimed):
            yield f"job {row.id} is done by message {row.message_id}, and was posted as {sorted(posted)}"
        if row.state is not JobState.DONE and posted:
            yield f"job {row.id} is {row.state}, and was posted as {sorted(posted)}"
