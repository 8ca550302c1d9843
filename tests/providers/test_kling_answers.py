"""What the answers of Kling, kkiai and the gateways in between are taken for."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Spent,
    Submission,
    Unknown,
)
from bot.domain.requests import Picture, Quality, Task, VideoRequest
from bot.providers import registry
from bot.providers.download import Downloads, LinkExpired
from bot.providers.http import Account, Cut, Unsent
from bot.providers.kling import KlingProvider
from bot.providers.kling_calls import OFFICIAL
from bot.providers.kling_signing import api_key
from tests.e2e.studio import film
from tests.sandbox.pictures import png
from tests.vendors.kling import SPEC, KlingVendor, Said, provider
from tests.vendors.vendor import FAILURE, OnCreate, OnDownload, OnPoll, Outcome

KEY = "kinora-ab12-7-1"
PICTURE = Picture(blob="a" * 64, media_type="image/png", width=320, height=320)
SHAPES = ["official", "new_api", "openai", "flat"]


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with registry.session() as session:
        yield session


@pytest.fixture
async def downloads() -> AsyncGenerator[Downloads]:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads:
        yield downloads


@pytest.fixture
async def vendor() -> AsyncGenerator[KlingVendor]:
    vendor = KlingVendor()
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
async def kkiai_vendor() -> AsyncGenerator[KlingVendor]:
    vendor = KlingVendor(flavour="kkiai")
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
def kling(vendor: KlingVendor, session: aiohttp.ClientSession, downloads: Downloads) -> KlingProvider:
    return provider(vendor, session, downloads)


@pytest.fixture
def kkiai(kkiai_vendor: KlingVendor, session: aiohttp.ClientSession, downloads: Downloads) -> KlingProvider:
    return provider(kkiai_vendor, session, downloads)


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    return submission_of(tmp_path)


def submission_of(folder: Path, **known: Any) -> Submission:
    file = folder / "picture.png"
    file.write_bytes(png(320, 320))
    usual: dict[str, Any] = {"image": PICTURE, "quality": Quality.STD}
    request = VideoRequest(**usual | known)
    return Submission(KEY, SPEC, request, {PICTURE.blob: file})


Answered = Callable[[Said], Awaitable[Accepted | Rejected | Unknown]]


@pytest.fixture
def answered(kling: KlingProvider, vendor: KlingVendor, submission: Submission) -> Answered:
    """What a create comes to when it is answered like that."""

    def create(said: Said) -> Awaitable[Accepted | Rejected | Unknown]:
        vendor.instead_of_create.append(said)
        return kling.submit(submission)

    return create


async def taken(kling: KlingProvider, submission: Submission) -> str:
    accepted = await kling.submit(submission)
    assert isinstance(accepted, Accepted)
    return accepted.task_id


async def polled(
    kling: KlingProvider, vendor: KlingVendor, body: Any, *, task_id: str = "image2video/1"
) -> Any:
    """What a question comes to when it is answered like that."""
    vendor.instead_of_query.append(Said(200, body))
    return await kling.poll(task_id)


def told(**data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": "r", "data": {"task_id": "1", **data}}


# A task from its beginning to its end, in every form of answer.


@pytest.fixture(params=[("kling", "official"), *(("kkiai", shape) for shape in SHAPES)])
async def any_vendor(request: pytest.FixtureRequest) -> AsyncGenerator[KlingVendor]:
    flavour, shape = request.param
    vendor = KlingVendor(flavour=flavour, shape=shape)
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
def any_kling(any_vendor: KlingVendor, session: aiohttp.ClientSession, downloads: Downloads) -> KlingProvider:
    return provider(any_vendor, session, downloads)


async def test_a_clip_is_made_asked_about_and_fetched(
    any_kling: KlingProvider, any_vendor: KlingVendor, submission: Submission
) -> None:
    any_vendor.outcomes.append(Outcome.SLOW)
    task_id = await taken(any_kling, submission)
    assert task_id == f"image2video/{any_vendor.bill[0]}"
    assert isinstance(await any_kling.poll(task_id), Pending)
    assert isinstance(await any_kling.poll(task_id), Pending)
    any_vendor.finish()
    ready = await any_kling.poll(task_id)
    assert isinstance(ready, Ready)
    async with any_kling.open(ready.result) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == film()


async def test_a_task_that_fails_says_why(
    any_kling: KlingProvider, any_vendor: KlingVendor, submission: Submission
) -> None:
    any_vendor.outcomes.append(Outcome.FAILED)
    failed = await any_kling.poll(await taken(any_kling, submission))
    title = "kkiai" if any_vendor.flavour == "kkiai" else "Kling"
    assert failed == Failed(f"{title} could not make this clip: {FAILURE}")


async def test_a_strange_status_is_waited_out_and_logged(
    any_kling: KlingProvider, any_vendor: KlingVendor, submission: Submission
) -> None:
    any_vendor.outcomes.append(Outcome.STRANGE_STATUS)
    task_id = await taken(any_kling, submission)
    with capture_logs() as logs:
        assert isinstance(await any_kling.poll(task_id), Pending)
    (warning,) = [entry for entry in logs if entry["event"] == "status not known"]
    assert warning["log_level"] == "warning"
    assert warning["status"][0].lower() == "pondering"


async def test_a_finished_task_without_a_link_is_asked_again_and_then_given_up(
    any_kling: KlingProvider, any_vendor: KlingVendor, submission: Submission
) -> None:
    any_vendor.outcomes.append(Outcome.NO_LINK)
    task_id = await taken(any_kling, submission)
    for _ in range(10):  # callbacks ask as often as they like
        assert await any_kling.poll(task_id) == Pending(ask_again_s=30.0)
    any_vendor.now_ms += 179_999
    assert await any_kling.poll(task_id) == Pending(ask_again_s=30.0)
    any_vendor.now_ms += 1
    with capture_logs() as logs:
        failed = await any_kling.poll(task_id)
    assert isinstance(failed, Failed)
    assert "no link" in failed.reason
    assert logs[0]["log_level"] == "error"
    assert isinstance(await any_kling.poll(task_id), Pending)  # waited for from the beginning


async def test_a_link_that_comes_late_is_taken(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission
) -> None:
    vendor.outcomes.append(Outcome.NO_LINK)
    task_id = await taken(kling, submission)
    await kling.poll(task_id)
    for task in vendor.tasks.values():
        task.outcome = Outcome.READY
    assert isinstance(await kling.poll(task_id), Ready)
    vendor.now_ms += 600_000
    for task in vendor.tasks.values():
        task.outcome = Outcome.NO_LINK
    assert isinstance(await kling.poll(task_id), Pending)  # waited for from the beginning


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_id_that_is_a_number_is_kept_to_the_last_digit(
    session: aiohttp.ClientSession, downloads: Downloads, submission: Submission, shape: Any
) -> None:
    vendor = KlingVendor(flavour="kkiai", shape=shape, numeric_ids=True)
    async with vendor.serve():
        kling = provider(vendor, session, downloads)
        task_id = await taken(kling, submission)
        assert task_id == "image2video/827996385395363841"
        assert isinstance(await kling.poll(task_id), Ready)


async def test_words_alone_are_asked_about_where_they_were_sent(
    kling: KlingProvider, vendor: KlingVendor
) -> None:
    task_id = await taken(kling, Submission(KEY, SPEC, VideoRequest(prompt="a boat"), {}))
    assert task_id == f"text2video/{vendor.bill[0]}"
    assert isinstance(await kling.poll(task_id), Ready)


async def test_an_id_of_any_letters_stays_one_part_of_the_path(
    kling: KlingProvider, vendor: KlingVendor
) -> None:
    await polled(
        kling, vendor, told(task_id="a/b?c#d%", task_status="submitted"), task_id="image2video/a/b?c#d%"
    )
    assert vendor.seen[0].path == "/v1/videos/image2video/a/b?c#d%"
    assert vendor.seen[0].query == {}


# Creates that go wrong.

BUSY_AT_ONCE = "Kling takes no more clips right now."
NO_CREDIT = "The operator's account at Kling has no credit left."
NO_ACCOUNT = "The operator's account at Kling may not be used for this."

TABLE = [
    (401, 1000, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (401, 1001, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (401, 1002, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (401, 1003, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (401, 1004, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (429, 1100, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (429, 1101, Refusal.PAYMENT, NO_CREDIT, None),
    (429, 1102, Refusal.PAYMENT, NO_CREDIT, None),
    (403, 1103, Refusal.ACCOUNT, NO_ACCOUNT, None),
    (400, 1200, Refusal.INPUT, "Kling does not accept this request: why.", None),
    (400, 1201, Refusal.INPUT, "Kling does not accept this request: why.", None),
    (404, 1202, Refusal.INPUT, "Kling does not accept this request: why.", None),
    (404, 1203, Refusal.INPUT, "Kling does not offer this model for such a clip: why.", None),
    (400, 1300, Refusal.MODERATION, "Kling does not allow this content: why.", None),
    (400, 1301, Refusal.MODERATION, "Kling does not allow this content: why.", None),
    (429, 1302, Refusal.BUSY, BUSY_AT_ONCE, 5.0),
    (429, 1303, Refusal.BUSY, BUSY_AT_ONCE, 30.0),
    (429, 1304, Refusal.ACCOUNT, NO_ACCOUNT, None),
]


@pytest.mark.parametrize("instead", [None, 200, 500])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row[1]))
async def test_every_code_decides_whatever_the_status(
    answered: Answered,
    row: tuple[int, int, Refusal, str, float | None],
    instead: int | None,
) -> None:
    status, code, why, reason, retry_after_s = row
    body = {"code": code, "message": "why", "request_id": "r"}
    assert await answered(Said(instead or status, body)) == Rejected(reason, why, retry_after_s)


@pytest.mark.parametrize("status", [200, 400, 500, 503, 504])
@pytest.mark.parametrize("code", [5000, 5001, 5002])
async def test_a_server_out_of_order_leaves_doubt(answered: Answered, code: int, status: int) -> None:
    answer = await answered(Said(status, {"code": code, "message": "maintenance"}))
    assert answer == Unknown(f"Kling answered {status} without saying whether it took the job: maintenance.")


BY_STATUS: list[tuple[int, Any, Refusal | None]] = [
    (400, "<html>bad</html>", Refusal.INPUT),
    (400, {"code": 1999, "message": "blocked by content safety"}, Refusal.MODERATION),
    (401, "<html>who</html>", Refusal.ACCOUNT),
    (402, "", Refusal.PAYMENT),
    (403, "<html>cloudflare</html>", Refusal.ACCOUNT),
    (403, {"code": 1999, "message": "Insufficient balance"}, Refusal.PAYMENT),
    (404, "<html>nothing</html>", Refusal.INPUT),
    (405, {}, Refusal.INPUT),
    (413, "<html>large</html>", Refusal.INPUT),
    (415, {}, Refusal.INPUT),
    (422, {"code": "risk", "message": "Sensitive words"}, Refusal.MODERATION),
    (429, "<html>slow down</html>", Refusal.BUSY),
    (429, {"code": 1999, "message": "quota"}, Refusal.BUSY),
    (408, "<html>late</html>", None),
    (409, {"code": "conflict"}, None),
    (302, "", None),
    (500, {"code": "do_request_failed", "message": "timeout"}, None),
    (500, {"code": 1999, "message": "new"}, None),
    (502, "<html>gateway</html>", None),
    (504, "<html>gateway</html>", None),
    (200, "<html>fine</html>", None),
    (200, [], None),
    (200, {}, None),
    (200, {"code": 1999, "message": "new"}, Refusal.INPUT),
    (200, {"code": 7000, "message": "new"}, None),
    (200, {"code": "strange", "message": "new"}, None),
    (200, {"code": True, "data": {"task_id": "1"}}, None),
    (200, {"code": 0, "data": None}, None),
    (200, {"code": 0, "data": {"task_id": 8.27e17}}, None),
    (200, {"code": 0, "data": {"task_id": True}}, None),
    (200, {"code": 0, "data": {"task_id": ".."}}, None),
    (200, {"code": 0, "data": {"task_id": "a b"}}, None),
    (200, {"code": 0, "data": {"task_id": "9" * 201}}, None),
    (200, {"error": {"message": "upstream gone"}}, None),
    (200, {"error": "upstream gone", "id": "7"}, None),
]


@pytest.mark.parametrize(("status", "body", "why"), BY_STATUS)
async def test_without_a_known_code_the_status_decides(
    answered: Answered,
    status: int,
    body: Any,
    why: Refusal | None,
) -> None:
    answer = await answered(Said(status, body))
    if why is None:
        assert isinstance(answer, Unknown)
        assert answer.reason.startswith(f"Kling answered {status} without ")
    else:
        assert isinstance(answer, Rejected)
        assert answer.why is why


@pytest.mark.parametrize("code", [None, 0, "0", 200, "200", "", "success", "SUCCESS", "SUCCEED", "ok"])
@pytest.mark.parametrize(
    ("found", "task_id"),
    [
        ({"data": {"task_id": "7", "id": "8"}, "id": "9"}, "7"),
        ({"data": {"id": "8"}, "task_id": "7", "id": "9"}, "7"),
        ({"data": {"id": "8"}, "id": "9"}, "8"),
        ({"id": 9007199254740993}, "9007199254740993"),
        ({"id": "7", "status": "failed", "error": {"message": "refused"}}, "7"),
        ({"data": {"task_id": "task_7", "data": {"data": {"task_id": "8"}}}}, "task_7"),
    ],
)
async def test_an_accepted_task_is_found_in_every_form(
    answered: Answered, code: Any, found: Any, task_id: str
) -> None:
    body = found if code is None else {"code": code, **found}
    assert await answered(Said(200, body)) == Accepted(f"image2video/{task_id}")


@pytest.mark.parametrize(
    ("on_create", "why"),
    [
        (OnCreate.REFUSE_KEY, Refusal.ACCOUNT),
        (OnCreate.REFUSE_PAYMENT, Refusal.PAYMENT),
        (OnCreate.REFUSE_INPUT, Refusal.INPUT),
        (OnCreate.REFUSE_CONTENT, Refusal.MODERATION),
        (OnCreate.BUSY, Refusal.BUSY),
        (OnCreate.OUT_OF_ORDER, None),
        (OnCreate.CUT_BEFORE, None),
    ],
)
async def test_every_refusal_is_understood_in_every_form(
    any_kling: KlingProvider,
    any_vendor: KlingVendor,
    submission: Submission,
    on_create: OnCreate,
    why: Refusal | None,
) -> None:
    any_vendor.on_create.append(on_create)
    answer = await any_kling.submit(submission)
    assert any_vendor.bill == []
    if why is None:
        assert isinstance(answer, Unknown)
    else:
        assert isinstance(answer, Rejected)
        assert answer.why is why


@pytest.mark.parametrize("on_create", [OnCreate.CUT_AFTER, OnCreate.GATEWAY_TIMEOUT, OnCreate.NONSENSE])
async def test_a_task_that_was_taken_without_a_word_is_found_by_our_key(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission, on_create: OnCreate
) -> None:
    vendor.on_create.append(on_create)
    assert isinstance(await kling.submit(submission), Unknown)
    found = await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO)
    assert found == Accepted(f"image2video/{vendor.bill[0]}")
    assert len(vendor.bill) == 1


async def test_a_create_that_cannot_arrive_is_refused_and_may_be_sent_again(
    session: aiohttp.ClientSession, downloads: Downloads, submission: Submission, unused_tcp_port: int
) -> None:
    account = Account(
        session,
        base_url=f"http://127.0.0.1:{unused_tcp_port}",
        sign_in=api_key("key"),
        now_ms=lambda: 0,
    )
    kling = KlingProvider(account, flavour=OFFICIAL, downloads=downloads, concurrency=1)
    answer = await kling.submit(submission)
    assert isinstance(answer, Rejected)
    assert answer.why is Refusal.UNREACHABLE
    assert answer.retry_after_s is not None
    with pytest.raises(Unsent):
        await kling.poll("image2video/1")


@pytest.mark.parametrize(("header", "wait_s"), [("120", 120.0), ("0", 30.0), ("0.2", 1.0), ("9999", 600.0)])
async def test_a_busy_vendor_says_when_to_come_again_within_reason(
    answered: Answered, header: str, wait_s: float
) -> None:
    answer = await answered(Said(429, {"code": 1303, "message": "full"}, {"Retry-After": header}))
    assert isinstance(answer, Rejected)
    assert answer.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, {"code": "fail_to_fetch_task", "message": '{"code":1303,"message":"full"}'}, Refusal.BUSY),
        (500, {"error": {"message": '{"code":1301,"message":"no"}', "code": "x"}}, Refusal.MODERATION),
        (200, {"code": "fail", "message": '{"code":1102,"message":"no"}', "data": None}, Refusal.PAYMENT),
        (200, {"code": "", "message": '{"code":1201,"message":"no"}', "error": "e"}, None),
        (500, {"code": "fail_to_fetch_task", "message": "{" * 900}, None),
        (500, {"code": "fail_to_fetch_task", "message": "[" * 100_000}, None),
        (400, {"code": "fail", "message": "[1303]"}, Refusal.INPUT),
        (429, {"code": "fail", "message": '{"code":"1102"}'}, Refusal.PAYMENT),
        (401, {"error": {"message": "Invalid token", "type": "new_api_error", "code": ""}}, Refusal.ACCOUNT),
        (403, {"error": {"message": "user quota is not enough", "code": "insufficient"}}, Refusal.PAYMENT),
        (401, {"error": {"message": "该令牌额度已用尽", "code": ""}}, Refusal.PAYMENT),
        (403, {"error": "no credits"}, Refusal.PAYMENT),
        (400, {"error": {"message": "m", "code": 1301}}, Refusal.MODERATION),
    ],
)
async def test_an_error_inside_a_gateways_error_counts(
    answered: Answered,
    status: int,
    body: Any,
    why: Refusal | None,
) -> None:
    answer = await answered(Said(status, body))
    assert (answer.why if isinstance(answer, Rejected) else None) is why


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("too   small\nand\x00 dark", "Kling does not accept this request: too small and dark."),
        ("is it so?", "Kling does not accept this request: is it so?"),
        ("x" * 400, f"Kling does not accept this request: {'x' * 299}…"),
        ("see https://kinora.example/c/secret now", "Kling does not accept this request: see (link) now."),
        ("join discord.gg/evil, key sk-1", "Kling does not accept this request: join (link) key (key)."),
        ("", "Kling does not accept this request."),
        (None, "Kling does not accept this request."),
        ({"a": 1}, "Kling does not accept this request."),
    ],
)
async def test_the_vendors_words_are_cleaned_and_bounded(
    answered: Answered, message: Any, reason: str
) -> None:
    assert await answered(Said(400, {"code": 1201, "message": message})) == Rejected(reason, Refusal.INPUT)


async def test_pictures_that_are_too_large_are_named_as_the_reason(
    answered: Answered,
) -> None:
    assert await answered(Said(413, "<html>413</html>")) == Rejected(
        "The pictures are too large for Kling.", Refusal.INPUT
    )


async def test_a_refusal_is_logged_with_what_the_operator_needs(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission
) -> None:
    body = {"code": 1102, "message": "pack of account 4711 used up", "request_id": "CjM"}
    vendor.instead_of_create.append(Said(429, body))
    with capture_logs() as logs:
        await kling.submit(submission)
    (entry,) = logs
    assert entry["attempt"] == KEY
    assert (entry["status"], entry["code"], entry["request"]) == (429, 1102, "CjM")
    assert entry["words"] == "pack of account 4711 used up."
    assert vendor.key not in json.dumps(logs)


# Looking up.


async def test_what_kling_does_not_know_does_not_exist(kling: KlingProvider) -> None:
    assert kling.recovery is Recovery.LOOK_UP
    assert await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO) == Absent()


async def test_a_task_is_looked_up_under_its_own_kind(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission
) -> None:
    await kling.submit(submission)
    assert await kling.look_up(KEY, SPEC, Task.TEXT_TO_VIDEO) == Absent()
    assert vendor.seen[-1].path == f"/v1/videos/text2video/{KEY}"


async def test_a_failed_task_is_found_too(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission
) -> None:
    vendor.outcomes.append(Outcome.FAILED)
    task_id = await taken(kling, submission)
    assert await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO) == Accepted(task_id)


@pytest.mark.parametrize(
    "said",
    [
        Said(404, "<html>404</html>"),
        Said(404, {"code": 1202, "message": "no such method"}),
        Said(400, {"code": 1201, "message": "no"}),
        Said(200, told(task_status="submitted", task_info={"external_task_id": "another"})),
        Said(200, {"code": 0, "data": {}}),
        Said(200, {"id": "req_1", "status": "error", "message": "gone"}),
    ],
)
async def test_anything_less_than_klings_own_word_proves_nothing(
    kling: KlingProvider, vendor: KlingVendor, said: Said
) -> None:
    vendor.instead_of_query.append(said)
    assert isinstance(await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO), Unknown)


@pytest.mark.parametrize(
    "said",
    [
        Said(429, {"code": 1302, "message": "fast"}),
        Said(503, {"code": 5001, "message": "maintenance"}),
        Said(401, {"code": 1002, "message": "key"}),
        Said(502, "<html>502</html>"),
        Said(200, "<html>200</html>"),
    ],
)
async def test_a_look_up_that_is_not_answered_is_a_fault(
    kling: KlingProvider, vendor: KlingVendor, said: Said
) -> None:
    vendor.instead_of_query.append(said)
    with pytest.raises(ProviderFault):
        await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO)


async def test_what_kkiai_does_not_know_may_exist(kkiai: KlingProvider) -> None:
    assert isinstance(await kkiai.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO), Unknown)


async def test_what_kkiai_finds_is_ours(
    kkiai: KlingProvider, kkiai_vendor: KlingVendor, submission: Submission
) -> None:
    task_id = await taken(kkiai, submission)
    assert task_id == f"image2video/{kkiai_vendor.bill[0]}"
    assert await kkiai.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO) == Accepted(task_id)


@pytest.mark.parametrize("shape", ["new_api", "openai", "flat"])
async def test_a_gateway_without_an_index_proves_nothing(
    session: aiohttp.ClientSession, downloads: Downloads, submission: Submission, shape: Any
) -> None:
    vendor = KlingVendor(flavour="kkiai", shape=shape)
    async with vendor.serve():
        kkiai = provider(vendor, session, downloads)
        vendor.on_create.append(OnCreate.CUT_AFTER)
        await kkiai.submit(submission)
        assert isinstance(await kkiai.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO), Unknown)


# Asking.


@pytest.mark.parametrize("on_poll", OnPoll)
async def test_a_question_that_goes_wrong_is_a_fault_and_can_be_asked_again(
    any_kling: KlingProvider, any_vendor: KlingVendor, submission: Submission, on_poll: OnPoll
) -> None:
    task_id = await taken(any_kling, submission)
    any_vendor.on_poll.extend([on_poll] * (2 if on_poll is OnPoll.CUT else 1))  # aiohttp repeats a GET once
    with pytest.raises(Cut if on_poll is OnPoll.CUT else ProviderFault):
        await any_kling.poll(task_id)
    assert isinstance(await any_kling.poll(task_id), Ready)


@pytest.mark.parametrize(
    "said",
    [
        Said(200, {"code": 1303, "message": "full"}),
        Said(200, {"code": 0, "data": {"task_id": "1"}}),
        Said(200, {"code": 0, "data": {"task_id": "1", "task_status": ""}}),
        Said(200, {"error": {"message": "gone"}}),
        Said(200, {"error": {"message": "gone"}, "status": "error"}),
        Said(200, {"status": "error", "message": "gone"}),
        Said(200, {"code": 1303, "message": "full", "data": {"task_id": "1", "task_status": "failed"}}),
        Said(500, {"id": "1", "status": "failed", "message": "gone"}),
        Said(200, {"id": "req_1", "status": "error", "message": "gone"}),
        Said(200, {"status": "failed", "task_info": {"external_task_id": KEY}}),
        Said(200, {"id": "2", "object": "video", "status": "failed", "error": {"message": "a face"}}),
        Said(200, {"code": 0, "data": {"task_id": "2", "task_status": "failed"}}),
        Said(
            200, {"code": 0, "data": {"task_id": "2", "task_status": "succeed", "url": "https://a.example/b"}}
        ),
        Said(200, {"id": "req_1", "status": "completed", "url": "https://a.example/b"}),
        Said(200, {"code": 0, "data": {"task_id": "2", "task_status": "processing"}}),
        Said(200, {"code": 0, "data": {"task_id": "11", "task_status": "failed"}}),
        Said(200, []),
        Said(401, {"code": 1004, "message": "expired"}),
    ],
)
async def test_an_answer_about_no_task_or_another_is_a_fault(
    kling: KlingProvider, vendor: KlingVendor, said: Said
) -> None:
    vendor.instead_of_query.append(said)
    with pytest.raises(ProviderFault, match="Kling"):
        await kling.poll("image2video/1")


@pytest.mark.parametrize(
    "body",
    [
        {"code": 0, "data": {"task_id": "1", "task_status": "failed"}},
        {"code": 0, "data": {"task_id": 1, "task_status": "failed"}},
        {"code": 0, "data": {"id": "1", "status": "failed"}, "id": "req_1"},
        {"task_id": "1", "id": "9", "status": "failed"},
        {"id": "1", "status": "failed"},
        {"data": {"task_id": "t", "data": {"data": {"task_id": "1", "task_status": "failed"}}}},
        {"data": {"task_id": "t", "status": "FAILURE", "data": {"task_id": 1}}},
    ],
)
async def test_a_task_has_failed_where_any_of_the_ids_is_its_own(
    kling: KlingProvider, vendor: KlingVendor, body: Any
) -> None:
    assert await polled(kling, vendor, body) == Failed("Kling could not make this clip.")


@pytest.mark.parametrize("word", ["submitted", "queued", "NOT_START", "pending", "unknown"])
async def test_words_for_waiting(kling: KlingProvider, vendor: KlingVendor, word: str) -> None:
    assert await polled(kling, vendor, told(task_status=word)) == Pending()


@pytest.mark.parametrize("word", ["processing", "IN_PROGRESS", "running", "generating"])
async def test_words_for_rendering_are_no_news(kling: KlingProvider, vendor: KlingVendor, word: str) -> None:
    with capture_logs() as logs:
        assert await polled(kling, vendor, told(task_status=word)) == Pending()
    assert logs == []


@pytest.mark.parametrize("word", ["failed", "FAILURE", "error", "cancelled", "canceled"])
async def test_words_for_failure(kling: KlingProvider, vendor: KlingVendor, word: str) -> None:
    assert await polled(kling, vendor, told(task_status=word)) == Failed("Kling could not make this clip.")


@pytest.mark.parametrize("word", ["succeed", "SUCCEEDED", "success", "completed", "complete"])
async def test_words_for_success(kling: KlingProvider, vendor: KlingVendor, word: str) -> None:
    ready = await polled(kling, vendor, told(task_status=word, url="https://cdn.example/a.mp4"))
    assert ready == Ready("https://cdn.example/a.mp4")


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("IN_PROGRESS", "succeed", Ready),
        ("FAILURE", "processing", Failed),
        ("SUCCESS", "processing", Ready),
        ("FAILURE", "succeed", Ready),
        ("QUEUED", "processing", Pending),
    ],
)
async def test_the_word_that_is_final_counts_and_the_inner_one_first(
    kling: KlingProvider, vendor: KlingVendor, outer: str, inner: str, expected: type
) -> None:
    data = {"task_id": "1", "status": outer, "result_url": "https://cdn.example/a.mp4"}
    body = {"code": "success", "data": {**data, "data": {"code": 0, "data": {"task_status": inner}}}}
    assert isinstance(await polled(kling, vendor, body), expected)


NO_NUMBERS: list[Any] = ["", "soon", None, -5, "nan", "1e999", []]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        *[("30%", 0.3), (45, 0.45), ("100%", 1.0), (140, 1.0), ("0%", 0.0)],
        *[(value, None) for value in NO_NUMBERS],
    ],
)
async def test_progress_is_told_where_it_is_a_number(
    kling: KlingProvider, vendor: KlingVendor, progress: Any, expected: float | None
) -> None:
    body = {"code": "success", "data": {"task_id": "1", "status": "IN_PROGRESS", "progress": progress}}
    assert await polled(kling, vendor, body) == Pending(expected)


LINK = "https://cdn.example/a.mp4"


@pytest.mark.parametrize(
    "body",
    [
        told(task_status="succeed", task_result={"videos": [{"url": LINK}]}),
        {"task_status": "succeed", "task_result": {"videos": [{"url": LINK}]}},
        {"data": {"status": "SUCCESS", "data": {"data": {"task_result": {"videos": [{"url": LINK}]}}}}},
        {"data": {"status": "SUCCESS", "result_url": LINK, "fail_reason": ""}},
        {"status": "completed", "metadata": {"url": LINK}, "error": None},
        {"status": "completed", "url": LINK},
        {"status": "completed", "video_url": LINK},
        {"data": {"status": "SUCCESS", "fail_reason": LINK}},
        {"data": {"status": "SUCCESS", "result_url": "pending", "fail_reason": LINK}},
        {"status": "completed", "url": "http://cdn.example/" + "a" * 9000, "video_url": LINK},
    ],
)
async def test_a_link_is_found_in_every_form(kling: KlingProvider, vendor: KlingVendor, body: Any) -> None:
    assert await polled(kling, vendor, body) == Ready(LINK)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"task_status_msg": "a face"}, "a face."),
        ({"fail_reason": "a hand"}, "a hand."),
        ({"fail_reason": '{"code":1301,"message":"a foot"}'}, "a foot."),
        ({"error": {"message": "an ear"}}, "an ear."),
        ({"error": "a nose"}, "a nose."),
        ({"task_status_msg": "", "fail_reason": "a toe"}, "a toe."),
        ({"task_status_msg": "y" * 5000}, "y" * 299 + "…"),
    ],
)
async def test_a_reason_is_found_in_every_form(
    kling: KlingProvider, vendor: KlingVendor, data: dict[str, Any], words: str
) -> None:
    failed = await polled(kling, vendor, told(task_status="failed", **data))
    assert failed == Failed(f"Kling could not make this clip: {words}")


# What it cost.


@pytest.mark.parametrize(
    ("told_units", "spent"),
    [
        ("2.5", Spent(Decimal("2.5"), "unit", Decimal("0.350"))),
        (3, Spent(Decimal(3), "unit", Decimal("0.42"))),
        ("0", None),
        ("", None),
        (None, None),
        ("NaN", None),
        ("-1", None),
        ("1e30", None),
        ("a lot", None),
    ],
)
async def test_what_a_clip_cost_is_told_in_units_and_dollars(
    kling: KlingProvider, vendor: KlingVendor, told_units: Any, spent: Spent | None
) -> None:
    ready = await polled(
        kling, vendor, told(task_status="succeed", url=LINK, final_unit_deduction=told_units)
    )
    assert ready == Ready(LINK, spent)


async def test_a_unit_of_kkiai_has_no_known_price(kkiai: KlingProvider, submission: Submission) -> None:
    ready = await kkiai.poll(await taken(kkiai, submission))
    assert isinstance(ready, Ready)
    assert ready.spent == Spent(Decimal("1.5"), "unit", None)


# The watermark.


async def test_who_asked_for_the_watermark_gets_it(kling: KlingProvider, tmp_path: Path) -> None:
    task_id = await taken(kling, submission_of(tmp_path, watermark=True))
    ready = await kling.poll(task_id)
    assert isinstance(ready, Ready)
    assert ready.result.endswith("-marked.mp4")
    assert await kling.look_up(KEY, SPEC, Task.IMAGE_TO_VIDEO) == Accepted(task_id)


async def test_who_did_not_gets_none(
    kling: KlingProvider, vendor: KlingVendor, submission: Submission
) -> None:
    video = {"url": LINK, "watermark_url": "https://cdn.example/marked.mp4"}
    task_id = await taken(kling, submission)
    body = told(task_id=vendor.bill[0], task_status="succeed", task_result={"videos": [video]})
    assert await polled(kling, vendor, body, task_id=task_id) == Ready(LINK)


async def test_a_watermark_that_is_not_there_is_done_without(
    kling: KlingProvider, vendor: KlingVendor, tmp_path: Path
) -> None:
    task_id = await taken(kling, submission_of(tmp_path, watermark=True))
    video = {"url": LINK, "watermark_url": ""}
    body = told(task_id=vendor.bill[0], task_status="succeed", task_result={"videos": [video]})
    assert await polled(kling, vendor, body, task_id=task_id) == Ready(LINK)


# The rest.


async def test_an_expired_link_is_told_as_such(kling: KlingProvider, vendor: KlingVendor) -> None:
    vendor.on_download.append(OnDownload.EXPIRED)
    with pytest.raises(LinkExpired):
        async with kling.open(f"{vendor.url}/files/a.mp4"):
            raise AssertionError("it was opened")


async def test_a_task_cannot_be_stopped(kling: KlingProvider, vendor: KlingVendor) -> None:
    assert not await kling.cancel("image2video/1")
    await kling.close()
    assert vendor.seen == []


def test_a_provider_is_named_after_its_flavour(kling: KlingProvider, kkiai: KlingProvider) -> None:
    assert (kling.name, kkiai.name) == ("kling", "kkiai")
    assert kling.concurrency == 3
