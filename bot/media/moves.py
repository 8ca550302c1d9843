"""What is to be known of blobs on their way in or out, where several processes use one store."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Moves(Protocol):
    """What processes that share a store tell each other of blobs."""

    async def coming(self, blob: str) -> None:
        """It is about to be put: nobody deletes it for some minutes. Waits for whoever is just doing so."""
        ...

    def leaving(self, blob: str, *, is_damaged: bool = False) -> AbstractAsyncContextManager[bool]:
        """Whether it may be deleted within the block: nobody puts it meanwhile.

        False for what came within minutes, unless `is_damaged`, and where another process is at it.
        """
        ...


class Unshared:
    """Of a store that only this process uses: what `Blobs` itself knows is enough."""

    async def coming(self, blob: str) -> None:
        """Nobody else is there to be told."""
        del blob

    @asynccontextmanager
    async def leaving(self, blob: str, *, is_damaged: bool = False) -> AsyncGenerator[bool]:
        """Nobody else is there to be asked."""
        del blob, is_damaged
        yield True
