"""The page without a browser: one window's websocket, what it asks and what it hears."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from bot.sandbox import Channel, Person, Sandbox
from tests.patience import PATIENCE_S


class Refused(Exception):
    """What the page was refused, in the sandbox's words."""


class Client:
    """A window that is open."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.answers: dict[int | None, dict[str, Any]] = {}
        self.texts = 0
        """How many have come; several events may have been in one."""
        self._number = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            said: Any = json.loads(message.data)
            self.texts += 1
            for one in cast("list[dict[str, Any]]", said if isinstance(said, list) else [said]):
                if "on" in one:
                    self.events.append(one)
                else:
                    self.answers[one["re"]] = one
            self._changed.set()
        self._changed.set()

    async def _until(self, look: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while (found := look()) is None:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def ended(self) -> int | None:
        """Wait until the sandbox has closed the connection; with which code."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([self._reading])
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()
        await self._reading

    async def ask(self, verb: str, **fields: Any) -> Any:
        """Ask and wait for the answer's value."""
        return await self.answer(await self.begin(verb, **fields))

    async def begin(self, verb: str, **fields: Any) -> int:
        """Ask, and do not wait; the question's number."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "do": verb, **fields})
        return self._number

    async def answer(self, number: int | None) -> Any:
        """Wait for the answer to a question."""
        found = await self._until(lambda: self.answers.pop(number, None))
        if "refused" in found:
            raise Refused(found["refused"])
        return found["value"]

    async def hears(
        self, name: str, fits: Callable[[dict[str, Any]], object] = lambda _: True
    ) -> dict[str, Any]:
        """Wait for an event that fits, also one that came already."""
        return await self._until(
            lambda: next((event for event in self.events if event["on"] == name and fits(event)), None)
        )

    def heard(self, name: str) -> list[dict[str, Any]]:
        """The events of this name that have come so far."""
        return [event for event in self.events if event["on"] == name]

    async def settled(self) -> None:
        """Wait for everything that was sent before now."""
        await self.begin("nothing")
        await self._until(lambda: self.answers.pop(self._number, None))


class Windows:
    """Opens windows of one sandbox."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self._open: list[Client] = []

    async def open(self, person: Person | None = None, **query: str) -> Client:
        """A window of this person, greeted; of whom the sandbox proposes by default."""
        asked = query | ({"as": str(person.id)} if person else {})
        address = f"{self.sandbox.page_url}page/live"
        client = Client(await self.session.ws_connect(address, params=asked, max_msg_size=0))
        self._open.append(client)
        await client.hears("hello")
        return client

    async def upload(
        self, person: Person, channel: Channel, name: str, data: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Upload a file; the status and what was answered."""
        address = f"{self.sandbox.page_url}page/files"
        query = {"as": str(person.id), "channel": str(channel.id), "name": name}
        async with self.session.post(address, params=query, data=io.BytesIO(data)) as answer:
            return answer.status, await answer.json()

    async def ticket(self, person: Person, channel: Channel, name: str, data: bytes) -> str:
        """Upload a file; its ticket."""
        status, said = await self.upload(person, channel, name, data)
        assert status == 200, said
        return said["ticket"]

    async def close(self) -> None:
        for client in self._open:
            await client.close()


@asynccontextmanager
async def windows_of(sandbox: Sandbox) -> AsyncGenerator[Windows]:
    """Windows of a sandbox, closed at the end."""
    async with aiohttp.ClientSession() as session:
        opened = Windows(sandbox, session)
        try:
            yield opened
        finally:
            await opened.close()
