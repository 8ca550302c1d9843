"""1min.ai over HTTP: a server on the loopback answers as documented, and as seen in the wild."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.domain.provider import (
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import (
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    Quality,
    Task,
)
from bot.providers import onemin, onemin_answers
from bot.providers.download import Downloads, LinkExpired, LinkRefused
from bot.providers.http import MAX_ANSWER_BYTES, Reply
from bot.providers.onemin import OneminProvider
from tests.builders import PICTURE, request
from tests.e2e.studio import film
from tests.fuzzed import fuzzed
from tests.patience import PATIENCE_S
from tests.vendors.onemin import (
    NO_CREDITS,
    PRIVATE_DATA,
    SPEC,
    Answer,
    OneminVendor,
    Storage,
    failed,
    provider,
)
from tests.vendors.vendor import FAILURE, OnCreate, OnDownload, OnPoll, Outcome

UUID = "e2c6c3ba-c057-420b-96f2-100aee48b964"
PATH = "development/videos/2025_11_26_15_56_28_338_540753.mp4"
WEEK_MS = 604_800_000
FIELDS = [
    "aiRecord",
    "aiRecordDetail",
    "resultObject",
    "status",
    "uuid",
    "temporaryUrl",
    "success",
    "error",
    "message",
    "code",
    "name",
]

Submit = Callable[..., Submission]


@pytest.fixture
async def vendor() -> AsyncGenerator[OneminVendor]:
    """1min.ai; at the end nothing that it was asked may have been wrong, unless the test said so."""
    async with OneminVendor().serve() as served:
        assert isinstance(served, OneminVendor)
        yield served
    assert served.problems == []


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


@pytest.fixture
async def downloads() -> AsyncGenerator[Downloads]:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as opened:
        yield opened


@pytest.fixture
def ours(vendor: OneminVendor, session: aiohttp.ClientSession, downloads: Downloads) -> OneminProvider:
    return provider(vendor, session, downloads)


@pytest.fixture
def asked(tmp_path: Path) -> Submit:
    """A submission with a picture; `image=None` for one of text."""
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG\r\n\x1a\n picture")

    def submission(model: str = "kling/2.1", **known: Any) -> Submission:
        spec = SPEC.model_copy(update={"id": model})
        return Submission("kinora-abc-1-1", spec, request(**{"image": PICTURE} | known), {PICTURE.blob: path})

    return submission


async def fetched(ours: OneminProvider, result: str) -> bytes:
    async with ours.open(result) as chunks:
        return b"".join([chunk async for chunk in chunks])


def record(**changes: Any) -> dict[str, Any]:
    """A finished record as documented, changed as told; `result` stands for the detail's resultObject."""
    result = changes.pop("result", [PATH])
    usual: dict[str, Any] = {
        "uuid": UUID,
        "teamUser": PRIVATE_DATA,
        "status": "SUCCESS",
        "aiRecordDetail": {"resultObject": result, "responseObject": {}},
        "temporaryUrl": "https://s3.us-east-1.amazonaws.com/asset.1min.ai/clip.mp4?X-Amz-Signature=0fcf",
    }
    return {"aiRecord": usual | changes}


# ---- A clip that is made


async def test_a_clip_is_handed_over_with_the_answer_to_the_create(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    outcome = await ours.submit(asked())
    (task,) = vendor.tasks.values()
    assert outcome == Accepted(task.id, Ready(vendor.link(task), None))
    assert await fetched(ours, vendor.link(task)) == film()


async def test_a_picture_goes_up_as_it_is_and_its_path_into_the_create(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    await ours.submit(asked())
    upload, create = vendor.seen
    assert upload.body["asset"] == ("a" * 16 + ".png", "image/png", b"\x89PNG\r\n\x1a\n picture")
    assert create.body["promptObject"]["imageUrl"] in vendor.assets
    assert create.query == {}


async def test_the_documented_example_of_image_to_video_goes_over_the_wire(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    path = "images/2025_10_22_07_10_43_846_elon-musk.jpg"
    vendor.assets[path] = ("elon-musk.jpg", "image/jpeg", b"a face")
    vendor.uploads.append(Answer(200, {"fileContent": {"path": path}}))
    words = "gentle waves rolling on a peaceful beach with soft sunlight"
    await ours.submit(
        asked(
            "kling/1.5",
            prompt=words,
            aspect=Aspect.WIDE,
            quality=Quality.PRO,
            negative_prompt="people, buildings",
        )
    )
    assert vendor.seen[-1].body == {
        "type": "IMAGE_TO_VIDEO",
        "model": "kling",
        "conversationId": "IMAGE_TO_VIDEO",
        "promptObject": {
            "imageUrl": path,
            "prompt": words,
            "duration": 5,
            "aspect_ratio": "16:9",
            "mode": "pro",
            "version": "1.5",
            "cfg_scale": 0.5,
            "negative_prompt": "people, buildings",
        },
    }


@pytest.mark.parametrize("version", ["1.0", "1.5", "1.6", "2.0", "2.1", "2.1-master", "2.5"])
async def test_every_version_takes_what_is_sent_for_a_picture(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, version: str
) -> None:
    quality = Quality.PRO if version in ("2.0", "2.5") else Quality.STD
    camera = None if version == "1.5" else CameraControl(move=CameraMove.PAN, amount=-2.5)
    outcome = await ours.submit(asked(f"kling/{version}", quality=quality, camera=camera, duration_s=10))
    assert isinstance(outcome, Accepted)
    assert len(vendor.bill) == 1


@pytest.mark.parametrize("version", ["1.0", "1.5", "1.6", "2.0", "2.1-master", "2.5"])
async def test_every_version_takes_what_is_sent_for_text(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, version: str
) -> None:
    outcome = await ours.submit(
        asked(f"kling/{version}", image=None, quality=Quality.PRO, guidance=1, aspect=Aspect.SQUARE)
    )
    assert isinstance(outcome, Accepted)
    assert [seen.path for seen in vendor.seen] == ["/api/features"]


async def test_a_create_is_waited_for_as_long_as_the_clip_takes(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.SLOW)
    async with asyncio.TaskGroup() as group:
        create = group.create_task(ours.submit(asked()))
        await vendor.started.wait()
        assert not create.done()
        vendor.finish()
    outcome = create.result()
    assert isinstance(outcome, Accepted)
    assert outcome.ready


async def test_a_create_that_takes_longer_than_its_time_is_in_doubt(
    vendor: OneminVendor, session: aiohttp.ClientSession, downloads: Downloads, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.SLOW)
    async with asyncio.timeout(PATIENCE_S):  # far from what a question may take
        outcome = await provider(vendor, session, downloads, read_timeout_s=0.2).submit(asked())
    assert isinstance(outcome, Unknown)
    assert len(vendor.bill) == 1


async def test_what_cannot_be_said_to_1min_is_refused_without_asking(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    preset = CameraControl(move=CameraPreset.FORWARD_UP)
    for known in ({"camera": preset}, {"end_frame": PICTURE}, {"sound": True}):
        outcome = await ours.submit(asked(**known))
        assert isinstance(outcome, Rejected)
        assert (outcome.why, outcome.retry_after_s) == (Refusal.INPUT, None)
    assert vendor.seen == []


# ---- The upload


@pytest.mark.parametrize(
    "answer",
    [
        {"fileContent": {"path": "images/a.png"}, "asset": {"key": "images/b.png"}},
        {"fileContent": {"path": ""}, "asset": {"key": "images/a.png", "path": "images/b.png"}},
        {"fileContent": {"path": 7}, "asset": {"path": "/images/a.png"}, "path": "images/b.png"},
        {"path": "//images/a.png", "key": "images/b.png"},
        {"fileContent": {"path": "images/\nb.png"}, "key": "images/a.png"},
        {"fileContent": {"path": "x" * 501}, "key": "images/a.png"},
        {"fileContent": {"path": " / "}, "key": "images/a.png"},
    ],
)
async def test_the_path_of_a_picture_is_found_wherever_it_stands(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, answer: Any
) -> None:
    vendor.assets["images/a.png"] = ("a.png", "image/png", b"a")
    vendor.uploads.append(Answer(200, answer))
    assert isinstance(await ours.submit(asked()), Accepted)


@pytest.mark.parametrize(
    ("answer", "why", "retry_after_s"),
    [
        (Answer(500, {"message": "Internal server error"}), Refusal.UNREACHABLE, 30),
        (Answer(503, "<html>down</html>", {"Retry-After": "12"}), Refusal.UNREACHABLE, 12),
        (Answer(524, "<html>524</html>"), Refusal.UNREACHABLE, 30),
        (Answer(302, "", {"Location": "/elsewhere"}), Refusal.UNREACHABLE, 30),
        (Answer(200, "<html>hello</html>"), Refusal.UNREACHABLE, 30),
        (Answer(200, {"asset": {}}), Refusal.UNREACHABLE, 30),
        (Answer(500, {"fileContent": {"path": "images/a.png"}}), Refusal.UNREACHABLE, 30),
        (Answer(429, {"message": "slow down"}, {"Retry-After": "3"}), Refusal.BUSY, 3),
        (Answer(413, {"message": "File too large"}), Refusal.INPUT, None),
        (Answer(409, {"message": "Too Many Requests"}), Refusal.UNREACHABLE, 30),
        (Answer(500, {"message": "check the API key"}), Refusal.UNREACHABLE, 30),
        (Answer(400, {"message": "no file"}), Refusal.INPUT, None),
        (Answer(401, {"message": "who are you"}), Refusal.ACCOUNT, None),
        (Answer(403, {"message": "not for you"}), Refusal.ACCOUNT, None),
        (Answer(402, {"message": "pay"}), Refusal.PAYMENT, None),
        (Answer(200, {"success": False, "error": "not a picture"}), Refusal.INPUT, None),
    ],
)
async def test_an_upload_that_fails_has_cost_nothing(
    ours: OneminProvider,
    vendor: OneminVendor,
    asked: Submit,
    *,
    answer: Answer,
    why: Refusal,
    retry_after_s: float | None,
) -> None:
    vendor.uploads.append(answer)
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Rejected)
    assert (outcome.why, outcome.retry_after_s) == (why, retry_after_s)
    assert [seen.path for seen in vendor.seen] == ["/api/assets"]


async def test_an_upload_that_is_cut_has_cost_nothing(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.cut_upload = True
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Rejected)
    assert (outcome.why, outcome.retry_after_s) == (Refusal.UNREACHABLE, 30)
    assert vendor.bill == []


# ---- Answers to the create


@pytest.mark.parametrize("image", [PICTURE, None])
async def test_a_server_that_is_not_there_was_not_reached(
    vendor: OneminVendor, session: aiohttp.ClientSession, downloads: Downloads, asked: Submit, image: Any
) -> None:
    async with OneminVendor().serve() as gone:
        pass
    vendor.url = gone.url
    outcome = await provider(vendor, session, downloads).submit(asked(image=image))
    assert isinstance(outcome, Rejected)
    assert outcome.why is Refusal.UNREACHABLE
    assert outcome.retry_after_s


REFUSED = [
    (Answer(401, {"message": "Unauthorized"}), Refusal.ACCOUNT),
    (Answer(403, {"error": "Forbidden"}), Refusal.ACCOUNT),
    (Answer(400, {"message": "The API key is revoked"}), Refusal.ACCOUNT),
    (Answer(200, failed("FORBIDDEN", "API key has expired")), Refusal.ACCOUNT),
    (Answer(403, "error code: 1010"), Refusal.ACCOUNT),
    (Answer(400, "error code: 1010"), Refusal.ACCOUNT),
    (Answer(402, {"message": "Payment required"}), Refusal.PAYMENT),
    (Answer(200, failed("INSUFFICIENT_CREDITS", NO_CREDITS)), Refusal.PAYMENT),
    (Answer(200, failed("BAD", NO_CREDITS)), Refusal.PAYMENT),
    (Answer(400, {"code": "INSUFFICIENT_CREDITS", "message": "no"}), Refusal.PAYMENT),
    (Answer(429, {"message": "x"}), Refusal.BUSY),
    (Answer(429, "<html>slow down</html>"), Refusal.BUSY),
    (Answer(403, "error code: 1015"), Refusal.BUSY),
    (Answer(400, {"error": "too_many_requests"}), Refusal.BUSY),
    (Answer(200, failed("X", "Rate limit reached")), Refusal.BUSY),
    (Answer(400, {"message": "duration must be a number"}), Refusal.INPUT),
    (Answer(404, "<html>nothing here</html>"), Refusal.INPUT),
    (Answer(422, "no"), Refusal.INPUT),
    (Answer(400, {"code": "UNSUPPORTED_MODEL"}), Refusal.INPUT),
    (Answer(413, {"message": "File too large"}), Refusal.INPUT),
    (Answer(415, {"message": "no"}), Refusal.INPUT),
    (Answer(200, failed("X", "The face cannot be animated")), Refusal.INPUT),
    (Answer(200, failed("X", "The face cannot be animated", status="failed")), Refusal.INPUT),
    (Answer(200, record(status="failure", result=[], temporaryUrl="")), Refusal.INPUT),
    (Answer(200, record(status="Failed")), Refusal.INPUT),
    (Answer(200, record(status=None, result={"code": "E1"}, temporaryUrl="")), Refusal.INPUT),
    (Answer(200, record(status="", result={"code": "E1", "message": "no"}, temporaryUrl="")), Refusal.INPUT),
    (Answer(200, record(status="FAILURE", result={"name": "InsufficientCreditsError"})), Refusal.PAYMENT),
    (Answer(400, record(status="FAILURE", result={"code": "INSUFFICIENT_CREDITS"})), Refusal.PAYMENT),
    (Answer(200, {"success": False, "error": "no such feature"}), Refusal.INPUT),
    (Answer(200, {"success": False}), Refusal.INPUT),
    (Answer(200, {"success": False, "message": "not enough credits"}), Refusal.PAYMENT),
    (Answer(201, {"success": False, "error": "too many requests"}), Refusal.BUSY),
    (Answer(400, {"message": "Rejected by content moderation"}), Refusal.MODERATION),
    (Answer(200, failed("X", "Failure to pass the risk control system")), Refusal.MODERATION),
    (Answer(200, failed("NSFW", "no")), Refusal.MODERATION),
    (Answer(400, {"message": "Inappropriate prompt"}), Refusal.MODERATION),
    (Answer(400, {"message": "Against the content security policy"}), Refusal.MODERATION),
    (Answer(400, {"message": "This goes against our content policies"}), Refusal.MODERATION),
    (Answer(400, {"message": "Stopped by our safety system"}), Refusal.MODERATION),
    (Answer(400, {"message": "Stopped by a safety filter"}), Refusal.MODERATION),
    (Answer(400, {"message": ["prompt: sensitive words"]}), Refusal.MODERATION),
]


@pytest.mark.parametrize(("answer", "why"), REFUSED)
async def test_a_create_is_refused(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, answer: Answer, why: Refusal
) -> None:
    vendor.creates.append(answer)
    outcome = await ours.submit(asked(image=None))
    assert isinstance(outcome, Rejected)
    assert (outcome.why, outcome.retry_after_s) == (why, 30 if why is Refusal.BUSY else None)
    assert outcome.reason.endswith(".")


@pytest.mark.parametrize(
    ("said", "believed_s"),
    [("7", 7), ("0", 0), ("86400", 600), ("inf", 600), ("soon", 30), (None, 30)],
)
async def test_a_busy_provider_is_asked_again_when_it_says(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, said: str | None, believed_s: float
) -> None:
    vendor.creates.append(Answer(429, {"message": "x"}, {"Retry-After": said} if said else {}))
    assert await ours.submit(asked(image=None)) == Rejected("1min.ai is busy.", Refusal.BUSY, believed_s)


@pytest.mark.parametrize(
    "answer",
    [
        *(
            Answer(status, f"<html>{status} sensitive</html>")
            for status in (500, 502, 503, 504, 520, 522, 524)
        ),
        Answer(500, {"statusCode": 500, "message": "Internal server error"}),
        Answer(500, {"success": False, "error": "Internal server error"}),
        Answer(500, record()),
        Answer(503, "upstream connect error"),
        Answer(500, {"message": "Upstream polling failed: Too Many Requests"}),
        Answer(502, {"message": "The upstream asks to check the API key"}),
        Answer(502, failed("X", "The face cannot be animated")),
        Answer(500, {"error": {"code": "INSUFFICIENT_CREDITS"}}),
        Answer(500, {"code": "UNSUPPORTED_MODEL"}),
        Answer(503, "error code: 1015"),
        Answer(504, {"message": "rate limit"}),
        *(
            Answer(status, {"message": "Too Many Requests"})
            for status in (405, 406, 408, 409, 410, 418, 425, 451, 499)
        ),
        Answer(409, {"message": "no credits: insufficient credit"}),
        Answer(409, {"success": False, "error": "moderation"}),
        Answer(400, {"message": "Upstream request timed out"}),
        Answer(200, {"message": "not enough credits"}),
        Answer(200, {"statusCode": 400, "message": ["API key"]}),
        Answer(200, {"success": False, "error": "timeout of 300000ms exceeded"}),
        Answer(200, failed("BAD_REQUEST", "Kling: the task has timed out")),
        Answer(200, failed("TIMEOUT", "no", status="FAILED")),
        Answer(200, failed("BAD_REQUEST", "Time-out while waiting for the clip")),
        Answer(200, {"success": False, "aiRecord": {"status": "PROCESSING"}}),
        Answer(307, "", {"Location": "/api/features/"}),
        Answer(200, "<html>hello</html>"),
        Answer(200, ""),
        Answer(200, {}),
        Answer(200, []),
        Answer(200, {"aiRecord": None}),
        Answer(200, {"aiRecord": "soon"}),
        Answer(200, {"message": "we are on it"}),
        Answer(200, record(uuid=None, status="PROCESSING", temporaryUrl="", result=None)),
        Answer(200, record(uuid="../etc", status="SUCCESS", temporaryUrl="", result=[])),
        Answer(200, "x" * (MAX_ANSWER_BYTES + 1)),
    ],
)
async def test_an_answer_that_proves_nothing_leaves_the_create_in_doubt(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, answer: Answer
) -> None:
    vendor.creates.append(answer)
    assert isinstance(await ours.submit(asked(image=None)), Unknown)


@pytest.mark.parametrize(
    ("mishap", "expected", "billed"),
    [
        (OnCreate.REFUSE_KEY, Refusal.ACCOUNT, 0),
        (OnCreate.REFUSE_PAYMENT, Refusal.PAYMENT, 0),
        (OnCreate.REFUSE_INPUT, Refusal.INPUT, 0),
        (OnCreate.REFUSE_CONTENT, Refusal.MODERATION, 0),
        (OnCreate.BUSY, Refusal.BUSY, 0),
        (OnCreate.OUT_OF_ORDER, None, 0),
        (OnCreate.CUT_BEFORE, None, 0),
        (OnCreate.CUT_AFTER, None, 1),
        (OnCreate.GATEWAY_TIMEOUT, None, 1),
        (OnCreate.NONSENSE, None, 1),
    ],
)
async def test_nothing_that_may_be_billed_counts_as_refused(
    ours: OneminProvider,
    vendor: OneminVendor,
    asked: Submit,
    *,
    mishap: OnCreate,
    expected: Refusal | None,
    billed: int,
) -> None:
    vendor.on_create.append(mishap)
    outcome = await ours.submit(asked())
    assert (outcome.why if isinstance(outcome, Rejected) else None) is expected
    assert isinstance(outcome, Unknown) is (expected is None)
    assert len(vendor.bill) == billed


async def test_a_wrong_key_is_the_operators_business(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.key = "another key"
    session = ours._account._session
    account = provider(vendor, session, ours._downloads)
    vendor.key = "the right key"
    outcome = await account.submit(asked())
    assert isinstance(outcome, Rejected)
    assert outcome.why is Refusal.ACCOUNT
    assert "key" not in outcome.reason


async def test_a_failure_is_told_in_the_providers_words(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.FAILED)
    outcome = await ours.submit(asked())
    assert outcome == Rejected(f"1min.ai did not make the clip: {FAILURE}", Refusal.INPUT)
    assert vendor.bill == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no\n  \x1b[31m face ", "1min.ai did not make the clip: no [31m face."),
        ("see https://s3.example/clip?sig=1 there", "1min.ai did not make the clip: see (link) there."),
        ("x" * 5000, f"1min.ai did not make the clip: {'x' * 299}…"),
        ("", "1min.ai did not make the clip."),
        (["one", 2, "two"], "1min.ai did not make the clip: one; two."),
        ({"a": 1}, "1min.ai did not make the clip."),
    ],
)
async def test_the_providers_words_are_cleaned(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, message: Any, told: str
) -> None:
    vendor.creates.append(Answer(400, {"message": message}))
    assert await ours.submit(asked(image=None)) == Rejected(told, Refusal.INPUT)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no face"},
        {"error": {"message": "no face"}},
        {"statusCode": 400, "message": ["no face"], "error": "Bad Request"},
        '"no face"',
        "no face",
    ],
)
async def test_errors_are_read_in_every_form_that_was_seen(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, body: Any
) -> None:
    vendor.creates.append(Answer(400, body))
    assert await ours.submit(asked(image=None)) == Rejected("1min.ai did not make the clip: no face.")


async def test_an_error_page_is_not_quoted(ours: OneminProvider, vendor: OneminVendor, asked: Submit) -> None:
    vendor.creates.append(Answer(400, "\n<html>nginx 1.2</html>"))
    assert await ours.submit(asked(image=None)) == Rejected("1min.ai did not make the clip.")


async def test_what_is_missing_in_credits_goes_to_the_log_and_not_to_the_member(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.on_create.append(OnCreate.REFUSE_PAYMENT)
    with capture_logs() as logs:
        outcome = await ours.submit(asked())
    assert isinstance(outcome, Rejected)
    assert "credit" not in outcome.reason
    (entry,) = [one for one in logs if one["event"] == "refused by 1min.ai"]
    assert (entry["needed_credits"], entry["available_credits"]) == (5655, 0)
    assert entry["code"] == "INSUFFICIENT_CREDITS"


async def test_the_log_names_what_cloudflare_calls_a_ban(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.creates.append(Answer(403, "error code: 1010"))
    with capture_logs() as logs:
        await ours.submit(asked(image=None))
    assert [one["code"] for one in logs] == ["1010"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, failed("odd\ncode", "Acme team: API key a-secret-key is revoked")),
        Answer(500, record()),
        Answer(200, record(status="SIMMERING", temporaryUrl="", result=None)),
        Answer(200, record(uuid=7, status="SIMMERING", temporaryUrl="", result=None)),
    ],
)
async def test_neither_people_nor_keys_are_logged_or_told(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, answer: Answer
) -> None:
    vendor.creates.append(answer)
    with capture_logs() as logs:
        outcome = await ours.submit(asked(image=None))
    for secret in ("John Private", "Acme", vendor.key, "odd\\n"):
        assert secret not in str(logs) + str(outcome)


async def test_a_record_that_is_not_finished_is_kept_and_asked_about(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.STRANGE_STATUS)
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Accepted)
    assert outcome == Accepted(next(iter(vendor.tasks)), None)
    assert await ours.poll(outcome.task_id) == Pending()
    vendor.tasks[outcome.task_id].outcome = Outcome.READY
    assert isinstance(await ours.poll(outcome.task_id), Ready)


async def test_a_finished_clip_is_not_lost_because_its_record_has_no_name(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.creates.append(Answer(200, record(uuid="no/name", temporaryUrl="https://s3.example/a.mp4")))
    outcome = await ours.submit(asked(image=None))
    assert outcome == Accepted("kinora-abc-1-1", Ready("https://s3.example/a.mp4"))


async def test_what_else_an_answer_says_does_not_spoil_a_finished_clip(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.creates.append(Answer(200, record() | {"message": "Rate limit: 3 left", "success": True}))
    assert isinstance(await ours.submit(asked(image=None)), Accepted)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com/asset.1min.ai/clip.mp4?X-Amz-Signature=0fcf"),
        ({"result": {"name": "clip.mp4"}, "temporaryUrl": "https://s3.example/b"}, "https://s3.example/b"),
        ({"status": "COMPLETED", "temporaryUrl": "https://s3.example/b"}, "https://s3.example/b"),
        ({"result": [7, PATH, "https://s3.example/a"], "temporaryUrl": ""}, "https://s3.example/a"),
        ({"result": "https://s3.example/a", "temporaryUrl": None}, "https://s3.example/a"),
        (
            {"result": {"name": "a.mp4", "url": "https://s3.example/a"}, "temporaryUrl": ""},
            "https://s3.example/a",
        ),
        (
            {
                "result": [{"cover": "https://s3.example/c", "videoUrl": "https://s3.example/a"}],
                "temporaryUrl": "",
            },
            "https://s3.example/a",
        ),
        (
            {"status": None, "result": {"code": "a", "url": "https://s3.example/a"}, "temporaryUrl": ""},
            "https://s3.example/a",
        ),
        (
            {"result": {"name": "clip", "path": PATH}, "temporaryUrl": ""},
            f"{{bucket}}/{PATH} {{host}}/{PATH}",
        ),
        ({"status": "PROCESSING", "result": {"message": "queued"}, "temporaryUrl": ""}, None),
        (
            {
                "status": "PROCESSING",
                "result": {"code": 0, "name": "x", "message": "queued"},
                "temporaryUrl": "",
            },
            None,
        ),
        ({"status": None, "result": {"message": "queued"}, "temporaryUrl": ""}, None),
        ({"status": None, "result": {"name": "clip"}, "temporaryUrl": ""}, None),
        ({"temporaryUrl": ""}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"status": "success", "temporaryUrl": ""}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"result": f"/{PATH}", "temporaryUrl": ""}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "ftp://s3.example/a"}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "https://s3.example/a b"}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "https://s3.example/a\n"}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "https://s3.example/clîp"}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "https://s3.example/\u2028"}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "https://s3.example/" + "x" * 4096}, f"{{bucket}}/{PATH} {{host}}/{PATH}"),
        ({"temporaryUrl": "", "result": ["../secret.mp4"]}, None),
        ({"temporaryUrl": "", "result": ["a b.mp4"]}, None),
        ({"temporaryUrl": "", "result": ["x" * 501]}, None),
        ({"temporaryUrl": "", "result": []}, None),
        ({"temporaryUrl": "", "status": "SIMMERING"}, None),
    ],
)
async def test_the_clip_is_found_wherever_it_may_be(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, changes: dict[str, Any], result: str | None
) -> None:
    vendor.creates.append(Answer(200, record(**changes)))
    outcome = await ours.submit(asked(image=None))
    assert isinstance(outcome, Accepted)
    assert outcome.task_id == UUID
    where = {"bucket": f"{vendor.url}/bucket/asset.1min.ai", "host": f"{vendor.url}/asset-host"}
    assert outcome.ready == (Ready(result.format(**where)) if result else None)


async def test_a_redirected_create_does_not_take_the_key_along(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    async with OneminVendor().serve() as stranger:
        vendor.creates.append(Answer(307, "", {"Location": f"{stranger.url}/api/features"}))
        assert isinstance(await ours.submit(asked(image=None)), Unknown)
        assert stranger.seen == []


@fuzzed(
    "answers to creates",
    examples=100,
    status=st.sampled_from([200, 400, 403, 429, 500, 504]),
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(FIELDS),
                inner | st.sampled_from(["SUCCESS", "FAILURE", UUID, PATH]),
            )
        ),
        max_leaves=12,
    ),
)
def test_no_answer_whatever_breaks_the_reading_of_it(status: int, data: Any) -> None:
    reply = Reply(status, data, "", {}, None)
    refused = onemin_answers.refused(reply)
    assert refused is None or len(refused.reason) < 400
    assert all(part.startswith("http") for part in onemin_answers.links_in(data, onemin.STORAGES).split())


# ---- Asking again


@pytest.mark.parametrize("mishap", list(OnPoll))
async def test_only_a_record_is_news(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, mishap: OnPoll
) -> None:
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Accepted)
    vendor.on_poll.extend([mishap] * 2)  # aiohttp repeats a GET that was cut
    assert await ours.poll(outcome.task_id) == Pending(ask_again_s=300)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, record()),
        Answer(404, failed("X", "no")),
        Answer(200, {"aiRecord": "soon"}),
        Answer(200, []),
        Answer(200, record(uuid="7d44ef3c-0000-420b-96f2-100aee48b964")),
        Answer(200, failed("X", "somebody else's")),
    ],
)
async def test_a_record_must_look_like_the_one_that_was_asked_for(
    ours: OneminProvider, vendor: OneminVendor, answer: Answer
) -> None:
    vendor.records.append(answer)
    assert await ours.poll(UUID) == Pending(ask_again_s=300)


async def test_a_record_nobody_knows_is_no_news(ours: OneminProvider) -> None:
    assert await ours.poll(UUID) == Pending(ask_again_s=300)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.SLOW, Pending()),
        (Outcome.STRANGE_STATUS, Pending()),
        (Outcome.FAILED, Failed(f"1min.ai did not make the clip: {FAILURE}")),
        (Outcome.NO_LINK, Pending(ask_again_s=30)),
    ],
)
async def test_a_record_says_how_far_the_clip_is(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, outcome: Outcome, expected: Any
) -> None:
    vendor.outcomes.append(Outcome.STRANGE_STATUS)
    taken = await ours.submit(asked())
    assert isinstance(taken, Accepted)
    vendor.tasks[taken.task_id].outcome = outcome
    assert await ours.poll(taken.task_id) == expected


async def test_a_clip_without_a_link_is_given_up_by_the_clock(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.NO_LINK)
    taken = await ours.submit(asked())
    assert isinstance(taken, Accepted)
    for _ in range(10):
        assert await ours.poll(taken.task_id) == Pending(ask_again_s=30)
    vendor.now_ms += 179_999
    assert await ours.poll(taken.task_id) == Pending(ask_again_s=30)
    vendor.now_ms += 1
    assert await ours.poll(taken.task_id) == Failed("1min.ai finished the clip, but gave no link to it.")


async def test_a_record_that_timed_out_is_no_end(ours: OneminProvider, vendor: OneminVendor) -> None:
    vendor.records.append(Answer(200, failed("TIMEOUT", "timed out", uuid=UUID)))
    assert await ours.poll(UUID) == Pending()
    vendor.records.append(Answer(200, failed("X", "no face", uuid=UUID)))
    assert await ours.poll(UUID) == Failed("1min.ai did not make the clip: no face.")


async def test_a_record_gives_a_fresh_link(ours: OneminProvider, vendor: OneminVendor, asked: Submit) -> None:
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Accepted)
    assert outcome.ready
    vendor.now_ms += WEEK_MS
    with pytest.raises(LinkExpired):
        await fetched(ours, outcome.ready.result)
    fresh = await ours.poll(outcome.task_id)
    assert isinstance(fresh, Ready)
    assert await fetched(ours, fresh.result) == film()


async def test_a_finished_create_without_a_link_is_asked_about(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    vendor.outcomes.append(Outcome.NO_LINK)
    outcome = await ours.submit(asked())
    assert outcome == Accepted(next(iter(vendor.tasks)), None)


# ---- Fetching the clip


@pytest.mark.parametrize(("late_ms", "is_asked"), [(-1000, True), (0, False), (1000, False)])
async def test_a_link_past_its_time_is_not_asked_for(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit, late_ms: int, *, is_asked: bool
) -> None:
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Accepted)
    assert outcome.ready
    vendor.now_ms += WEEK_MS + late_ms
    if is_asked:
        assert await fetched(ours, outcome.ready.result) == film()
    else:
        with pytest.raises(LinkExpired):
            await fetched(ours, outcome.ready.result)
    assert vendor.downloads == int(is_asked)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20200101T000000Z",
        "X-Amz-Expires=1",
        "X-Amz-Date=yesterday&X-Amz-Expires=1",
        "X-Amz-Date=20200101T000000Z&X-Amz-Expires=soon",
        f"X-Amz-Date=20200101T000000Z&X-Amz-Expires={'9' * 400}",
        f"X-Amz-Date=20200101T000000Z&X-Amz-Expires={'9' * 4500}",
    ],
)
async def test_a_link_that_does_not_say_when_it_ends_is_asked_for(
    ours: OneminProvider, vendor: OneminVendor, query: str
) -> None:
    vendor.bucket = Storage.VIDEO
    link = f"{vendor.url}/bucket/asset.1min.ai/{PATH}?{query}"
    assert await fetched(ours, link) == film()


@pytest.mark.parametrize(
    ("mishap", "fault"),
    [
        (OnDownload.EXPIRED, LinkExpired),
        (OnDownload.GATEWAY_TIMEOUT, ProviderFault),
        (OnDownload.HTML, LinkRefused),
        (OnDownload.CUT, ProviderFault),
    ],
)
async def test_a_download_that_fails_is_a_fault(
    ours: OneminProvider,
    vendor: OneminVendor,
    asked: Submit,
    mishap: OnDownload,
    fault: type[ProviderFault],
) -> None:
    outcome = await ours.submit(asked())
    assert isinstance(outcome, Accepted)
    assert outcome.ready
    vendor.on_download.append(mishap)
    with pytest.raises(fault):
        await fetched(ours, outcome.ready.result)
    assert await fetched(ours, outcome.ready.result) == film()


@pytest.fixture
async def guessed(ours: OneminProvider, vendor: OneminVendor, asked: Submit) -> str:
    """The result of a create that came without a link."""
    vendor.creates.append(Answer(200, record(temporaryUrl="")))
    outcome = await ours.submit(asked(image=None))
    assert isinstance(outcome, Accepted)
    assert outcome.ready
    vendor.seen.clear()
    return outcome.ready.result


@pytest.mark.parametrize("storage", [Storage.VIDEO, Storage.BYTES])
async def test_the_bucket_is_the_first_place_without_a_link(
    ours: OneminProvider, vendor: OneminVendor, guessed: str, storage: Storage
) -> None:
    vendor.bucket = storage
    assert await fetched(ours, guessed) == film()
    assert [seen.path for seen in vendor.seen] == [f"/bucket/asset.1min.ai/{PATH}"]


@pytest.mark.parametrize("storage", [Storage.PRIVATE, Storage.PAGE, Storage.PICTURE, Storage.CRUMBS])
async def test_the_asset_host_is_the_second(
    ours: OneminProvider, vendor: OneminVendor, guessed: str, storage: Storage
) -> None:
    vendor.bucket, vendor.asset_host = storage, Storage.BYTES
    assert await fetched(ours, guessed) == film()
    assert [seen.path for seen in vendor.seen] == [f"/bucket/asset.1min.ai/{PATH}", f"/asset-host/{PATH}"]


@pytest.mark.parametrize(
    ("storage", "fault"),
    [(Storage.PRIVATE, LinkExpired), (Storage.PAGE, LinkRefused), (Storage.PICTURE, LinkRefused)],
)
async def test_a_place_without_a_video_is_a_fault(
    ours: OneminProvider, vendor: OneminVendor, guessed: str, storage: Storage, fault: type[ProviderFault]
) -> None:
    vendor.asset_host = storage
    with pytest.raises(fault):
        await fetched(ours, guessed)


async def test_no_link_at_all_is_a_fault(ours: OneminProvider) -> None:
    with pytest.raises(LinkRefused):
        await fetched(ours, "")


async def test_connections_of_failed_guesses_are_given_back(
    vendor: OneminVendor, session: aiohttp.ClientSession, downloads: Downloads, guessed: str
) -> None:
    vendor.bucket, vendor.asset_host = Storage.PICTURE, Storage.VIDEO
    async with AsyncExitStack() as stack:
        chunks = await stack.enter_async_context(provider(vendor, session, downloads).open(guessed))
        assert downloads._session is not None
        connector = downloads._session.connector
        assert connector is not None
        assert len(connector._acquired) <= 1
        assert b"".join([chunk async for chunk in chunks]) == film()


# ---- What else a provider says of itself


async def test_an_attempt_in_doubt_cannot_be_looked_up(ours: OneminProvider, vendor: OneminVendor) -> None:
    assert ours.recovery is Recovery.NEITHER
    assert isinstance(await ours.look_up("kinora-abc-1-1", SPEC, Task.IMAGE_TO_VIDEO), Unknown)
    assert vendor.seen == []


async def test_nothing_is_stopped(ours: OneminProvider, vendor: OneminVendor) -> None:
    assert (ours.name, ours.concurrency) == ("onemin", 1)
    assert await ours.cancel(UUID) is False
    await ours.close()
    assert vendor.seen == []


def test_the_preview_shows_both_requests_with_the_key_masked(
    ours: OneminProvider, vendor: OneminVendor, asked: Submit
) -> None:
    named = replace(asked(), inputs={PICTURE.blob: Path("picture.png")})
    assert (
        ours.preview(named)
        == f"""\
ASSET1=$(curl --request POST {vendor.url}/api/assets \\
  --header "API-KEY: $ONEMIN_API_KEY" \\
  --form 'asset=@picture.png;type=image/png' | jq -r .fileContent.path)

curl --request POST {vendor.url}/api/features \\
  --header "API-KEY: $ONEMIN_API_KEY" \\
  --header 'Content-Type: application/json' \\
  --data @- <<JSON
{{
  "type": "IMAGE_TO_VIDEO",
  "model": "kling",
  "conversationId": "IMAGE_TO_VIDEO",
  "promptObject": {{
    "duration": 5,
    "mode": "std",
    "version": "2.1",
    "imageUrl": "$ASSET1",
    "aspect_ratio": "16:9",
    "cfg_scale": 0.5,
    "prompt": "the boat drifts"
  }}
}}
JSON"""
    )
