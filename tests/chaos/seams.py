"""Where the bot touches the world, wrapped from outside so that each touch has a point before it and one after it.

Nothing of this is in the bot: a victim has its own classes changed before it starts.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from discord.http import HTTPClient
from discord.webhook.async_ import AsyncWebhookAdapter

from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import Aftercare
from bot.media.blobs import Blobs
from bot.providers.aimlapi import AimlapiProvider
from bot.providers.http import Account
from bot.providers.kling import KlingProvider
from bot.providers.local import scene
from bot.providers.local.provider import LocalProvider
from bot.providers.onemin import OneminProvider
from bot.ui.threads import DiscordPublisher
from tests.chaos.points import Points, deed_at_discord

_STATE_OF = "SELECT state FROM jobs WHERE id = :id"
_MOVE = "UPDATE jobs SET state"
_asked_of_provider: ContextVar[str] = ContextVar("asked of provider")
_SMALL = 180
_CALLS = {"submit": "create", "poll": "poll", "look_up": "look up", "cancel": "stop"}


def fit(points: Points) -> None:
    """Wrap them all; the local renderer makes small clips, or whoever waits for them would wait for minutes."""
    scene.SHORT_SIDES["std"] = _SMALL
    _fit_database(points)
    _fit_discord(points)
    _fit_blobs(points)
    for provider in (KlingProvider, AimlapiProvider, OneminProvider):
        for method, deed in _CALLS.items():
            _say_what_is_asked(provider, method, deed)
    _fit_accounts(points)
    for method, deed in (*_CALLS.items(), ("_start", "start renderer"), ("_spawn", "spawn renderer")):
        _between(points, LocalProvider, method, _always(deed))
    _fit_tasks_of_local(points)


def _between(points: Points, kind: type, name: str, deed_of: Callable[..., str | None]) -> None:
    """Points before and after a coroutine method; `deed_of` gets its arguments, None is no deed."""
    method: Callable[..., Awaitable[Any]] = getattr(kind, name)

    @wraps(method)
    async def wrapped(*args: Any, **known: Any) -> Any:
        deed = deed_of(*args, **known)
        if deed is None:
            return await method(*args, **known)
        points.reach(f"{deed}: before")
        result = await method(*args, **known)
        points.reach(f"{deed}: after")
        return result

    setattr(kind, name, wrapped)


def _always(deed: str) -> Callable[..., str]:
    return lambda *_args, **_known: deed


def _fit_database(points: Points) -> None:
    write = SqliteDatabase.write

    async def watched_write(self: SqliteDatabase, transaction: Transaction[Any]) -> Any:
        change = _Change(getattr(transaction, "__name__", "transaction"))
        result = await write(self, change.watched(transaction, points))
        if change.is_one:
            points.reach(f"{change.name}: after commit")
        return result

    SqliteDatabase.write = watched_write


class _Change:
    """What a transaction changes, in words."""

    def __init__(self, code: str) -> None:
        self.name = _CODES.get(code, code.strip("_").replace("_", " "))
        self.is_one = False

    def watched(self, transaction: Transaction[Any], points: Points) -> Transaction[Any]:
        """The same transaction, with a point at its end, where nothing of it is committed yet."""
        try:
            sql, parameters = next(transaction)
            while True:
                if not sql.lstrip().startswith("SELECT"):
                    self.is_one = True
                if sql.startswith(_MOVE):
                    [row] = yield _STATE_OF, {"id": parameters["id"]}
                    self.name = _step(row["state"], parameters)
                try:
                    rows = yield sql, parameters
                except Exception as error:  # noqa: BLE001 - it is the transaction's
                    sql, parameters = transaction.throw(error)
                else:
                    sql, parameters = transaction.send(rows)
        except StopIteration as end:
            if self.is_one:
                points.reach(f"{self.name}: before commit")
            return end.value


def _step(before: str, known: Any) -> str:
    """A step of a job in words."""
    if known["state"] != before:
        return f"{before} → {known['state']}"
    for column, words in _NOTED.items():
        if known.get(column) is not None:
            return f"{before}: {words}"
    if "aftercare" in known:
        return f"{before}: {'card is shown' if known['aftercare'] == Aftercare.THREAD else 'looked after'}"
    return f"{before}: waits"


_CODES = {"placed": "accept", "note": "note the request", "forget": "forget the request"}
_NOTED = {
    "post_marked_at_ms": "about to post",
    "attempt": "next attempt",
    "marked_at_ms": "about to send",
}


def _fit_discord(points: Points) -> None:
    def deed(_self: object, route: Any, *_args: object, **_known: object) -> str | None:
        return deed_at_discord(route.method, route.path)

    _between(points, HTTPClient, "request", deed)
    _between(points, AsyncWebhookAdapter, "request", deed)
    _between(points, DiscordPublisher, "_fetched", _always("copy picture"))


def _fit_blobs(points: Points) -> None:
    put = Blobs.put

    async def watched_put(self: Blobs, data: bytes | AsyncIterable[bytes], *, max_bytes: int) -> Any:
        if isinstance(data, bytes):
            return await put(self, data, max_bytes=max_bytes)
        return await put(self, _halting(data, points), max_bytes=max_bytes)

    Blobs.put = watched_put
    _between(points, Blobs, "_publish", _always("name blob"))


async def _halting(data: AsyncIterable[bytes], points: Points) -> AsyncGenerator[bytes]:
    points.reach("download: before")
    is_first = True
    async for chunk in data:
        yield chunk
        if is_first:
            points.reach("download: half-way")
        is_first = False
    points.reach("download: after")


def _say_what_is_asked(provider: type, name: str, deed: str) -> None:
    method: Callable[..., Awaitable[Any]] = getattr(provider, name)

    @wraps(method)
    async def asking(*args: Any, **known: Any) -> Any:
        token = _asked_of_provider.set(deed)
        try:
            return await method(*args, **known)
        finally:
            _asked_of_provider.reset(token)

    setattr(provider, name, asking)


def _fit_accounts(points: Points) -> None:
    def deed(_self: object, call: Any, **_known: object) -> str:
        return "upload" if call.upload else _asked_of_provider.get()

    _between(points, Account, "send", deed)


def _fit_tasks_of_local(points: Points) -> None:
    write_down, follow = LocalProvider._write_down, LocalProvider._follow

    @wraps(write_down)
    def watched(*args: Any) -> None:
        write_down(*args)
        points.reach("create: task written down")

    @wraps(follow)
    async def following(*args: Any) -> None:
        await follow(*args)
        points.reach("renderer: has ended")

    for name, wrapped in (("_write_down", watched), ("_follow", following)):
        setattr(LocalProvider, name, wrapped)
