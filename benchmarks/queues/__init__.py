"""Requests accepted per second, and how soon their work begins: Kinora against queues that only keep and run.

Every contestant is run as it is meant to be, in processes of its own on this machine, on the disk that holds this
folder; they take turns. Kinora checks every cap, writes the ledger, joins the lane and keeps order between servers; the
others store the same kilobyte and run a function. A delay is counted from handing a request in to the first
instruction of its work, by one clock: alone (a request now and then), and with 32 callers that each hand in again when
theirs has begun. Rates are measured while nothing is begun.
"""

import asyncio
import json
import os
import re
import sqlite3
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.queues import saq_redis
from benchmarks.queues.contestant import CALLERS, POLLED_EVERY_S, Contestant
from benchmarks.rounds import median, percentile, spread
from benchmarks.table import RESULTS, CannotRun, Table

NAME = "queues"
ROUNDS, ROUND_S = 3, 2.0
_ENDS_WITHIN_S = 120.0
_WHERE = "benchmarks.queues"

_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")

ON_DISK = "on disk"
CONTESTANTS = (
    Contestant(
        "Kinora, SQLite",
        f"{_WHERE}.kinora:on_sqlite",
        f"{ON_DISK}; carried on after a crash",
        "one process",
        ("aiosqlite",),
    ),
    Contestant(
        "Kinora, PostgreSQL",
        f"{_WHERE}.kinora:on_postgres",
        f"{ON_DISK}; carried on after a crash by another worker within half a minute",
        "gateway, worker and server apart, Procrastinate between them; fsync and synchronous_commit on",
        ("psycopg", "procrastinate"),
        servers.ensure_there,
    ),
    Contestant(
        "SAQ, Redis, synced always",
        f"{_WHERE}.saq_redis:synced_always",
        f"{ON_DISK}; begun again after its timeout",
        "worker and server apart; AOF, appendfsync always",
        ("saq", "redis"),
        saq_redis.ensure_there,
    ),
    Contestant(
        "SAQ, Redis, each second",
        f"{_WHERE}.saq_redis:synced_each_second",
        "a second may be lost; begun again after its timeout",
        "the same, appendfsync everysec",
        ("saq", "redis"),
        saq_redis.ensure_there,
    ),
    Contestant(
        "huey, SQLite",
        f"{_WHERE}.huey_sqlite:opened",
        f"{ON_DISK}; lost if its worker dies",
        f"consumer apart, 4 threads that look each {POLLED_EVERY_S * 1000:.0f} ms; synchronous=FULL",
        ("huey",),
    ),
    Contestant(
        "DBOS, SQLite",
        f"{_WHERE}.dbos_sqlite:opened",
        f"{ON_DISK}; carried on when the same process returns",
        "one process that looks each 50 ms; as shipped otherwise",
        ("dbos", "sqlalchemy"),
    ),
)


async def run(*, quick: bool) -> Table:
    """Let all take turns."""
    rounds, lasts_s = (1, 0.5) if quick else (ROUNDS, ROUND_S)
    taking_part, absent = _present()
    found: dict[str, list[dict[str, Any]]] = {contestant.name: [] for contestant in taking_part}
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        for number in range(rounds):
            for place, contestant in enumerate(taking_part):
                here = Path(folder, f"{number}-{place}")
                found[contestant.name].append(await _round(contestant, here, lasts_s))
        fsync_ms = await asyncio.to_thread(_fsync_ms, Path(folder))
    figures = {name: _figures(measured) for name, measured in found.items()}
    return Table(
        title="Requests accepted per second, and milliseconds until their work begins",
        columns=(
            "",
            "1 caller",
            f"{CALLERS} callers",
            "spread",
            "idle p50",
            "p99",
            "busy p50",
            "p99",
            "spread",
            "begun/s",
        ),
        rows=tuple(_row(name, known) for name, known in figures.items()),
        notes=(
            f"Medians of {rounds} rounds in turns, p99 over all of them. One fsync takes {fsync_ms:.2f} ms on this disk.",
            *(f"{one.name}: {one.promise}. Run as {one.set_up}." for one in taking_part),
            *absent,
            *_ratios(figures),
        ),
        figures={
            "fsync_ms": fsync_ms,
            "contestants": figures,
            "ratios": _ratios_of(figures),
            "versions": await _versions(taking_part),
        },
    )


def _present() -> tuple[list[Contestant], list[str]]:
    """Who can take part, and why the others cannot."""
    taking_part: list[Contestant] = []
    absent: list[str] = []
    for one in CONTESTANTS:
        try:
            one.ensure_there()
        except CannotRun as reason:
            absent.append(f"{one.name} takes no part: {reason}")
        else:
            taking_part.append(one)
    return taking_part, absent


async def _round(contestant: Contestant, folder: Path, lasts_s: float) -> dict[str, Any]:
    """What one round of it measured, in two processes: nothing is begun in the first."""
    measured: dict[str, Any] = {}
    for what in ("rate", "starts"):
        here = folder / what
        await asyncio.to_thread(here.mkdir, parents=True)
        measured |= await _played(contestant, here, lasts_s, what)
    return measured


async def _played(contestant: Contestant, folder: Path, lasts_s: float, what: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.queues.player", contestant.opened, str(folder), str(lasts_s), what),
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, words = await asyncio.wait_for(process.communicate(), _ENDS_WITHIN_S + 4 * lasts_s)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise CannotRun(f"{contestant.name} failed: {words.decode(errors='replace')[-300:].strip()}")
    return json.loads(answer.splitlines()[-1])


def _figures(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """What a contestant's rounds come to."""

    def of(name: str) -> list[float]:
        return [one[name] for one in rounds]

    idle, busy = ([ms for one in rounds for ms in one[name]] for name in ("idle_ms", "busy_ms"))
    return {
        "per_s_1": median(of("alone")),
        "per_s_32": median(of("together")),
        "per_s_32_spread": spread(of("together")),
        "idle_p50_ms": median(idle),
        "idle_p99_ms": percentile(idle, 99),
        "busy_p50_ms": median(busy),
        "busy_p99_ms": percentile(busy, 99),
        "busy_p50_spread": spread([median(one["busy_ms"]) for one in rounds]),
        "begun_per_s": median(of("begun_per_s")),
        "starts": len(idle) + len(busy),
    }


def _row(name: str, known: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        f"{known['per_s_1']:,.0f}",
        f"{known['per_s_32']:,.0f}",
        known["per_s_32_spread"],
        f"{known['idle_p50_ms']:.1f}",
        f"{known['idle_p99_ms']:.1f}",
        f"{known['busy_p50_ms']:.1f}",
        f"{known['busy_p99_ms']:.1f}",
        known["busy_p50_spread"],
        f"{known['begun_per_s']:,.0f}",
    )


def _ratios_of(figures: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Each of ours by each of theirs: above 1 means more requests a second, below 1 sooner begun."""
    ours = [name for name in figures if name.startswith("Kinora")]
    return {
        one: {
            other: {
                "per_s_32": round(figures[one]["per_s_32"] / figures[other]["per_s_32"], 2),
                "idle_p50_ms": round(figures[one]["idle_p50_ms"] / figures[other]["idle_p50_ms"], 2),
                "busy_p50_ms": round(figures[one]["busy_p50_ms"] / figures[other]["busy_p50_ms"], 2),
            }
            for other in figures
            if other not in ours
        }
        for one in ours
    }


def _ratios(figures: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{one} accepts "
        + ", ".join(f"{by['per_s_32']:g} times as many as {other}" for other, by in others.items())
        + f" at {CALLERS} callers."
        for one, others in _ratios_of(figures).items()
    ]


async def _versions(taking_part: list[Contestant]) -> dict[str, str]:
    """Of the packages that were compared, and of the libraries and servers beneath."""
    found = {package: version(package) for one in taking_part for package in one.packages}
    found["sqlite"] = sqlite3.sqlite_version
    for package, program in (("redis", "redis-server"), ("psycopg", "postgres")):
        if package in found:
            path = servers.ensure_there() / program if program == "postgres" else program
            process = await asyncio.create_subprocess_exec(path, "--version", stdout=asyncio.subprocess.PIPE)
            words, _ = await process.communicate()
            found[program] = _VERSION.findall(words.decode())[0]
    return found


def _fsync_ms(folder: Path) -> float:
    """What this disk takes to make one page durable."""
    taken: list[float] = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(4096))
            start_s = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start_s)
    return median(taken) * 1000
