"""The matrices of faults: what the bot lives through without dying, each played in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from bot import logs
from tests.chaos import discord, vendors
from tests.chaos.table import Cell, Part


async def _of_discord() -> AsyncGenerator[Cell]:
    async for one in discord.outcomes():
        yield Cell(f"{one.call}: {one.trouble}", "local", one.charges, one.posts, one.ledger, one.problems)


async def _of_vendors() -> AsyncGenerator[Cell]:
    async for one in vendors.outcomes():
        yield Cell(one.fault, one.provider, one.charges, one.posts, one.ledger, one.problems)


MATRICES: Mapping[str, Callable[[], AsyncGenerator[Cell]]] = {
    "faults of Discord": _of_discord,
    "faults of vendors": _of_vendors,
}
"""Another is one more line: a generator of cells."""


async def played(*, at_once: int) -> list[Part]:
    """Play them all, some at the same time."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=at_once, mp_context=get_context("spawn")) as pool:
        parts = [loop.run_in_executor(pool, partial(_played, name)) for name in MATRICES]
        return list(await asyncio.gather(*parts))


def _played(name: str) -> Part:
    logs.configure(level="error", layout="json")

    async def play() -> Part:
        return Part(name, [cell async for cell in MATRICES[name]()])

    return asyncio.run(play())
