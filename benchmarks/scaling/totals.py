"""What a cluster has used and done, and what of it the clips have brought along."""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.scaling.crowd import Crowd
from benchmarks.scaling.fleet import Fleet
from benchmarks.servers import Postgres
from benchmarks.spent import cpu_s

_KEPT = "database_bytes"


@dataclass(frozen=True, slots=True)
class Totals:
    """In all until a moment, or within a span."""

    lasts_s: float
    """Of a moment, by a clock that only differences of are worth something."""
    cpu_s: Mapping[str, float]
    """Of the gateways, of the workers, and of this process: Discord, the vendor, and the people."""
    database: Mapping[str, float]
    """SQLite is part of the bot's process and only has its bytes."""
    routes: Mapping[str, float]
    """Requests to Discord."""
    counted: float
    """Of them, those that count towards the limit of a bot's requests."""
    polls: float

    def since(self, before: "Totals") -> "Totals":
        """The span between two moments."""
        return self._less(before, 1.0, self.lasts_s - before.lasts_s)

    def beyond(self, idle: "Totals | None") -> "Totals":
        """What this span has that would not have come about in as long an idle one; all bytes that stay are its own."""
        if idle is None:
            return self
        found = self._less(idle, self.lasts_s / idle.lasts_s, self.lasts_s)
        return replace(found, database={**found.database, _KEPT: self.database.get(_KEPT, 0.0)})

    def each(self, number: float) -> "Totals":
        """Of so many the share of one; the span stays what it is."""
        return Totals(
            self.lasts_s,
            _each(self.cpu_s, number),
            _each(self.database, number),
            _each(self.routes, number),
            self.counted / number,
            self.polls / number,
        )

    def _less(self, other: "Totals", times: float, lasts_s: float) -> "Totals":
        return Totals(
            lasts_s,
            _less(self.cpu_s, other.cpu_s, times),
            _less(self.database, other.database, times),
            _less(self.routes, other.routes, times),
            self.counted - other.counted * times,
            self.polls - other.polls * times,
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose totals they are."""

    crowd: Crowd
    fleet: Fleet
    server: Postgres | None
    folder: Path

    def totals(self) -> Totals:
        """Until now."""
        gateway_s, worker_s = self.fleet.cpu_s()
        children_s = gateway_s + worker_s + (self.server.use().cpu_s if self.server else 0.0)
        return Totals(
            lasts_s=time.monotonic(),
            cpu_s={"gateway": gateway_s, "worker": worker_s, "discord": cpu_s(os.getpid()) - children_s},
            database=_database(self.server, self.folder),
            routes=dict(self.crowd.traffic.routes),
            counted=self.crowd.traffic.counted,
            polls=sum(task.polls for task in self.crowd.vendor.tasks.values()),
        )


def _database(server: Postgres | None, folder: Path) -> dict[str, float]:
    if server is None:
        with closing(sqlite3.connect(folder / "kinora.db")) as connection:
            (size,) = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
        return {_KEPT: float(size[0])}
    ((ticks,),) = server.ask("SELECT last_value FROM procrastinate_jobs_id_seq")
    spoken = server.statements()
    return {
        **asdict(server.use()),
        "ticks": float(ticks),
        "statements": spoken.total,
        "locked_statements": spoken.locked,
        "locks": spoken.locks,
    }


def _less(some: Mapping[str, float], other: Mapping[str, float], times: float) -> dict[str, float]:
    return {name: some.get(name, 0.0) - other.get(name, 0.0) * times for name in sorted({*some, *other})}


def _each(some: Mapping[str, float], number: float) -> dict[str, float]:
    return {name: value / number for name, value in some.items()}
