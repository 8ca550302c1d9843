"""What every provider that is paid must do, whatever its API: the same story at each vendor's server."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Picture, Task
from bot.providers import registry
from bot.providers.download import Downloads, LinkExpired, LinkRefused
from tests import builders
from tests.e2e.scenes import picture
from tests.e2e.studio import film
from tests.shell import require
from tests.vendors import aimlapi, kling, onemin
from tests.vendors.vendor import FAILURE, OnCreate, OnDownload, OnPoll, Outcome, Vendor

PICTURE = Picture(blob="ab" * 32, media_type="image/png", width=640, height=360)


@dataclass
class Counter:
    """One account at one vendor, and what a member wants from it."""

    vendor: Any
    provider: Provider
    spec: ModelSpec
    folder: Path

    def submission(self, key: str = "kinora-abc123-1-1") -> Submission:
        file = self.folder / "picture.png"
        if not file.exists():
            file.write_bytes(picture())
        request = builders.request(image=PICTURE, quality=self.spec.qualities[0], duration_s=5)
        return Submission(key=key, spec=self.spec, request=request, inputs={PICTURE.blob: file})

    async def submit(
        self, how: OnCreate | None = None, *, key: str = "kinora-abc123-1-1"
    ) -> Accepted | Rejected | Unknown:
        if how is not None:
            self.vendor.on_create.append(how)
        return await self.provider.submit(self.submission(key))

    async def finished(self, outcome: Outcome = Outcome.READY) -> Ready | Failed | Pending:
        """What becomes of a task; a vendor that answers only then is the provider's own business."""
        self.vendor.outcomes.append(outcome)
        match await self.submit():
            case Accepted(_, Ready() as ready):
                return ready
            case Accepted(task_id):
                return await self.provider.poll(task_id)
            case Rejected(reason):
                return Failed(reason)
            case Unknown(reason):
                raise AssertionError(reason)

    async def fetch(self, result: str) -> bytes:
        async with self.provider.open(result) as chunks:
            return b"".join([chunk async for chunk in chunks])

    @property
    def is_blocking(self) -> bool:
        return self.provider.recovery is Recovery.NEITHER


def gateway(shape: str) -> Callable[[], Vendor]:
    def made() -> Vendor:
        vendor: Any = kling.KlingVendor(flavour="kkiai")
        vendor.shape = shape
        return vendor

    return made


VENDORS: dict[str, tuple[Callable[[], Vendor], Any]] = {
    "kling": (kling.KlingVendor, kling),
    "kkiai": (gateway("official"), kling),
    "kkiai, new-api": (gateway("new_api"), kling),
    "kkiai, openai": (gateway("openai"), kling),
    "kkiai, flat": (gateway("flat"), kling),
    "aimlapi": (aimlapi.AimlapiVendor, aimlapi),
    "onemin": (onemin.OneminVendor, onemin),
}


@pytest.fixture(params=VENDORS)
async def counter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Counter]:
    make, module = VENDORS[request.param]
    async with (
        make().serve() as vendor,
        registry.session() as session,
        Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads,
    ):
        yield Counter(vendor, module.provider(vendor, session, downloads), module.SPEC, tmp_path)
        assert vendor.problems == []


async def test_a_clip_is_ordered_waited_for_and_fetched(counter: Counter) -> None:
    ready = await counter.finished()
    assert isinstance(ready, Ready)
    assert await counter.fetch(ready.result) == film()
    assert len(counter.vendor.bill) == 1


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (OnCreate.REFUSE_KEY, Refusal.ACCOUNT),
        (OnCreate.REFUSE_PAYMENT, Refusal.PAYMENT),
        (OnCreate.REFUSE_INPUT, Refusal.INPUT),
        (OnCreate.REFUSE_CONTENT, Refusal.MODERATION),
        (OnCreate.BUSY, Refusal.BUSY),
    ],
)
async def test_a_refusal_is_told_by_its_reason_and_costs_nothing(
    counter: Counter, how: OnCreate, why: Refusal
) -> None:
    outcome = await counter.submit(how)
    assert isinstance(outcome, Rejected)
    assert outcome.why is why
    assert (outcome.retry_after_s is not None) == (why is Refusal.BUSY)
    assert outcome.reason.endswith(".")
    assert counter.vendor.key not in outcome.reason
    assert counter.vendor.bill == []


@pytest.mark.parametrize("how", [OnCreate.CUT_AFTER, OnCreate.GATEWAY_TIMEOUT, OnCreate.NONSENSE])
async def test_a_create_that_may_have_been_taken_is_in_doubt(counter: Counter, how: OnCreate) -> None:
    assert isinstance(await counter.submit(how), Unknown)
    assert len(counter.vendor.bill) == 1


@pytest.mark.parametrize("how", [OnCreate.CUT_BEFORE, OnCreate.OUT_OF_ORDER])
async def test_what_does_not_prove_that_nothing_was_taken_is_never_a_refusal_to_send_again(
    counter: Counter, how: OnCreate
) -> None:
    outcome = await counter.submit(how)
    assert isinstance(outcome, Unknown) or (isinstance(outcome, Rejected) and outcome.why is not Refusal.BUSY)
    assert counter.vendor.bill == []


async def test_a_vendor_that_cannot_be_reached_has_taken_nothing(
    counter: Counter, unused_tcp_port: int
) -> None:
    account = counter.provider._account  # type: ignore[attr-defined] - each has one
    account.base_url = f"http://127.0.0.1:{unused_tcp_port}"
    outcome = await counter.submit()
    assert isinstance(outcome, Rejected)
    assert outcome.why is Refusal.UNREACHABLE
    assert outcome.retry_after_s


async def test_each_request_of_a_create_waits_for_its_fence_and_none_goes_out_after_that_has_closed(
    counter: Counter,
) -> None:
    submission, passed = counter.submission(), 0

    async def open_to(number: int) -> None:
        nonlocal passed
        if passed == number:
            raise KeyError
        passed += 1

    requests = 2 if counter.is_blocking else 1  # which hands the picture in first
    for number in range(requests):
        passed = 0
        fenced = replace(submission, fence=partial(open_to, number))
        with pytest.raises(KeyError):
            await counter.provider.submit(fenced)
        assert (passed, counter.vendor.bill) == (number, [])
    passed = 0
    await counter.provider.submit(replace(submission, fence=partial(open_to, requests)))
    assert (passed, len(counter.vendor.bill)) == (requests, 1)


async def test_nothing_is_ever_sent_twice_by_itself(counter: Counter) -> None:
    for number, how in enumerate(OnCreate):
        before = len(creates(counter))
        await counter.submit(how, key=f"kinora-abc123-{number}-1")
        assert len(creates(counter)) == before + 1, how


async def test_a_doubt_is_cleared_up_where_the_api_allows(counter: Counter) -> None:
    await counter.submit(OnCreate.CUT_AFTER)
    found = await counter.provider.look_up("kinora-abc123-1-1", counter.spec, Task.IMAGE_TO_VIDEO)
    if isinstance(found, Accepted):
        assert isinstance(await counter.provider.poll(found.task_id), Ready)
    else:
        assert isinstance(found, Unknown)
        assert counter.is_blocking or getattr(counter.vendor, "shape", "official") != "official"


async def test_absence_is_claimed_only_where_it_can_be_proven(counter: Counter) -> None:
    found = await counter.provider.look_up("kinora-abc123-9-9", counter.spec, Task.IMAGE_TO_VIDEO)
    assert isinstance(found, Absent) == (counter.provider.name == "kling")


async def test_a_task_that_renders_is_pending_until_it_is_ready(counter: Counter) -> None:
    counter.vendor.outcomes.append(Outcome.SLOW)
    asked = asyncio.ensure_future(counter.submit())
    if counter.is_blocking:
        await counter.vendor.started.wait()
        assert not asked.done()
        counter.vendor.finish()
    outcome = await asked
    assert isinstance(outcome, Accepted)
    if outcome.ready is None:
        assert isinstance(await counter.provider.poll(outcome.task_id), Pending)
        counter.vendor.finish()
        assert isinstance(await counter.provider.poll(outcome.task_id), Ready)


async def test_a_task_that_failed_says_why_and_costs_nothing(counter: Counter) -> None:
    failed = await counter.finished(Outcome.FAILED)
    assert isinstance(failed, Failed)
    assert FAILURE.rstrip(".") in failed.reason
    assert counter.vendor.bill == []


async def test_a_status_that_nobody_knows_is_no_end(counter: Counter) -> None:
    assert isinstance(await counter.finished(Outcome.STRANGE_STATUS), Pending)


async def test_a_clip_without_a_link_is_given_up_by_the_clock_and_not_by_questions(counter: Counter) -> None:
    counter.vendor.outcomes.append(Outcome.NO_LINK)
    outcome = await counter.submit()
    assert isinstance(outcome, Accepted)
    if outcome.ready is not None:  # from where such clips lie, if not from a link
        return
    for _ in range(12):
        assert isinstance(await counter.provider.poll(outcome.task_id), Pending)
    vendor: Any = counter.vendor
    vendor.now_ms += 180_000
    assert isinstance(await counter.provider.poll(outcome.task_id), Failed)


@pytest.mark.parametrize("how", OnPoll)
async def test_a_question_that_fails_says_nothing_about_the_task(counter: Counter, how: OnPoll) -> None:
    counter.vendor.outcomes.append(Outcome.READY)
    outcome = await counter.submit()
    assert isinstance(outcome, Accepted)
    counter.vendor.on_poll.extend([how] * 2)  # aiohttp asks again by itself after a connection was dropped
    try:
        answer = await counter.provider.poll(outcome.task_id)
    except ProviderFault:
        answer = Pending()
    assert isinstance(answer, Pending)


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        (OnDownload.EXPIRED, LinkExpired),
        (OnDownload.GATEWAY_TIMEOUT, ProviderFault),
        (OnDownload.HTML, LinkRefused),
        (OnDownload.CUT, ProviderFault),
    ],
)
async def test_a_download_that_fails_can_be_tried_again(
    counter: Counter, how: OnDownload, fault: type[ProviderFault]
) -> None:
    ready = await counter.finished()
    assert isinstance(ready, Ready)
    counter.vendor.on_download.append(how)
    with pytest.raises(fault):
        await counter.fetch(ready.result)
    assert await counter.fetch(ready.result) == film()


async def test_what_would_be_sent_can_be_shown_without_the_key(counter: Counter) -> None:
    shown = counter.provider.preview(counter.submission())
    assert shown.count("curl ") >= 1
    assert counter.vendor.key not in shown
    assert counter.vendor.seen == []


async def test_what_is_shown_is_what_is_sent(counter: Counter) -> None:
    """The commands run as they are once the key is filled in."""
    require("bash", "curl", "jq")
    script = counter.provider.preview(counter.submission())
    key: str = counter.vendor.key
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=dict.fromkeys(("KLING_API_KEY", "KKIAI_API_KEY", "AIMLAPI_API_KEY", "ONEMIN_API_KEY"), key)
        | {"PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "*"},
    )  # fmt: skip
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    by_hand = [seen.body for seen in counter.vendor.seen]
    counter.vendor.seen.clear()
    counter.vendor.tasks.clear()
    await counter.submit()
    by_us = [seen.body for seen in counter.vendor.seen if seen.method == "POST"]
    assert [without_names(body) for body in by_hand] == [without_names(body) for body in by_us]


async def test_nothing_is_stopped_that_cannot_be(counter: Counter) -> None:
    assert not await counter.provider.cancel("image2video/1")
    await counter.provider.close()


def creates(counter: Counter) -> list[Any]:
    return [seen for seen in counter.vendor.seen if seen.method == "POST" and seen.path != "/api/assets"]


def without_names(body: Any) -> Any:
    """Uploaded files without what each sender calls them."""
    if "asset" in body:
        return {"asset": body["asset"][1:]}
    if "promptObject" in body:
        return body | {"promptObject": body["promptObject"] | {"imageUrl": None}}
    return body
