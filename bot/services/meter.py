"""What the bot tells of itself when it is asked: nothing is counted on the way that a row can tell.

Jobs, money and waiting clips are read from the database at that moment. What has ended since is read from the ledger,
which grows by one row for each end: so the counters miss nothing, count nothing twice, and services know nothing of
them. What leaves no row (how late the event loop is, what Discord answers) is counted by whoever sees it, and `add`ed.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bot.db import metrics
from bot.db.transaction import Database
from bot.domain.jobs import JobState
from bot.domain.metrics import Metric, Spread, Tally, gauge
from bot.domain.money import Entry
from bot.domain.outcomes import Cause, cause
from bot.services.gate import Closure, Gate
from bot.services.health import Health
from bot.services.ports import Clock
from bot.services.room import least_free_bytes

_PAGE = 1_000
_MINUTES = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 86400)
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_OUTBOX = (JobState.FETCHING, JobState.DELIVERING)

Source = Callable[[], Iterable[Metric]]


class Meter:
    """Reads everything, for one reader at a time; several readers see the same counters."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        gate: Gate,
        health: Health,
        providers: Collection[str],
        folder: Path,
        reserve_bytes: int,
        sources: Iterable[Source] = (),
        leads: Callable[[], bool] | None = None,
    ) -> None:
        """What it needs.

        Args:
            db: What is read.
            clock: The time.
            gate: Told of.
            health: Told of.
            providers: Of which zeros are told, too.
            folder: On the disk whose room is told.
            reserve_bytes: With less room than this nothing is begun.
            sources: Are told, too.
            leads: Whether this one of several processes tells of rows, so that sums over all count nothing twice. None
                if it is the only one.
        """
        self._db = db
        self._clock = clock
        self._gate = gate
        self._health = health
        self._providers = providers
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._sources = list(sources)
        self._leads = leads
        self._turn = asyncio.Lock()
        self._told_id: int | None = None
        self._ended = _Ended(providers)

    def add(self, source: Source) -> None:
        """Tell this, too."""
        self._sources.append(source)

    async def begin(self) -> None:
        """Count from now on: what ended before was counted by the process of that time."""
        self._told_id = await self._db.read(metrics.newest_entry())

    async def read(self) -> list[Metric]:
        """Everything as it stands.

        Raises:
            DatabaseFault: what is in rows cannot be had.
        """
        async with self._turn:
            snapshot = await self._snapshot()
            free_bytes = await asyncio.to_thread(least_free_bytes, [self._folder])
            now_ms = self._clock.now_ms()
        return [
            *(_open(snapshot, self._providers, now_ms) if snapshot else ()),
            *self._ended.metrics(),
            *self._process(free_bytes),
            *(metric for source in self._sources for metric in source()),
        ]

    async def _snapshot(self) -> metrics.Snapshot | None:
        """How things stand, with all counted that was not; None if another process tells of that."""
        if self._leads is None:
            if self._told_id is None:
                await self.begin()
            return await self._catch_up()
        if not self._leads():
            return None
        self._told_id = await self._db.read(metrics.counted_to())
        if self._told_id is None:
            await self.begin()
        snapshot = await self._catch_up()
        assert self._told_id is not None
        await self._db.write(metrics.count_to(self._told_id))
        return snapshot

    async def _catch_up(self) -> metrics.Snapshot:
        while True:
            assert self._told_id is not None
            snapshot = await self._db.read(metrics.snapshot(after_id=self._told_id, limit=_PAGE))
            for entry in snapshot.entries:
                self._ended.count(entry)
                self._told_id = entry.id
            if len(snapshot.entries) < _PAGE:
                return snapshot

    def _process(self, free_bytes: int | None) -> list[Metric]:
        shut = {(closure.name.lower(),): float(closure in self._gate.closures) for closure in Closure}
        healthy = {(name,): float(self._health.is_healthy(name)) for name in self._providers}
        return [
            gauge("kinora_gate_shut", "1 for each reason why no waiting job is begun.", shut, ("why",)),
            gauge(
                "kinora_provider_healthy",
                "0 while a provider is left alone, or chosen last.",
                healthy,
                ("provider",),
            ),
            gauge(
                "kinora_disk_free_bytes",
                "Room on the disk of DATA_DIR.",
                {} if free_bytes is None else free_bytes,
            ),
            gauge("kinora_disk_reserve_bytes", "With less room nothing is begun.", self._reserve_bytes),
        ]


class _Ended:
    """What the ledger has told so far.

    It begins with zeros: of a counter that is first seen as 1, Prometheus tells no increase.
    """

    def __init__(self, providers: Iterable[str]) -> None:
        self._credits = Tally(
            "kinora_credits_total",
            "Credits that were reserved, settled or refunded.",
            ("provider", "kind"),
        )
        self._cost = Tally(
            "kinora_provider_cost_dollars_total",
            "What providers say that finished clips have cost.",
            ("provider",),
        )
        self._outcomes = Tally("kinora_jobs_total", "Jobs that ended.", ("provider", "outcome", "cause"))
        self._accepted = Tally("kinora_jobs_accepted_total", "Jobs that were accepted.", ("provider",))
        labels = ("provider", "stage")
        self._stages = Spread(
            "kinora_job_stage_seconds",
            "How long jobs that have ended waited for their turn, were made, fetched and posted.",
            sorted({*_SECONDS, *_MINUTES}),
            labels,
        )
        for provider in providers:
            self._outcomes.add(provider, JobState.DONE.value, Cause.NONE.value, by=0)
            self._outcomes.add(provider, JobState.FAILED.value, Cause.HELD.value, by=0)
            self._accepted.add(provider, by=0)
            self._cost.add(provider, by=0)
            for kind in (Entry.RESERVE, Entry.SETTLE, Entry.REFUND):
                self._credits.add(provider, kind.value, by=0)

    def count(self, entry: metrics.Entry) -> None:
        self._credits.add(entry.provider, entry.kind, by=entry.credits)
        if entry.kind == "reserve":
            self._accepted.add(entry.provider)
            return
        self._cost.add(entry.provider, by=(entry.cost_micro_usd or 0) / 1_000_000)
        why = cause(entry.state, entry.error, maybe_charged=entry.maybe_charged)
        self._outcomes.add(entry.provider, entry.state, why.value)
        for stage, began_ms, ended_ms in (
            ("waiting", entry.created_at_ms, entry.started_at_ms),
            ("making", entry.started_at_ms, entry.rendered_at_ms),
            ("fetching", entry.rendered_at_ms, entry.post_marked_at_ms),
            ("posting", entry.post_marked_at_ms, entry.finished_at_ms),
        ):
            if began_ms is not None and ended_ms is not None:
                self._stages.add(max(0, ended_ms - began_ms) / 1000, entry.provider, stage)

    def metrics(self) -> Iterable[Metric]:
        counted = (self._credits, self._cost, self._outcomes, self._accepted, self._stages)
        return [one.read() for one in counted]


def _open(snapshot: metrics.Snapshot, providers: Collection[str], now_ms: int) -> list[Metric]:
    """What is on its way, with a zero where nothing is, so that a graph does not break off."""
    jobs = {(name, state.value): 0.0 for name in providers for state in JobState if state in _STATES}
    queued, oldest, credits_ = ({(name,): 0.0 for name in providers} for _ in range(3))
    outbox_s, doubts = 0.0, {("create",): 0.0, ("post",): 0.0}
    for found in snapshot.open:
        age_s = max(0, now_ms - found.since_ms) / 1000
        jobs[found.provider, found.state] = found.jobs
        credits_[found.provider,] = credits_.get((found.provider,), 0) + found.credits
        if found.state == JobState.QUEUED:
            queued[found.provider,], oldest[found.provider,] = found.jobs, age_s
        if found.state in _OUTBOX:
            outbox_s = max(outbox_s, age_s)
        doubts["create" if found.state == JobState.UNKNOWN else "post",] += found.doubts
    for provider, held in snapshot.reserved_for_claim:
        credits_[provider,] = credits_.get((provider,), 0) + held
    outbox = sum(found.jobs for found in snapshot.open if found.state in _OUTBOX)
    by_provider = ("provider",)
    return [
        gauge("kinora_jobs_open", "Jobs on their way, by state.", jobs, ("provider", "state")),
        gauge("kinora_queue_jobs", "Jobs that wait for their turn.", queued, by_provider),
        gauge(
            "kinora_queue_oldest_seconds",
            "How long the oldest of them has waited so far.",
            oldest,
            by_provider,
        ),
        gauge(
            "kinora_credits_reserved",
            "Credits that open jobs hold, and clips that are kept to be claimed.",
            credits_,
            by_provider,
        ),
        gauge("kinora_outbox_clips", "Clips that are made, and not posted yet.", outbox),
        gauge("kinora_outbox_oldest_seconds", "How long ago the oldest of them was made.", outbox_s),
        gauge(
            "kinora_doubts",
            "Attempts to have a clip made, or to post one, of unknown end.",
            doubts,
            ("what",),
        ),
        gauge(
            "kinora_clips_kept_for_claim",
            "Clips that no place took, kept until they are claimed.",
            snapshot.kept_for_claim,
        ),
        gauge(
            "kinora_requests_pending",
            "Requests that were acknowledged, and are no job yet.",
            snapshot.asks,
        ),
        gauge(
            "kinora_blobs_unneeded", "Files that nobody needs, to be deleted soon.", snapshot.unneeded_blobs
        ),
    ]


_STATES = (
    JobState.QUEUED,
    JobState.SUBMITTING,
    JobState.RENDERING,
    JobState.UNKNOWN,
    JobState.FETCHING,
    JobState.DELIVERING,
)
