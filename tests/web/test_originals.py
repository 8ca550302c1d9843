"""Originals by signed link, from a folder and from a bucket, to clients that behave and do not."""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import Job, JobState
from bot.media.archives import Archives
from bot.media.blobs import Blobs
from bot.media.errors import StoreUnavailable
from bot.services.exports import Exports
from bot.services.links import Link
from bot.services.originals import LINK_LASTS_S, NoOriginal, Original, Originals, Unclaimed
from bot.web import downloads, server
from tests import builders
from tests.patience import PATIENCE_S
from tests.web.conftest import Site, rest

PUBLIC_URL = "https://kinora.example/bot"
DATA = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 12_000


@dataclass
class Shop:
    """A served site, and a clip that lies behind it."""

    site: Site
    db: SqliteDatabase
    blobs: Blobs
    originals: Originals
    job: Job
    exports: Exports | None = None

    async def link(self) -> Link:
        link = self.originals.link(await self.originals.of(self.job))
        assert link is not None
        return link

    async def path(self) -> str:
        return urlsplit((await self.link()).url).path.removeprefix("/bot")

    async def get(
        self, path: str | None = None, *, method: str = "GET", **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        path = path or await self.path()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.site.client.request(method, self.site.url(path), headers=named) as response:
            return response.status, await response.read(), response.headers

    async def change(self, **known: Any) -> None:
        self.job = await self.db.write(
            jobs.move(self.job, self.job.state, now_ms=self.site.clock.now_ms(), **known)
        )


async def done_job(
    db: SqliteDatabase, blobs: Blobs, data: bytes, end: JobState | None = JobState.DONE
) -> Job:
    """A job whose clip is these bytes; `end` None leaves it to be posted."""
    await db.write(lanes.open_pool("local"))
    await db.write(
        jobs.accept(
            builders.origin(), builders.request(), builders.choice(), defaults=builders.NO_CAPS, now_ms=1
        )
    )
    job = await db.write(jobs.admit("local", slots=1, now_ms=1))
    assert job is not None
    blob = await blobs.put(data, max_bytes=len(data))
    for state, known in (
        (JobState.RENDERING, {}),
        (JobState.FETCHING, {}),
        (JobState.DELIVERING, {"clip": blob.hash, "clip_bytes": blob.size_bytes}),
        *([] if end is None else [(end, {})]),
    ):
        job = await db.write(jobs.move(job, state, now_ms=1, **known))
    return job


@pytest.fixture(params=["folder", "bucket"])
async def shop(request: pytest.FixtureRequest, unserved: Site, tmp_path: Path) -> AsyncGenerator[Shop]:
    if request.param == "folder":
        blobs = Blobs.open(tmp_path / "blobs")
    else:
        blobs = request.getfixturevalue("bucket").blobs(tmp_path / "spool")
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    originals = Originals(
        db=db, blobs=blobs, clock=unserved.clock, secret="of the installation", public_url=PUBLIC_URL
    )
    job = await done_job(db, blobs, DATA)
    async with Archives() as archives:
        exports = Exports(
            db=db,
            blobs=blobs,
            archives=archives,
            clock=unserved.clock,
            secret="of the installation",
            public_url=PUBLIC_URL,
        )
        async with unserved.served(originals=originals, exports=exports):
            yield Shop(unserved, db, blobs, originals, job, exports)
    await db.close()


async def test_a_link_leads_to_the_very_bytes(shop: Shop) -> None:
    link = await shop.link()
    assert link.url.startswith(f"{PUBLIC_URL}/originals/{shop.job.id}/{link.expires_s}/")
    status, body, headers = await shop.get()
    assert (status, hashlib.sha256(body).hexdigest()) == (200, shop.job.clip)
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == str(len(DATA))
    assert headers["Content-Disposition"] == f'attachment; filename="kinora-{shop.job.id}.mp4"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert (headers["Accept-Ranges"], headers["Connection"]) == ("bytes", "close")
    assert "Server" not in headers


async def test_head_says_the_same_without_the_bytes(shop: Shop) -> None:
    status, body, headers = await shop.get(method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(DATA)))
    _, _, whole = await shop.get()
    assert {name: value for name, value in headers.items() if name != "Date"} == {
        name: value for name, value in whole.items() if name != "Date"
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, len(DATA)),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1500000-", 1_500_000, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=-999999999", 0, len(DATA)),
        (f"bytes=5-{len(DATA) + 5}", 5, len(DATA)),
    ],
)
async def test_a_range_is_sent_so_that_a_download_can_go_on(
    shop: Shop, asked: str, start: int, end: int
) -> None:
    status, body, headers = await shop.get(Range=asked)
    assert (status, body == DATA[start:end]) == (206, True)
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert headers["Content-Length"] == str(end - start)
    status, body, headers = await shop.get(method="HEAD", Range=asked)
    assert (status, body, headers["Content-Length"]) == (206, b"", str(end - start))


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0", "bytes=99999999999-"])
async def test_a_range_behind_the_end_is_said_to_be(shop: Shop, asked: str) -> None:
    status, body, headers = await shop.get(Range=asked)
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")
    assert len(body) < 100


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-3",
        "bytes=0-1,5-6",
        "lines=1-2",
        "bytes=x-y",
        "bytes=" + "9" * 400 + "-",
    ],
)
async def test_a_range_that_is_not_understood_is_no_range(shop: Shop, asked: str) -> None:
    status, body, _ = await shop.get(Range=asked)
    assert (status, len(body)) == (200, len(DATA))


async def test_a_download_goes_on_only_if_it_is_still_the_same_file(shop: Shop) -> None:
    _, _, headers = await shop.get(method="HEAD")
    status, body, _ = await shop.get(Range="bytes=5-9", If_Range=headers["ETag"])
    assert (status, body) == (206, DATA[5:10])
    status, body, _ = await shop.get(Range="bytes=5-9", If_Range='"another"')
    assert (status, len(body)) == (200, len(DATA))


async def test_a_link_that_is_not_to_the_letter_leads_nowhere_and_all_say_the_same(shop: Shop) -> None:
    path = await shop.path()
    _, _, job_id, expires, signature = path.split("/")
    later = str(int(expires) + 1)
    wrong = [
        f"/originals/{int(job_id) + 1}/{expires}/{signature}",
        f"/originals/{job_id}/{later}/{signature}",
        f"/originals/{job_id}/{expires}/{signature[:-1]}",
        f"/originals/{job_id}/{expires}/{signature}A",
        f"/originals/{job_id}/{expires}/{'A' * len(signature)}",
        f"/originals/{job_id}/{expires}/%C3%A4",
        f"/originals/{job_id}/{'9' * 18}/{signature}",
        f"/originals/{job_id}/{'9' * 4000}/{signature}",
        f"/originals/{'9' * 4000}/{expires}/{signature}",
        f"/originals/-{job_id}/{expires}/{signature}",
        f"/originals/{job_id}.0/{expires}/{signature}",
        f"/originals/{job_id}/x/{signature}",
        f"/originals/{job_id}/{expires}/",
        f"/originals/{job_id}/{expires}",
        f"{path}/more",
        "/nowhere",
    ]
    answers = [await shop.get(one) for one in wrong]
    assert {status for status, _, _ in answers} == {404}
    assert len({body for _, body, _ in answers}) == 1
    assert len({tuple(sorted(set(headers) - {"Date"})) for _, _, headers in answers}) == 1


async def test_a_link_ends_after_a_day(shop: Shop) -> None:
    path = await shop.path()
    shop.site.clock.turn(LINK_LASTS_S - 1)
    assert (await shop.get(path))[0] == 200
    shop.site.clock.turn(1)
    assert (await shop.get(path))[0] == 404


async def test_a_link_of_another_installation_leads_nowhere(shop: Shop) -> None:
    other = Originals(
        db=shop.db, blobs=shop.blobs, clock=shop.site.clock, secret="of another", public_url=PUBLIC_URL
    )
    link = other.link(await other.of(shop.job))
    assert link is not None
    assert (await shop.get(urlsplit(link.url).path.removeprefix("/bot")))[0] == 404


async def test_what_was_withdrawn_or_is_not_kept_any_more_leads_nowhere(shop: Shop) -> None:
    path = await shop.path()
    await shop.change(withdrawn_at_ms=5, withdrawn_by=100)
    assert (await shop.get(path))[0] == 404
    await shop.change(withdrawn_at_ms=None, withdrawn_by=None)
    assert (await shop.get(path))[0] == 200
    clip = shop.job.clip
    assert clip is not None
    await shop.blobs.delete(clip)
    assert (await shop.get(path))[0] == 404
    await shop.change(clip=None)
    assert (await shop.get(path))[0] == 404


async def test_nothing_but_reading_is_possible(shop: Shop) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await shop.get(method=method))[0] == 405


async def test_no_log_repeats_a_link(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path = await shop.path()
    with capture_logs() as logs:
        await shop.get()
        await shop.get(f"{path}x")
        await shop.get(Range="bytes=0-5")
    said = f"{logs} {caplog.text.replace(shop.site.url(''), '')}"
    assert path.split("/")[-1] not in said
    assert {entry["job"] for entry in logs if entry["event"] == "file fetched"} == {shop.job.id}


async def test_who_leaves_in_the_middle_gives_the_place_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_AT_ONCE_OF_ONE", 1)
    path = await shop.path()
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.site.port)
    with capture_logs() as logs:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: kinora\r\n\r\n".encode())
        assert await reader.read(100)
        writer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            while not [entry for entry in logs if entry["event"].startswith("file ")]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert (await shop.get())[0] == 200


async def test_one_original_does_not_take_every_place_and_all_together_not_more_than_there_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, entered = asyncio.Event(), asyncio.Semaphore(0)

    async def slowly(*_: object) -> AsyncIterator[bytes]:
        entered.release()
        await held.wait()
        yield DATA

    monkeypatch.setattr(shop.originals, "stream", slowly)
    path = await shop.path()
    at_once = [asyncio.ensure_future(shop.get(path)) for _ in range(downloads.MAX_AT_ONCE_OF_ONE)]
    for _ in at_once:
        await entered.acquire()
    status, _, headers = await shop.get(path)
    assert (status, headers["Retry-After"]) == (503, "10")
    assert (await shop.get(path, method="HEAD"))[0] == 200
    monkeypatch.setattr(downloads, "MAX_AT_ONCE_OF_ONE", 99)
    monkeypatch.setattr(downloads, "MAX_AT_ONCE", len(at_once))
    assert (await shop.get(path))[0] == 503
    held.set()
    assert [status for status, _, _ in await asyncio.gather(*at_once)] == [200] * len(at_once)
    assert (await shop.get(path))[0] == 200


async def test_nobodys_export_takes_the_places_of_somebody_elses(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, entered = asyncio.Event(), asyncio.Event()

    async def slowly(blob: str, start: int, end: int) -> AsyncIterator[bytes]:
        entered.set()
        await held.wait()
        async for chunk in shop.blobs.stream(blob, start=start, end=end):
            yield chunk

    monkeypatch.setattr(downloads, "MAX_AT_ONCE_OF_ONE", 1)
    monkeypatch.setattr(shop.originals, "stream", slowly)
    mine, theirs = [await export_path(shop, user_id) for user_id in (100, 200)]
    slow = asyncio.ensure_future(shop.get(mine))
    await entered.wait()
    assert (await shop.get(mine))[0] == 503
    other = asyncio.ensure_future(shop.get(theirs))
    held.set()
    for fetched in (slow, other):
        status, data, headers = await fetched
        assert (status, data[:4], headers["Content-Type"]) == (200, b"PK\3\4", "application/zip")


async def export_path(shop: Shop, user_id: int) -> str:
    assert shop.exports is not None
    async with shop.exports.begun(user_id):
        linked = await shop.exports.linked(await shop.exports.gathered(1, user_id), user_id)
    assert linked is not None
    return urlsplit(linked[0].url).path.removeprefix("/bot")


async def test_who_reads_nothing_is_cut_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_GRACE_S", 0.1)
    monkeypatch.setattr(downloads, "SLOWEST_BYTES_PER_S", 10**9)

    huge = replace(await shop.originals.of(shop.job), size_bytes=10**9)

    async def linked(*_: object) -> Original:
        return huge

    async def much(*_: object) -> AsyncIterator[bytes]:
        for _piece in range(1000):
            yield bytes(10**6)

    monkeypatch.setattr(shop.originals, "linked", linked)
    monkeypatch.setattr(shop.originals, "stream", much)
    path = await shop.path()
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.site.port, limit=1000)
    with capture_logs() as logs:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: kinora\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            while not [entry for entry in logs if entry["event"] == "file not fetched"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert len(await rest(reader)) < 50_000_000
    writer.close()


async def test_a_download_may_last_longer_than_any_other_request(
    unserved: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    originals = Originals(db=db, blobs=blobs, clock=unserved.clock, secret="s", public_url=PUBLIC_URL)
    job = await done_job(db, blobs, DATA)

    async def slowly(*_: object) -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), len(DATA) // 3 + 1):
            await asyncio.sleep(0.2)  # three times the patience in all
            yield DATA[start : start + len(DATA) // 3 + 1]

    monkeypatch.setattr(originals, "stream", slowly)
    async with unserved.served(originals=originals, patience_s=0.2):
        shop = Shop(unserved, db, blobs, originals, job)
        assert (await shop.get())[1] == DATA
    await db.close()


async def test_a_store_that_fails_is_not_taken_for_a_clip_that_is_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await shop.path()

    async def torn(*_: object) -> AsyncIterator[bytes]:
        yield DATA[:1000]
        raise server_fault

    server_fault = StoreUnavailable()
    monkeypatch.setattr(shop.originals, "stream", torn)
    answer = await shop.site.raw(f"GET {path} HTTP/1.1\r\nHost: kinora\r\n\r\n".encode())
    assert len(answer) < 3000  # less than it said, and the connection is at its end

    async def away(*_: object) -> int:
        raise server_fault

    monkeypatch.setattr(shop.blobs, "size", away)
    status, _, headers = await shop.get(path)
    assert (status, headers["Retry-After"]) == (503, "60")
    assert (await shop.get(f"{path}x"))[0] == 404


@pytest.mark.parametrize(
    ("head", "media_type", "name"),
    [
        (b"\x1aE\xdf\xa3", "video/webm", "kinora-1.webm"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime", "kinora-1.mov"),
        (b"\0\0\0\x14ftypisom", "video/mp4", "kinora-1.mp4"),
        (b"?", "video/mp4", "kinora-1.mp4"),
    ],
)
async def test_a_file_is_called_what_it_is(
    head: bytes, media_type: str, name: str, unserved: Site, tmp_path: Path
) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    originals = Originals(db=db, blobs=blobs, clock=unserved.clock, secret="s", public_url=None)
    original = await originals.of(await done_job(db, blobs, head + os.urandom(50)))
    assert (original.media_type, original.filename) == (media_type, name)
    assert originals.link(original) is None
    await db.close()


async def test_without_originals_there_is_no_such_route(site: Site) -> None:
    async with site.client.get(site.url("/originals/1/2/3")) as response:
        assert response.status == 404
    assert server.PATIENCE_S < 60


@pytest.mark.parametrize(
    ("end", "refusal"),
    [(JobState.UNDELIVERABLE, Unclaimed), (None, NoOriginal)],
    ids=["unclaimed", "unposted"],
)
async def test_nobody_has_an_original_of_what_is_not_paid_for_yet(
    unserved: Site, tmp_path: Path, end: JobState | None, refusal: type[Exception]
) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    originals = Originals(db=db, blobs=blobs, clock=unserved.clock, secret="s", public_url=PUBLIC_URL)
    job = await done_job(db, blobs, DATA, end)
    with pytest.raises(refusal):
        await originals.of(job)
    found = originals.link(Original(job.id, job.clip or "", len(DATA), "video/mp4", "clip.mp4"))
    assert found is not None
    _, signature = found.url.rsplit("/", 1)
    assert await originals.linked(job.id, found.expires_s, signature) is None
    await db.close()
