"""The providers there are: a new one is one file and one line here."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from bot.domain.provider import Provider
from bot.providers.download import Downloads
from bot.providers.local.provider import LocalProvider
from bot.settings import Settings

Changed = Callable[[str, str], None]
"""Called with a provider's name and a task id when a task may have moved on."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What providers have in common; whoever made it closes it."""

    tasks: asyncio.TaskGroup
    session: aiohttp.ClientSession
    downloads: Downloads
    now_ms: Callable[[], int]
    changed: Changed


def _local(settings: Settings, shared: Shared) -> Provider:
    return LocalProvider(
        settings.data_dir / "local",
        concurrency=settings.local_concurrency,
        threads=max(1, (os.cpu_count() or 1) // settings.local_concurrency),
        tasks=shared.tasks,
        changed=lambda task_id: shared.changed("local", task_id),
    )


PROVIDERS: Mapping[str, Callable[[Settings, Shared], Provider]] = {
    "local": _local,
}


def build(settings: Settings, shared: Shared) -> dict[str, Provider]:
    """The configured providers, the preferred one first; the local renderer also where it only makes drafts."""
    names = dict.fromkeys((*settings.provider_order, *(("local",) if settings.makes_drafts else ())))
    return {name: PROVIDERS[name](settings, shared) for name in names}


def session() -> aiohttp.ClientSession:
    """A session for API calls, each on a connection of its own.

    On a reused one that the other side has just closed, nobody could tell whether a create arrived.
    """
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
