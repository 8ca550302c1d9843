"""The processes of a cluster: each is started as an operator starts it, killed without warning, and started again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_ENDS_WITHIN_S = 60.0
_STOPPED = (0, -signal.SIGTERM)
"""The latter where it had only just been started."""
_TOLD_LINES = 12


@dataclass
class Member:
    """A process that is kept alive."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    lives: int = 0
    ended: list[str] = field(default_factory=list[str])
    """Ends that nobody had asked for."""
    _process: asyncio.subprocess.Process | None = None
    _is_stopping: bool = False

    async def live(self) -> None:
        """Start it, and start it again whenever it has been killed."""
        while not self._is_stopping:
            with self.log.open("ab") as log:
                self._process = process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bot", "run", *self.arguments),
                    env=os.environ | self.environment | {"PYTHONPATH": str(_ROOT)},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.log.parent,  # where there is no .env
                )
            self.lives += 1
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if status != -signal.SIGKILL and not (self._is_stopping and status in _STOPPED):
                self.ended.append(f"{self.name} ended by itself with {status}: {self._last_words()}")
                return

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def carries(self) -> bool:
        """Whether it takes the steps of jobs."""
        return "worker" in self.arguments

    def kill(self) -> None:
        """End it where it is; `live` starts it again."""
        if self._process is not None and self.is_alive:
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, as a service manager does."""
        self._is_stopping = True
        if self._process is None or not self.is_alive:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self.ended.append(f"{self.name} does not end when it is asked to: {self._last_words()}")
            self._process.kill()

    def logged(self) -> list[dict[str, Any]]:
        """What all its lives logged; what is no line of the log is critical."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [_parsed(line) for line in lines if line.strip()]

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TOLD_LINES:])


def _parsed(line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        return {"level": "critical", "event": line}
