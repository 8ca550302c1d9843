"""Finished clips: what they are, a frame of them as a picture, and making them small enough to post."""

import asyncio
import shutil
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from bot.media.children import Answer, ChildFailed, Children, Patience, Why
from bot.media.confined import Bounds
from bot.media.errors import CannotFit, NoDecoder, NotAVideo, StoreUnavailable
from bot.media.facts import Clip
from bot.media.fitted import Fitted
from bot.media.formats import ImageFormat, sniff

__all__ = ["Clip", "Clips"]

LOOKING = Bounds(memory_bytes=2_000_000_000, cpu_s=60, file_bytes=0)
LOOKED_AT = Patience(silent_s=120, whole_s=120)
ENCODING = Bounds(memory_bytes=4_000_000_000, cpu_s=7200, file_bytes=1_000_000_000)
ENCODED = Patience(silent_s=120, whole_s=3600)
"""A frame is a sign of life, so a slow machine may take its time."""

_CLIP = TypeAdapter(Clip)
_MODULE = "bot.media.clip_work"


class Clips:
    """Reads and encodes video in processes of its own; an encoding never keeps a quick look waiting."""

    def __init__(
        self,
        *,
        encodings: int = 1,
        looks: int = 2,
        room: Path | None = None,
        looking: tuple[Bounds, Patience] = (LOOKING, LOOKED_AT),
        encoding: tuple[Bounds, Patience] = (ENCODING, ENCODED),
    ) -> None:
        """`room` is a folder for the last few clips that were made to fit; None: in the system's temporary one."""
        self._encodings = Children(_MODULE, count=encodings, bounds=encoding[0], patience=encoding[1])
        self._looks = Children(_MODULE, count=looks, bounds=looking[0], patience=looking[1])
        self._fitted = Fitted(self, room)

    async def probe(self, path: Path) -> Clip:
        """What the clip is, from its header and one decoded frame.

        Raises:
            NotAVideo: when no picture can be decoded.
            NoDecoder: nothing can be said of it now.
            StoreUnavailable: it cannot be read from the disk.
        """
        return _clip(await self._looked(path, "probe"))

    async def poster(self, path: Path, *, at: Literal["first", "last"] = "first") -> bytes:
        """A frame as a JPEG fine enough to go on from.

        Raises:
            NotAVideo: when no picture can be decoded.
            NoDecoder: nothing can be said of it now.
            StoreUnavailable: it cannot be read from the disk.
        """
        answer = await self._looked(path, "poster", at=at)
        if sniff(answer.body) is not ImageFormat.JPEG:
            raise NotAVideo
        return answer.body

    async def fit(self, path: Path, max_bytes: int, out: Path) -> Clip:
        """Re-encode to at most `max_bytes`; `out` appears whole or not at all, also when cancelled.

        A clip that is small enough is copied as it is.

        Raises:
            CannotFit: with the smallest size that was reached.
            NotAVideo: when it cannot be read.
            NoDecoder: nothing can be said of it now.
            OSError: there is no room on the disk.
        """
        folder = Path(tempfile.mkdtemp(prefix=".fit-", dir=out.parent))
        try:
            part = folder / "part.mp4"
            order = {"path": _absolute(path), "max_bytes": max_bytes, "out": _absolute(part)}
            clip = _clip(await self._encodings.run("fit", order))
            part.replace(out)
        except ChildFailed as failure:
            if failure.why is Why.NO_PROCESS:
                raise NoDecoder from failure
            size_bytes = (await asyncio.to_thread(path.stat)).st_size
            raise CannotFit(smallest_bytes=size_bytes, max_bytes=max_bytes) from failure
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return clip

    def fitted(
        self, blob: str, path: Path, max_bytes: int, *, can_wait: bool
    ) -> AbstractAsyncContextManager[Path]:
        """What `fit` makes of the clip under a hash, kept for a while; those that can wait leave others the way.

        Raises:
            CannotFit, NotAVideo, NoDecoder, OSError: on entering.
        """
        return self._fitted.of(blob, path, max_bytes, can_wait=can_wait)

    async def close(self) -> None:
        """Stop what runs, see the processes end and remove what was kept."""
        await asyncio.gather(self._encodings.close(), self._looks.close())
        self._fitted.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _looked(self, path: Path, work: str, **facts: str) -> Answer:
        try:
            return await self._looks.run(work, {"path": _absolute(path), **facts})
        except ChildFailed as failure:
            raise (NoDecoder if failure.why is Why.NO_PROCESS else NotAVideo) from failure
        except OSError as fault:  # the disk may give it back later, which is no reason to lose a clip
            raise StoreUnavailable from fault


def _absolute(path: Path) -> str:
    """As it is called from any folder."""
    return str(path.absolute())


def _clip(answer: Answer) -> Clip:
    try:
        return _CLIP.validate_python(answer.facts)
    except ValidationError as nonsense:
        raise NotAVideo from nonsense
