"""PostgreSQL for a benchmark: a real server, durable, on the disk that holds this project."""

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


class Postgres:
    """A running server with one database."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.url(_DATABASE)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of one statement."""
        return self._server.execute(statement, database=_DATABASE)

    def use(self) -> Use:
        """What it has used so far."""
        (row,) = self.ask(_USE)
        return Use(cpu_s(self._server.pid), *(int(value) for value in row))

    @property
    def version(self) -> str:
        """The server's."""
        return str(self.ask("SHOW server_version")[0][0]).partition(" ")[0]


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
            yield Postgres(server)
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)
