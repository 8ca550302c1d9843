"""The providers there are: a new one is one file and one line here."""

import asyncio
import os
from collections.abc import Callable, Mapping

from bot.domain.provider import Provider
from bot.providers.local.provider import LocalProvider
from bot.settings import Settings

Changed = Callable[[str, str], None]
"""Called with a provider's name and a task id when a task may have moved on."""


def _local(settings: Settings, tasks: asyncio.TaskGroup, changed: Changed) -> Provider:
    return LocalProvider(
        settings.data_dir / "local",
        concurrency=settings.local_concurrency,
        threads=max(1, (os.cpu_count() or 1) // settings.local_concurrency),
        tasks=tasks,
        changed=lambda task_id: changed("local", task_id),
    )


PROVIDERS: Mapping[str, Callable[[Settings, asyncio.TaskGroup, Changed], Provider]] = {
    "local": _local,
}


def build(settings: Settings, *, tasks: asyncio.TaskGroup, changed: Changed) -> dict[str, Provider]:
    """The configured providers, the preferred one first."""
    return {name: PROVIDERS[name](settings, tasks, changed) for name in settings.provider_order}
