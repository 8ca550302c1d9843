"""What a bot in very many servers needs, by what one clip was measured to take. For `docs/scaling.py`."""

# ruff: noqa: INP001, RUF001 - beside the page it is for, and part of no package; multiplication has a sign

from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

from bot.domain.duties import Role
from bot.domain.requests import Quality
from bot.domain.rows import parse
from bot.domain.shares import FOR_NEWCOMERS, SETTLED_AFTER_MS, WEIGHTS, Process, share_of

Figures: TypeAlias = dict[str, Any]
Row: TypeAlias = tuple[str, str, str]

SERVERS = 100_000
CLIPS_A_DAY = 1_000_000
PEAK = 3
"""Times the mean: what people do has an evening."""
_DAY_S = 86_400
RENDER_S = 120
"""Usual for the models of the catalogue."""
CLIP_MB = 6.0
"""Five seconds in 1080p at 10 Mbit/s."""
MESSAGES_A_DAY = 500
"""In a server, of people; said here because the gateway hears them all."""
FULL = 0.6
"""Of a core: more is planned for nobody's busiest minute."""
AWAY_MS = 0.25
"""To a database in the same datacentre and back."""
SERVERS_A_SHARD, MOST_A_SHARD = 1_000, 2_500
SHARDS_A_PROCESS = 16
CONNECTIONS = 11
"""To PostgreSQL, of one process: one that writes, four that read, four of the queue, one that listens, one to lead."""
DISCORD_PER_S = 50
IDENTIFIES_A_DAY = 1_000
IDENTIFY_EVERY_S = 5.5
"""With Discord's five seconds, gateways that are not equally far away."""
ORIGINALS_DAYS = 90
HEARD_S = SERVERS * MESSAGES_A_DAY / _DAY_S * PEAK
"""Messages a second in the evening."""
MODEL = ("kling", "kling-v2-5-turbo")


@dataclass(frozen=True, slots=True)
class Need:
    """What the day above asks for, by what was measured."""

    figures: Figures

    @property
    def mean(self) -> float:
        """Clips a second."""
        return CLIPS_A_DAY / _DAY_S

    @property
    def peak(self) -> float:
        """Clips a second in the evening."""
        return self.mean * PEAK

    @property
    def pace(self) -> Figures:
        """One clip, as it was measured at a pace."""
        return self.figures["scaling"]["pace"]

    @property
    def database(self) -> Figures:
        """One clip's share of PostgreSQL."""
        return self.pace["database"]

    @property
    def idle(self) -> Figures:
        """A second of one process in which nothing happens."""
        return self.pace["idle"]

    def cores(self, cpu_ms: float, idle_ms: float = 0.0, processes: int = 0) -> float:
        """For clips at the peak and for so many processes that are there at all, none fuller than it should be."""
        return (cpu_ms * self.peak + idle_ms * processes) / 1000 / FULL

    @property
    def listening(self) -> float:
        """Cores that hear what people say."""
        return HEARD_S * self.figures["scaling"]["heard"]["us_per_message"] / 1e6 / FULL

    @property
    def processes(self) -> tuple[int, int]:
        """Gateways and workers."""
        heard_ms = self.listening * FULL * 1000
        gateways = _carrying(heard_ms + self.pace["gateway_ms"] * self.peak, self.idle["gateway_ms"])
        workers = _carrying(self.pace["worker_ms"] * self.peak, self.idle["worker_ms"])
        shards = SERVERS // SERVERS_A_SHARD
        return max(-(-shards // SHARDS_A_PROCESS), gateways), workers + 1

    @property
    def discord_per_s(self) -> float:
        """What all workers together may send."""
        gateways, workers = (
            [
                Process(f"{role}-{number}", "", role, None, "", began_at_ms=-SETTLED_AFTER_MS)
                for number in range(count)
            ]
            for role, count in zip((Role.GATEWAY, Role.WORKER), self.processes, strict=True)
        )
        live = [*gateways, *workers]
        return sum(share_of(worker, live, per_s=DISCORD_PER_S, now_ms=0) for worker in workers)

    @property
    def statements_per_s(self) -> float:
        """Under the lock of all writes, where nothing else is done."""
        scaling = self.figures["scaling"]
        return max(one["per_s"] * scaling["accepting"][str(one["callers"])] for one in scaling["lock"])

    @property
    def lock_ms(self) -> float:
        """For which the lock of all writes is held for one clip."""
        return self.database["locked_statements"] / self.statements_per_s * 1000

    @property
    def idle_lock_ms(self) -> float:
        """For which all processes hold it in a second in which nothing happens."""
        return self.idle["database"]["locked_statements"] * sum(self.processes) / self.statements_per_s * 1000


def measured(need: Need) -> list[Row]:
    """What was measured, for one clip."""
    pace, database = need.pace, need.database
    heard, idle = need.figures["scaling"]["heard"], need.idle
    return [
        ("gateway", "processor time for one clip", f"{pace['gateway_ms']:.0f} ms"),
        ("worker", "likewise", f"{pace['worker_ms']:.0f} ms"),
        ("PostgreSQL", "likewise, all its processes", f"{database['cpu_s'] * 1000:.0f} ms"),
        ("an idle gateway", "processor time a second", f"{idle['gateway_ms']:.1f} ms"),
        ("an idle worker", "likewise", f"{idle['worker_ms']:.1f} ms"),
        (
            "PostgreSQL, for an idle process",
            "likewise; statements, commits, WAL and syncs a second",
            (
                f"{_ms(idle):.1f} ms; {idle['database']['statements']:.1f}, {idle['database']['commits']:.1f}, "
                f"{idle['database']['wal_bytes'] / 1000:.2f} KB and {idle['database']['wal_syncs']:.2f}"
            ),
        ),
        ("steps", "Procrastinate's jobs for one clip", f"{database['ticks']:.1f}"),
        ("questions", "to the provider, while a clip is made", f"{pace['polls']:.1f}"),
        (
            "commits",
            "of PostgreSQL for one clip, reads and Procrastinate's included",
            f"{database['commits']:.0f}",
        ),
        (
            "log",
            "WAL for one clip, in so many syncs",
            f"{database['wal_bytes'] / 1000:.0f} KB in {database['wal_syncs']:.1f}",
        ),
        ("rows", "bytes that stay, indexes included", f"{database['database_bytes'] / 1000:.1f} KB"),
        (
            "lock of all writes",
            f"{database['locked_statements']:.0f} statements / {need.statements_per_s:,.0f} a second, the most that the table below comes to",
            f"{need.lock_ms:.0f} ms a clip",
        ),
        (
            "statements",
            f"for one clip; within {database['locks']:.1f} commits under that lock",
            f"{database['statements']:.0f}; {database['locked_statements']:.0f}",
        ),
        ("requests to Discord", "for one clip", f"{sum(pace['routes'].values()):.1f}"),
        ("of them counted", "towards the 50 a second of a bot", f"{pace['counted']:.1f}"),
        ("memory", "of a gateway, of a worker", f"{pace['gateway_mb']:.0f} MB, {pace['worker_mb']:.0f} MB"),
        ("a server", "memory of the gateway that hears it", f"{heard['kb_per_guild']:.0f} KB"),
        ("a message", "processor time of the gateway that hears it", f"{heard['us_per_message']:.0f} µs"),
    ]


def machines(need: Need) -> list[Row]:
    """Cores, memory and processes."""
    pace, heard = need.pace, need.figures["scaling"]["heard"]
    shards = SERVERS // SERVERS_A_SHARD
    heard_s, listening = HEARD_S, need.listening
    hearing, carrying = need.processes
    idle, kept_ms = need.idle, need.database["cpu_s"] * 1000
    clicks = need.cores(pace["gateway_ms"], idle["gateway_ms"], hearing)
    worker = need.cores(pace["worker_ms"], idle["worker_ms"], carrying)
    database = need.cores(kept_ms, _ms(idle), hearing + carrying)
    held_gb = SERVERS * heard["kb_per_guild"] / 1e6
    gateway_gb = held_gb + hearing * pace["gateway_mb"] / 1000
    return [
        (
            "clips a second",
            f"{CLIPS_A_DAY:,} / {_DAY_S:,} s; in the evening {PEAK} times as many",
            f"{need.mean:.1f}; {need.peak:.1f}",
        ),
        ("clips on their way", f"{need.peak:.1f}/s × {RENDER_S} s", f"{need.peak * RENDER_S:,.0f}"),
        (
            "messages heard a second",
            f"{SERVERS:,} servers × {MESSAGES_A_DAY} / {_DAY_S:,} s × {PEAK}",
            f"{heard_s:,.0f}",
        ),
        (
            "cores for hearing",
            f"{heard_s:,.0f}/s × {heard['us_per_message']:.0f} µs / {FULL:g}",
            f"{listening:.1f}",
        ),
        (
            "cores for requests",
            f"({need.peak:.1f}/s × {pace['gateway_ms']:.0f} ms + {hearing} × {idle['gateway_ms']:.1f} ms) / {FULL:g}",
            f"{clicks:.1f}",
        ),
        (
            "gateway processes",
            f"{shards} shards / {SHARDS_A_PROCESS} at least; one core is the most that one uses",
            f"{hearing}",
        ),
        (
            "their memory",
            f"{SERVERS:,} × {heard['kb_per_guild']:.0f} KB + {hearing} × {pace['gateway_mb']:.0f} MB",
            f"{gateway_gb:.1f} GB",
        ),
        (
            "cores for workers",
            f"({need.peak:.1f}/s × {pace['worker_ms']:.0f} ms + {carrying} × {idle['worker_ms']:.1f} ms) / {FULL:g}",
            f"{worker:.1f}",
        ),
        (
            "worker processes",
            "one core is the most that one uses, and one more that may be missing",
            f"{carrying}",
        ),
        (
            "their memory",
            f"{carrying} × {pace['worker_mb']:.0f} MB",
            f"{carrying * pace['worker_mb'] / 1000:.1f} GB",
        ),
        (
            "cores for PostgreSQL",
            f"({need.peak:.1f}/s × {kept_ms:.0f} ms + {hearing + carrying} × {_ms(idle):.1f} ms) / {FULL:g}",
            f"{database:.1f}",
        ),
        (
            "connections to PostgreSQL",
            f"({hearing} + {carrying}) × {CONNECTIONS} at most; its `max_connections` is 100 unless it is set",
            f"{(hearing + carrying) * CONNECTIONS}",
        ),
    ]


def database(need: Need) -> list[Row]:
    """What PostgreSQL has to keep and to write."""
    one, idle, processes = need.database, need.idle["database"], sum(need.processes)
    day_gb = CLIPS_A_DAY * one["database_bytes"] / 1e9
    wal_mb = (need.peak * one["wal_bytes"] + processes * idle["wal_bytes"]) / 1e6
    wal_gb = (CLIPS_A_DAY * one["wal_bytes"] + processes * idle["wal_bytes"] * _DAY_S) / 1e9
    syncs = need.peak * one["wal_syncs"] + processes * idle["wal_syncs"]
    locked, away_ms = one["locked_statements"], need.lock_ms + one["locked_statements"] * AWAY_MS
    free_ms = 1000 - need.idle_lock_ms
    free_away_ms = free_ms - processes * idle["locked_statements"] * AWAY_MS
    most = free_ms / need.lock_ms
    return [
        ("grows a day", f"{CLIPS_A_DAY:,} × {one['database_bytes'] / 1000:.1f} KB", f"{day_gb:.1f} GB"),
        (
            "after a year",
            "jobs and ledger stay, for who wants to know what was paid",
            f"{day_gb * 365 / 1000:.1f} TB",
        ),
        (
            "log in the evening",
            f"{need.peak:.1f}/s × {one['wal_bytes'] / 1000:.0f} KB + {processes} × {idle['wal_bytes'] / 1000:.2f} KB/s",
            f"{wal_mb:.1f} MB/s",
        ),
        (
            "log a day, for an archive",
            f"{CLIPS_A_DAY:,} × {one['wal_bytes'] / 1000:.0f} KB, and likewise",
            f"{wal_gb:.0f} GB",
        ),
        (
            "syncs a second",
            f"{need.peak:.1f}/s × {one['wal_syncs']:.1f} + {processes} × {idle['wal_syncs']:.2f} at most: what waits together shares one",
            f"{syncs:,.0f}",
        ),
        ("steps a second", f"{need.peak:.1f}/s × {one['ticks']:.1f}", f"{need.peak * one['ticks']:.0f}"),
        (
            "the lock carries",
            f"(1 s − {need.idle_lock_ms:.0f} ms for idle processes) / {need.lock_ms:.0f} ms a clip",
            f"{most:.0f} clips/s",
        ),
        (
            f"likewise, {AWAY_MS:g} ms away",
            f"(1 s − {1000 - free_away_ms:.0f} ms) / ({need.lock_ms:.0f} ms + {locked:.0f} statements × {AWAY_MS:g} ms)",
            f"{free_away_ms / away_ms:.0f} clips/s",
        ),
        ("of what the evening wants", f"{most:.0f} / {need.peak:.1f}", f"{most / need.peak:.1f} times"),
    ]


def discord(need: Need) -> list[Row]:
    """Shards, and requests against Discord's limit."""
    pace = need.pace
    routes: Figures = pace["routes"]
    edits = routes.get("PATCH /channels/{channel_id}/messages/{message_id}", 0.0)
    threads = routes.get("POST /channels/{channel_id}/messages/{message_id}/threads", 0.0)
    archived = routes.get("PATCH /channels/{channel_id}", 0.0)
    counted = pace["counted"]
    terse = counted - max(0.0, edits - 1)
    channel = terse - threads - archived
    rows: list[Row] = [
        (
            "shards",
            f"{SERVERS:,} / {SERVERS_A_SHARD:,} (at most {MOST_A_SHARD:,} servers each, so {SERVERS // MOST_A_SHARD} at least)",
            f"{SERVERS // SERVERS_A_SHARD}",
        ),
        (
            "all of them connected",
            f"{SERVERS // SERVERS_A_SHARD} × {IDENTIFY_EVERY_S:g} s, with a max_concurrency of 1",
            f"{SERVERS // SERVERS_A_SHARD * IDENTIFY_EVERY_S / 60:.0f} min",
        ),
        (
            "whole restarts a day",
            f"{IDENTIFIES_A_DAY:,} identifies / {SERVERS // SERVERS_A_SHARD}",
            f"{IDENTIFIES_A_DAY // (SERVERS // SERVERS_A_SHARD)}",
        ),
    ]
    for what, each in (
        ("as it is", counted),
        ("one edit of each card instead of " + f"{edits:.1f}", terse),
        ("and clips in the channel, without a thread", channel),
    ):
        rows.append(
            (
                f"requests a second, {what}",
                f"{each:.1f} × {need.mean:.1f} on average, × {need.peak:.1f} in the evening; {DISCORD_PER_S} are allowed",
                f"**{each * need.mean:.0f}**; **{each * need.peak:.0f}**",
            )
        )
    (gateways, workers), per_s = need.processes, need.discord_per_s
    weighs = WEIGHTS[Role.WORKER] * workers
    all_weigh = weighs + WEIGHTS[Role.GATEWAY] * gateways
    rows += [
        (
            "of them the workers'",
            f"{DISCORD_PER_S} × {1 - FOR_NEWCOMERS:g} × {weighs} / {all_weigh}: by weight, in whole requests, less what newcomers may use",
            f"{per_s:.1f}",
        ),
        (
            "clips a day within the limit",
            f"{per_s:.1f} / {counted:.1f} / {PEAK} × {_DAY_S:,} s, with an evening",
            f"{per_s / counted / PEAK * _DAY_S:,.0f}",
        ),
        (
            "likewise, with the terse ways above",
            f"{per_s:.1f} / {terse:.1f} / {PEAK} × {_DAY_S:,} s; / {channel:.1f}",
            f"{per_s / terse / PEAK * _DAY_S:,.0f}; {per_s / channel / PEAK * _DAY_S:,.0f}",
        ),
    ]
    return rows


def files(need: Need) -> list[Row]:
    """The bucket and the way there."""
    day_tb = CLIPS_A_DAY * CLIP_MB / 1e6
    per_s = need.peak * CLIP_MB
    return [
        ("clips a day", f"{CLIPS_A_DAY:,} × {CLIP_MB:g} MB", f"{day_tb:.1f} TB"),
        (
            "in the bucket",
            f"{day_tb:.1f} TB × {ORIGINALS_DAYS} days (`ORIGINALS_DAYS`)",
            f"{day_tb * ORIGINALS_DAYS:,.0f} TB",
        ),
        ("with a week of them", f"{day_tb:.1f} TB × 7 days", f"{day_tb * 7:,.0f} TB"),
        (
            "through workers in the evening",
            f"{need.peak:.1f}/s × {CLIP_MB:g} MB, from the provider, to and from the bucket, to Discord",
            f"{per_s:.0f} MB/s each way",
        ),
        (
            "requests to the bucket",
            f"{need.peak:.1f}/s × (2 put, 2 read: the picture and the clip)",
            f"{need.peak * 4:.0f}/s",
        ),
    ]


def providers(need: Need) -> list[Row]:
    """Slots and dollars."""
    provider, model = MODEL
    shipped = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    specs = parse(shipped, source="catalogue.toml")
    spec = next(spec for spec in specs if (spec.provider, spec.id) == MODEL)
    rows: list[Row] = [
        (
            "slots",
            f"{need.mean:.1f}/s × {RENDER_S} s on average; × {PEAK} in the evening, if nobody is to wait",
            f"{need.mean * RENDER_S:,.0f}; {need.peak * RENDER_S:,.0f}",
        ),
        (
            "questions a second",
            f"{need.peak:.1f}/s × {need.pace['polls']:.1f}; none where the provider calls back",
            f"{need.peak * need.pace['polls']:.0f}",
        ),
    ]
    for quality in (Quality.STD, Quality.PRO):
        credits_ = spec.price.credits(quality, 5, sound=False, voices=False)
        assert credits_ is not None
        dollars = float(credits_) / 100
        rows.append(
            (
                f"dollars a day, {model} at {provider}, 5 s, {quality.value}",
                f"{CLIPS_A_DAY:,} × ${dollars:.2f}",
                f"${CLIPS_A_DAY * dollars:,.0f}",
            )
        )
    return rows


def _carrying(busy_ms: float, idle_ms: float) -> int:
    """How many processes share so many milliseconds a second, where each takes some to be there at all."""
    return int(-(-busy_ms // (FULL * 1000 - idle_ms)))


def _ms(idle: Figures) -> float:
    """PostgreSQL's processor time for one idle process, each second."""
    return idle["database"]["cpu_s"] * 1000
