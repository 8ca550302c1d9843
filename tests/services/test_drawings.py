"""What was painted, on its way into the request."""

import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.db import blobs as uses
from bot.db.sqlite import SqliteDatabase
from bot.domain.catalogue import Catalogue
from bot.domain.errors import KinoraError
from bot.domain.painting import MAX_GROUPS, MAX_MASK_BYTES, Drawing, PaintingUnclear, Part
from bot.domain.requests import Asked, Options, Picture
from bot.media.blobs import Blobs
from bot.media.errors import MaskRefused
from bot.media.images import Images
from bot.services.drawings import Drawings
from tests import builders
from tests.services.doubles import TurnedClock, routes

SIZE = (640, 360)
MODEL = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
ASKED = Asked(
    request_key="77",
    guild_id=1,
    channel_id=10,
    parent_id=None,
    user_id=100,
    upload_limit=10_000_000,
    options=Options(prompt="the boat sails"),
    image_url=None,
    end_frame_url=None,
    image=Picture(blob="a" * 64, media_type="image/png", width=SIZE[0], height=SIZE[1]),
)


def mask(shade: int = 255, size: tuple[int, int] = SIZE) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, "PNG")
    return buffer.getvalue()


PATH = ((1.0, 2.0), (3.5, 40.0))
PART = Part(mask(), PATH)
CHOSEN: Any = {"provider": "local", "model": MODEL.id}


@dataclass
class Easel:
    db: SqliteDatabase
    blobs: Blobs
    clock: TurnedClock
    drawings: Drawings
    let_go: list[None]


@pytest.fixture
async def easel(tmp_path: Path) -> AsyncGenerator[Easel]:
    db, blobs = await SqliteDatabase.open(tmp_path / "kinora.db"), Blobs.open(tmp_path / "blobs")
    clock, let_go = TurnedClock(), list[None]()
    async with Images(workers=1) as images:
        drawings = Drawings(
            db=db,
            blobs=blobs,
            images=images,
            catalogue=Catalogue([MODEL], providers=("local",)),
            routes=routes(db, MODEL),
            clock=clock,
            let_go=lambda: let_go.append(None),
        )
        yield Easel(db, blobs, clock, drawings, let_go)
    await db.close()


async def test_masks_are_kept_no_longer_than_the_request_that_names_them(easel: Easel) -> None:
    asked = await easel.drawings.put_into(ASKED, Drawing(still=mask(200), moving=(PART,)))
    assert asked.motion is not None
    kept = sorted(one.blob for one in asked.motion.masks)
    assert len(set(kept)) == 2
    assert all([await easel.blobs.exists(blob) for blob in kept])
    noted = await easel.db.read(uses.let_go(before_ms=easel.clock.now_ms(), limit=9))
    assert (noted, easel.let_go) == (kept, [None])  # whoever names them meanwhile has them put off


@pytest.mark.parametrize(
    ("drawing", "refusal", "words"),
    [
        (Drawing(), PaintingUnclear, "Paint what stands still or what moves"),
        (Drawing(still=mask(0)), MaskRefused, "The still mask: Nothing is painted on this mask"),
        (Drawing(moving=(PART, Part(mask(0), PATH))), MaskRefused, "Mask 2: Nothing is painted"),
        (Drawing(still=mask(size=(360, 640))), PaintingUnclear, "360 by 640 pixels and the picture 640"),
        (Drawing(moving=(PART,) * (MAX_GROUPS + 1)), PaintingUnclear, "At most 6 things can move; 7 were"),
        (Drawing(moving=(Part(mask(), ()),)), PaintingUnclear, "Part 1 has no path"),
        (Drawing(moving=(Part(mask(), PATH[:1]),)), PaintingUnclear, "two points at least"),
        (Drawing(still=b"GIF89a"), PaintingUnclear, "The still mask is no PNG"),
        (Drawing(still=mask()[:50]), MaskRefused, "The still mask: "),
        (Drawing(still=mask() + bytes(MAX_MASK_BYTES)), PaintingUnclear, "more than a megabyte"),
    ],
)
async def test_what_cannot_be_made_is_refused_in_words(
    easel: Easel, drawing: Drawing, refusal: type[KinoraError], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        await easel.drawings.put_into(ASKED, drawing)


async def test_masks_beside_one_that_is_refused_are_let_go_of_as_soon(easel: Easel) -> None:
    with pytest.raises(MaskRefused):
        await easel.drawings.put_into(ASKED, Drawing(still=mask(200), moving=(Part(mask(0), PATH),)))
    [noted] = await easel.db.read(uses.let_go(before_ms=easel.clock.now_ms(), limit=9))
    assert (await easel.blobs.exists(noted), easel.let_go) == (True, [None])


@pytest.mark.parametrize("drawing", [Drawing(moving=(PART,)), Drawing(moving=(PART,), **CHOSEN)])
async def test_a_draft_says_no_more_of_who_makes_its_final_than_was_asked(
    easel: Easel, drawing: Drawing
) -> None:
    draft = ASKED.model_copy(update={"options": Options(draft=True, provider="kling")})
    options = (await easel.drawings.put_into(draft, drawing)).options
    assert (options.provider, options.model) == ("kling", None)
    options = (await easel.drawings.put_into(ASKED, drawing)).options
    assert (options.provider, options.model) == ("local", MODEL.id)
