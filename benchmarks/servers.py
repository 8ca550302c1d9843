"""PostgreSQL for a benchmark: a real server, durable, on the disk that holds this project."""

import re
import shutil
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.spent import cpu_s
from benchmarks.table import RESULTS, CannotRun
from tests.postgres import PostgresServer, programs

_DATABASE = "kinora"


@dataclass(frozen=True, slots=True)
class Use:
    """What a server has done since it was made."""

    cpu_s: float
    commits: int
    wal_bytes: int
    wal_syncs: int
    database_bytes: int

    def since(self, before: "Use") -> "Use":
        """The difference."""
        return Use(
            cpu_s=self.cpu_s - before.cpu_s,
            commits=self.commits - before.commits,
            wal_bytes=self.wal_bytes - before.wal_bytes,
            wal_syncs=self.wal_syncs - before.wal_syncs,
            database_bytes=self.database_bytes - before.database_bytes,
        )


@dataclass(frozen=True, slots=True)
class Statements:
    """How often a server was spoken to."""

    total: int
    locked: int
    """By who held the lock of all writes, its taking and the commit included."""
    locks: int
    """How often it was taken."""

    def since(self, before: "Statements") -> "Statements":
        """The difference."""
        return Statements(self.total - before.total, self.locked - before.locked, self.locks - before.locks)


class Postgres:
    """A running server with one database."""

    def __init__(self, server: PostgresServer, log: Path) -> None:
        self._server = server
        self._log = log
        self.url = server.url(_DATABASE)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of one statement."""
        return self._server.execute(statement, database=_DATABASE)

    def use(self) -> Use:
        """What it has used so far."""
        (row,) = self.ask(_USE)
        return Use(cpu_s(self._server.pid), *(int(value) for value in row))

    def tidy(self) -> None:
        """Do now what it does by itself within minutes; no checkpoint, after which it would write whole pages for a while."""
        self.ask("VACUUM ANALYZE")

    def note_statements(self) -> None:
        """Write down every statement of the connections that are made from now on, for `statements`."""
        for setting in ("log_statement = 'all'", "log_min_messages = 'log'"):
            self.ask(f"ALTER DATABASE {_DATABASE} SET {setting}")

    def statements(self) -> Statements:
        """What was noted so far."""
        holders: set[str] = set()
        total = locked = commits = 0
        for pid, statement in _NOTED.findall(self._log.read_text(encoding="utf-8", errors="replace")):
            total += 1
            if "pg_advisory_xact_lock" in statement:
                holders.add(pid)
                commits += 1
            locked += pid in holders
            if statement.endswith(("COMMIT", "ROLLBACK")):  # ticks are sent with it
                holders.discard(pid)
        return Statements(total, locked, commits)

    @property
    def version(self) -> str:
        """The server's."""
        return str(self.ask("SHOW server_version")[0][0]).partition(" ")[0]


_NOTED = re.compile(r"\[(\d+)\] LOG:  (?:statement|execute [^:]*): (.*)")
_USE = f"""
    SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = '{_DATABASE}'),
        pg_current_wal_lsn() - '0/0'::pg_lsn, (SELECT wal_sync FROM pg_stat_wal), pg_database_size('{_DATABASE}')
"""


def ensure_there() -> Path:
    """Where the server's programs are.

    Raises:
        CannotRun: it is not installed.
    """
    found = programs()
    if found is None:
        raise CannotRun("PostgreSQL's server is not installed (Debian's package postgresql).")
    return found


@contextmanager
def postgres() -> Generator[Postgres]:
    """A new server with an empty database, for as long as the block lasts.

    Raises:
        CannotRun: it is not installed.
    """
    bin_ = ensure_there()
    folder = Path(tempfile.mkdtemp(dir=RESULTS, prefix="postgres-"))
    try:
        server = PostgresServer.made(bin_, folder, is_durable=True)
        server.start()
        try:
            server.execute(f"CREATE DATABASE {_DATABASE}")
            yield Postgres(server, folder / "log")
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)
