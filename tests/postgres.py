"""A real PostgreSQL on a spare port, in a temporary folder; each test that asks gets a database of its own in it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.db.postgres.database import PostgresDatabase

_USER = "kinora"
_RUNS_AS = "postgres" if os.geteuid() == 0 else None
"""As root the server refuses to run."""
_PATIENCE_S = 60
_TEMPLATE = "kinora_template"
_numbers = count(1)


def programs() -> Path | None:
    """Where this machine has PostgreSQL's server; None where it has not. Debian keeps it off the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found is not None and shutil.which("postgres") is not None else None


class PostgresServer:
    """One cluster of databases; it can be stopped, killed and started again."""

    def __init__(self, bin_: Path, folder: Path, *, is_durable: bool = False) -> None:
        self._is_durable = is_durable
        self._bin = bin_
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _spare_port()

    @classmethod
    def made(cls, bin_: Path, folder: Path, *, is_durable: bool = False) -> "PostgresServer":
        """A new cluster in a folder, which sorts as people do: no query may depend on it."""
        server = cls(bin_, folder, is_durable=is_durable)
        if _RUNS_AS is not None:
            shutil.chown(folder, _RUNS_AS, _RUNS_AS)
        command = [
            bin_ / "initdb",
            *("-D", folder / "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"),
            *("--locale=C", "--locale-provider=icu", "--icu-locale=en-US"),
        ]
        made = subprocess.run(
            command, check=False, cwd=folder, stdout=-1, stderr=-1, user=_RUNS_AS, group=_RUNS_AS
        )
        assert made.returncode == 0, made.stderr.decode()
        return server

    def url(self, database: str, *, user: str = _USER, password: str = "") -> str:
        """What DATABASE_URL says to use it."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Its first process, whose children the others are; it must be running."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; returns once it lets clients in."""
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if self._is_durable else "off",  # the machine itself is not killed
            "max_connections": "200",
            "log_min_messages": "fatal",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._folder / "data", "-p", str(self.port), *settings],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the tests
                user=_RUNS_AS,
                group=_RUNS_AS,
            )
        self._await_clients()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: with SIGINT in order, cutting its clients off; with SIGQUIT at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it and start it again."""
        self.stop(how)
        self.start()

    def demand_passwords(self) -> None:
        """Let in nobody without one from now on, but whoever is named like the tests."""
        rules = f"host all {_USER} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self._folder / "data" / "pg_hba.conf").write_text(rules)
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement beside whatever else goes on."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _await_clients(self) -> None:
        assert self._process is not None
        give_up_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < give_up_s, "PostgreSQL does not start"
                time.sleep(0.02)
            else:
                return


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that tests share, started when the first of them asks; leave it running as it is."""
    yield from _served()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server for one test that stops, kills or fills it."""
    yield from _served()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a database that is up to date and empty."""
    postgres.execute(f"CREATE DATABASE {_TEMPLATE}")

    async def migrate() -> None:
        await (await PostgresDatabase.open(postgres.url(_TEMPLATE))).close()

    with ThreadPoolExecutor(1) as elsewhere:  # the one who asks may be a coroutine
        elsewhere.submit(lambda: asyncio.run(migrate())).result()
    return _TEMPLATE


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A database of the test's own, up to date and empty."""
    yield from _database(postgres, f"TEMPLATE {postgres_template}")


@pytest.fixture
def bare_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A database of the test's own in which nothing is."""
    yield from _database(postgres, "")


def _served() -> Iterator[PostgresServer]:
    bin_ = programs()
    if bin_ is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="kinora-postgres-"))
    try:
        server = PostgresServer.made(bin_, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def _database(server: PostgresServer, how: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} {how}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _spare_port() -> int:
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        return spare.getsockname()[1]
