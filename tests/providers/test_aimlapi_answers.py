"""What AI/ML API's answers are taken for: errors, tasks, clips, costs, and attempts in doubt."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.domain.models import ModelSpec
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
from bot.domain.requests import Task, VideoRequest
from bot.providers.aimlapi import AimlapiProvider, bearer
from bot.providers.download import Downloads, LinkExpired
from bot.providers.http import Account
from bot.providers.words import sentence
from tests.e2e.studio import film
from tests.vendors.aimlapi import LEGACY, SPEC, UNIVERSAL, AimlapiVendor, Said, foreign_row, provider
from tests.vendors.vendor import FAILURE, OnCreate, OnDownload, OnPoll, Outcome

KEY = "k-7-1"
FOR_TEXT = SPEC.model_copy(
    update={"id": "klingai/v2.5-turbo/pro/text-to-video", "tasks": (Task.TEXT_TO_VIDEO,)}
)


@pytest.fixture
async def vendor() -> AsyncGenerator[AimlapiVendor]:
    vendor = AimlapiVendor()
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
async def aimlapi(vendor: AimlapiVendor) -> AsyncGenerator[AimlapiProvider]:
    hosts = frozenset({"127.0.0.1"})
    async with aiohttp.ClientSession() as session, Downloads(trusted_hosts=hosts) as downloads:
        yield provider(vendor, session, downloads)


def a_submission(spec: ModelSpec = FOR_TEXT, key: str = KEY) -> Submission:
    return Submission(key, spec, VideoRequest(prompt="the boat drifts"), {})


async def accepted(aimlapi: AimlapiProvider) -> str:
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Accepted)
    assert answer.ready is None
    return answer.task_id


async def look_up(aimlapi: AimlapiProvider, spec: ModelSpec = FOR_TEXT) -> Accepted | Absent | Unknown:
    return await aimlapi.look_up(KEY, spec, Task.TEXT_TO_VIDEO)


def an_error(status: Any, message: Any) -> dict[str, Any]:
    return {"message": message, "path": UNIVERSAL, "requestId": "798b", "statusCode": status}


NO_CREDIT = "You've run out of credits. Please top up your balance or update your payment method to continue"
FREE_TIER = "Free-tier limit: You've reached your free limit for the hour. Get AI/ML Subscription to use API"
MAINTENANCE = (
    "The model is under maintenance, please contact us at help@aimlapi.com. Your Request ID is 798b."
)

NOT_TAKEN = [
    (400, "Body validation error\nExpected number, received string", Refusal.INPUT),
    (400, "Failure to pass the risk control system", Refusal.MODERATION),
    (401, "This request requires a valid API key.", Refusal.ACCOUNT),
    (402, "Payment required", Refusal.PAYMENT),
    (403, NO_CREDIT, Refusal.PAYMENT),
    (403, "Insufficient balance", Refusal.PAYMENT),
    (403, "Forbidden resource", Refusal.ACCOUNT),
    (404, "Cannot POST /v2/video/generations", Refusal.INPUT),
    (413, "request entity too large", Refusal.INPUT),
    (415, "Unsupported Media Type", Refusal.INPUT),
    (
        422,
        "The content could not be processed because it was flagged by a content checker.",
        Refusal.MODERATION,
    ),
    (429, "Too Many Requests", Refusal.BUSY),
    (429, FREE_TIER, Refusal.PAYMENT),
]


@pytest.mark.parametrize(("status", "message", "why"), NOT_TAKEN)
async def test_refusal_is_told_by_its_status_and_words(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, status: int, message: str, why: Refusal
) -> None:
    vendor.instead_of_create.append(Said(status, an_error(status, message)))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.why is why
    assert (answer.retry_after_s is not None) is (why is Refusal.BUSY)
    assert len(vendor.seen) == 1


@pytest.mark.parametrize(("status", "message", "why"), NOT_TAKEN)
async def test_status_in_the_body_counts_before_that_of_http(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, status: int, message: str, why: Refusal
) -> None:
    for http, said in ((200, status), (500, str(status))):
        vendor.instead_of_create.append(Said(http, an_error(said, message), {"x-inference-id": "failed-1"}))
        answer = await aimlapi.submit(a_submission())
        assert isinstance(answer, Rejected)
        assert answer.why is why


@pytest.mark.parametrize(
    "said",
    [
        Said(500, an_error(500, "Internal server error")),
        Said(500, an_error("500", MAINTENANCE), {"x-inference-id": "failed-1"}),
        Said(500, an_error(500, "Something wrong with the server. Please, try again later.")),
        Said(502, "<html><h1>502</h1></html>"),
        Said(503, an_error(503, "Service unavailable")),
        Said(504, an_error(504, "Generation timeout")),
        Said(400, an_error("504", "Generation timeout")),
        Said(408, "<html><h1>408</h1></html>"),
        Said(307, "", {"Location": "/elsewhere"}),
        Said(200, "<html><h1>200</h1></html>"),
        Said(200, ""),
        Said(200, []),
        Said(200, {"status": "queued"}),
        Said(200, {"id": None}),
        Said(200, {"id": ""}),
        Said(200, {"id": True}),
        Said(200, {"id": 0.5}),
        Said(200, {"id": "a\nb"}),
        Said(200, {"id": "x" * 301}),
        Said(200, {"id": {"id": "1"}}),
        Said(200, {"statusCode": "no number", "message": "hm"}),
        Said(200, {"statusCode": 99, "message": "hm"}),
    ],
)
async def test_create_is_in_doubt_where_nothing_says_that_it_was_not_taken(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, said: Said
) -> None:
    vendor.instead_of_create.append(said)
    assert isinstance(await aimlapi.submit(a_submission()), Unknown)
    assert len(vendor.seen) == 1


@pytest.mark.parametrize(
    ("how", "was_taken"),
    [
        (OnCreate.CUT_BEFORE, False),
        (OnCreate.CUT_AFTER, True),
        (OnCreate.GATEWAY_TIMEOUT, True),
        (OnCreate.NONSENSE, True),
        (OnCreate.OUT_OF_ORDER, False),
    ],
)
async def test_create_that_is_lost_is_in_doubt_whatever_came_of_it(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, how: OnCreate, was_taken: bool
) -> None:
    vendor.on_create.append(how)
    assert isinstance(await aimlapi.submit(a_submission()), Unknown)
    assert len(vendor.bill) == was_taken
    assert len(vendor.seen) == 1


async def test_create_that_cannot_arrive_is_refused() -> None:
    async with aiohttp.ClientSession() as session, Downloads(trusted_hosts=frozenset()) as downloads:
        account = Account(session, base_url="http://127.0.0.1:1", sign_in=bearer("x"), now_ms=lambda: 0)
        aimlapi = AimlapiProvider(account, downloads=downloads, concurrency=1)
        answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.why is Refusal.UNREACHABLE
    assert answer.retry_after_s is not None


@pytest.mark.parametrize(
    ("headers", "wait_s"), [({}, 10), ({"Retry-After": "42"}, 42), ({"Retry-After": "86400"}, 600)]
)
async def test_busy_says_when_to_come_again(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, headers: dict[str, str], wait_s: float
) -> None:
    vendor.instead_of_create.append(Said(429, an_error("429", "Too Many Requests"), headers))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.retry_after_s == wait_s


@pytest.mark.parametrize(("status", "message", "why"), NOT_TAKEN)
async def test_reason_is_for_the_person_who_asked(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, status: int, message: str, why: Refusal
) -> None:
    vendor.instead_of_create.append(Said(status, an_error(status, message)))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.reason.endswith(".")
    assert "\n" not in answer.reason
    tells_why = why in (Refusal.INPUT, Refusal.MODERATION) and status not in (404, 413)
    assert (" ".join(message.split()) in answer.reason) is tells_why


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "The operator's account at AI/ML API may not be used for this."),
        (402, "The operator's account at AI/ML API has no credit left."),
        (404, "AI/ML API does not know this model."),
        (413, "The pictures are too large for AI/ML API; use smaller ones."),
        (422, "AI/ML API does not accept this request."),
        (429, "AI/ML API is taking no more jobs right now."),
    ],
)
async def test_refusal_without_a_body_is_put_in_our_words(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, status: int, reason: str
) -> None:
    vendor.instead_of_create.append(Said(status, "<html></html>"))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.reason == reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (an_error(400, "Body validation error!"), "Body validation error!"),
        (an_error(400, ["first", "second"]), "first second."),
        ({"error": "wrong"}, "wrong."),
        ({"error": {"name": "BadRequest", "message": "wrong"}}, "wrong."),
        ({"error": {"message": {"message": "wrong"}}}, "wrong."),
        ({"message": "outside", "error": {"message": "inside"}}, "inside."),
        ({"message": "Bad Request", "error": {"name": "BadRequest"}}, "Bad Request."),
        (
            {"detail": [{"loc": ["body"], "msg": "No face", "type": "face"}, {"message": "No boat"}]},
            "No face No boat.",
        ),
        ({"message": "a\x00\x1b[31m\u202eb\n\n c"}, "a [31m b c."),
        ({"message": 5}, ""),
        ({"message": ""}, ""),
        ({"message": "see https://discord.gg/evil key sk-1234"}, "see (link) key (key)."),
        ({"detail": ["a", "b", "c", "d"]}, "a b c."),
        (["wrong"], "wrong."),
        ("<html>", ""),
    ],
)
async def test_words_of_an_error_are_found_in_every_form(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, body: Any, words: str
) -> None:
    vendor.instead_of_create.append(Said(400, body))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert answer.reason == sentence("AI/ML API does not accept this request", words)


async def test_words_of_an_error_are_bounded(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.instead_of_create.append(Said(400, an_error(400, "x" * 5000)))
    answer = await aimlapi.submit(a_submission())
    assert isinstance(answer, Rejected)
    assert len(answer.reason) < 400
    assert answer.reason.endswith("x…")


async def test_refusal_is_logged_without_the_key(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.instead_of_create.append(Said(403, an_error(403, NO_CREDIT)))
    with capture_logs() as logs:
        await aimlapi.submit(a_submission())
    [entry] = logs
    assert (entry["attempt"], entry["status"]) == (KEY, 403)
    assert NO_CREDIT in entry["reply"]
    assert vendor.key not in str(logs)


@pytest.mark.parametrize(
    ("said", "generation_id"),
    [
        (Said(201, {"id": "60ac7c34", "status": "queued"}), "60ac7c34"),
        (Said(200, {"id": 123456789012345678}), "123456789012345678"),
        (Said(200, {"id": "7:klingai/avatar-pro"}), "7:klingai/avatar-pro"),
        (Said(200, {"generation_id": "-gg6lldgKC2tRmvJwBjK_"}), "-gg6lldgKC2tRmvJwBjK_"),
        (Said(200, "<html></html>", {"x-inference-id": "from-the-header"}), "from-the-header"),
        (Said(200, {"id": "in-body", "statusCode": 500}, {"x-inference-id": "other"}), "in-body"),
        (Said(200, {"id": "1", "status": "error", "error": {"name": "E", "message": "no"}}), "1"),
    ],
)
async def test_task_is_whatever_the_answer_names(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, said: Said, generation_id: str
) -> None:
    vendor.instead_of_create.append(said)
    assert await aimlapi.submit(a_submission()) == Accepted(f"universal/{generation_id}")


@pytest.mark.parametrize(("path", "family"), [(LEGACY, "legacy"), (UNIVERSAL, "universal")])
async def test_task_is_asked_about_where_it_was_made(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, path: str, family: str
) -> None:
    odd = "7:kling/v2 +&=%2F?#ü"
    vendor.instead_of_poll.append(Said(200, {"id": odd, "status": "queued"}))
    assert await aimlapi.poll(f"{family}/{odd}") == Pending()
    [seen] = vendor.seen
    assert (seen.method, seen.path, seen.query) == ("GET", path, {"generation_id": odd})
    assert seen.headers["Authorization"] == f"Bearer {vendor.key}"
    assert (
        "X-Client-Request-Id" not in seen.headers
    )  # it would make the log say that the poll was the attempt


async def test_clips_of_several_tasks_arrive_under_ids_of_every_form(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    task_ids = [await accepted(aimlapi) for _ in range(3)]
    answers = [await aimlapi.poll(task_id) for task_id in task_ids]
    assert [task_id.removeprefix("universal/") for task_id in task_ids] == list(vendor.tasks)
    assert [answer.result for answer in answers if isinstance(answer, Ready)] == [
        vendor.link(task) for task in vendor.tasks.values()
    ]


@pytest.mark.parametrize("word", ["queued", "generating", "waiting", "active", "processing", "Queued"])
async def test_task_under_way_is_pending(vendor: AimlapiVendor, aimlapi: AimlapiProvider, word: str) -> None:
    vendor.instead_of_poll.append(Said(200, {"id": "1", "status": word}))
    with capture_logs() as logs:
        assert await aimlapi.poll("universal/1") == Pending()
    assert logs == []


@pytest.mark.parametrize("word", ["completed", "complete", "succeeded", "COMPLETED"])
async def test_task_is_ready_by_its_status_whatever_its_error_says(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, word: str
) -> None:
    link = "https://cdn.aimlapi.com/a.mp4?b=c%2Fd"
    body = {"id": "1", "status": word, "video": {"url": link}, "error": {"name": "E", "message": "old"}}
    vendor.instead_of_poll.append(Said(200, body))
    assert await aimlapi.poll("universal/1") == Ready(link)


@pytest.mark.parametrize("word", ["error", "failed", "Error"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"name": "Error", "message": FAILURE}, FAILURE),
        (
            {
                "detail": [
                    {
                        "loc": ["body", "image_url"],
                        "msg": "Could not detect face in the image",
                        "type": "face",
                    }
                ]
            },
            "Could not detect face in the image.",
        ),
        ("it broke", "it broke."),
        (None, ""),
        ("join discord.gg/evil key sk-1234", "join (link) key (key)."),
    ],
)
async def test_failed_task_says_why(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, word: str, error: Any, words: str
) -> None:
    body = {"id": "1", "status": word, "error": error, "video": {"url": "https://cdn.aimlapi.com/a.mp4"}}
    vendor.instead_of_poll.append(Said(200, body))
    answer = await aimlapi.poll("universal/1")
    assert answer == Failed(sentence("AI/ML API could not make this clip", words))


async def test_task_moves_on_from_slow_to_ready(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.outcomes.append(Outcome.SLOW)
    task_id = await accepted(aimlapi)
    assert await aimlapi.poll(task_id) == Pending()
    assert await aimlapi.poll(task_id) == Pending()
    vendor.finish()
    assert isinstance(await aimlapi.poll(task_id), Ready)


async def test_failure_costs_nothing(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.outcomes.append(Outcome.FAILED)
    assert await aimlapi.poll(await accepted(aimlapi)) == Failed(
        f"AI/ML API could not make this clip: {FAILURE}"
    )
    assert vendor.bill == []


async def test_unknown_status_is_pending_and_told_to_the_operator(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.outcomes.append(Outcome.STRANGE_STATUS)
    task_id = await accepted(aimlapi)
    with capture_logs() as logs:
        assert await aimlapi.poll(task_id) == Pending()
    assert [(entry["log_level"], entry["status"]) for entry in logs] == [("warning", "pondering")]


async def test_clip_without_a_link_is_waited_for_and_then_given_up(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.outcomes.append(Outcome.NO_LINK)
    task_id = await accepted(aimlapi)
    for _ in range(10):
        assert await aimlapi.poll(task_id) == Pending(ask_again_s=20)
    vendor.now_ms += 179_999
    assert await aimlapi.poll(task_id) == Pending(ask_again_s=20)
    vendor.now_ms += 1
    with capture_logs() as logs:
        assert isinstance(await aimlapi.poll(task_id), Failed)
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_link_that_comes_late_begins_the_wait_anew(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    without = Said(200, {"id": "1", "status": "completed", "video": None})
    ready = Said(200, {"id": "1", "status": "completed", "video": {"url": "https://cdn.aimlapi.com/a.mp4"}})
    vendor.instead_of_poll.extend([without, ready, without, without])
    expected = [Pending, Ready, Pending, Failed]
    for kind in expected:
        assert isinstance(await aimlapi.poll("universal/1"), kind)
        vendor.now_ms += 180_000


@pytest.mark.parametrize(
    ("video", "link"),
    [
        ({"url": "https://a/1.mp4", "content_type": "video/mp4"}, "https://a/1.mp4"),
        ([{"url": "https://a/1.mp4"}, {"url": "https://a/2.mp4"}], "https://a/1.mp4"),
        ([None, {"url": None}, {"url": "https://a/2.mp4"}], "https://a/2.mp4"),
        ("https://a/1.mp4", "https://a/1.mp4"),
        ("file:///etc/passwd", None),
        ({"url": ["https://a/1.mp4"]}, None),
        ({"url": "https://a/" + "x" * 8000}, None),
        ([], None),
        (7, None),
    ],
)
async def test_link_is_found_in_every_form(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, video: Any, link: str | None
) -> None:
    vendor.instead_of_poll.append(Said(200, {"id": "1", "status": "completed", "video": video}))
    answer = await aimlapi.poll("universal/1")
    assert (answer.result if isinstance(answer, Ready) else None) == link


@pytest.mark.parametrize(
    "said",
    [
        Said(404, an_error(404, "Generation not found")),
        Said(401, an_error(401, "This request requires a valid API key.")),
        Said(403, an_error(403, NO_CREDIT)),
        Said(429, an_error("429", "Too Many Requests")),
        Said(500, an_error(500, "Internal server error")),
        Said(500, {"status": "error", "message": "Internal server error"}),
        Said(502, "<html></html>"),
        Said(200, "<html></html>"),
        Said(200, {"id": "1"}),
        Said(200, {"id": "1", "status": 7}),
        Said(200, []),
        Said(200, {"status": "error", "message": "Too Many Requests"}),
        Said(200, {"id": None, "status": "error", "error": {"message": "a face"}}),
        Said(200, {"id": "2", "status": "error", "error": {"message": "a face"}}),
        Said(200, {"id": "11", "status": "failed"}),
        Said(200, {"id": "2", "status": "completed", "video": "https://a/1.mp4"}),
        Said(200, {"id": "2", "status": "generating"}),
    ],
)
async def test_answer_that_says_nothing_about_the_task_is_a_fault(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, said: Said
) -> None:
    vendor.instead_of_poll.append(said)
    with pytest.raises(ProviderFault, match=str(said.status)):
        await aimlapi.poll("universal/1")


@pytest.mark.parametrize("how", [OnPoll.OUT_OF_ORDER, OnPoll.TOO_FAST, OnPoll.HTML, OnPoll.NOT_FOUND])
async def test_poll_that_goes_wrong_can_be_repeated(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, how: OnPoll
) -> None:
    task_id = await accepted(aimlapi)
    vendor.on_poll.append(how)
    with pytest.raises(ProviderFault):
        await aimlapi.poll(task_id)
    assert isinstance(await aimlapi.poll(task_id), Ready)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("60ac7c34", "60ac7c34"),
        ("827996385395363841", 827996385395363841),
        ("60ac7c34:klingai/avatar-pro", "60ac7c34:kling-video/v2/master/image-to-video"),
        ("60ac7c34:klingai/avatar-pro", "60ac7c34"),
    ],
)
async def test_failure_is_believed_of_the_task_that_was_asked_about(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, asked: str, told: Any
) -> None:
    vendor.instead_of_poll.append(Said(200, {"id": told, "status": "error"}))
    assert await aimlapi.poll(f"universal/{asked}") == Failed("AI/ML API could not make this clip.")


async def test_clip_is_not_lost_because_its_task_is_not_named(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.instead_of_poll.append(Said(200, {"status": "completed", "video": "https://a/1.mp4"}))
    assert await aimlapi.poll("universal/1") == Ready("https://a/1.mp4")


async def test_poll_that_is_cut_off_is_a_fault(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.on_poll.append(OnPoll.CUT)  # on a new connection: aiohttp repeats a GET that an idle one swallowed
    with pytest.raises(ProviderFault):
        await aimlapi.poll("universal/1")


@pytest.mark.parametrize("usage", ["credits", "tokens", "headers"])
async def test_cost_is_read_in_credits_and_dollars(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, usage: str
) -> None:
    vendor.usage = usage
    answer = await aimlapi.poll(await accepted(aimlapi))
    assert isinstance(answer, Ready)
    assert answer.spent == Spent(Decimal(300_000), "credit", Decimal("0.15"))


@pytest.mark.parametrize(
    ("usage", "spent"),
    [
        ({"credits_used": 120_000, "usd_spent": 0.07}, Spent(Decimal(120_000), "credit", Decimal("0.07"))),
        ({"credits_used": "120000"}, Spent(Decimal(120_000), "credit", Decimal("0.06"))),
        ({"credits_used": 2, "tokens_used": 4}, Spent(Decimal(2), "credit", Decimal("0.000001"))),
        ({"credits_used": 0, "usd_spent": 0}, None),
        ({"credits_used": -5}, None),
        ({"credits_used": True}, None),
        ({"credits_used": "much"}, None),
        ({"credits_used": "NaN"}, None),
        ({"credits_used": "1e999999"}, None),
        ({"usd_spent": 0.06}, None),
        (None, None),
        ([120_000], None),
    ],
)
async def test_cost_is_believed_only_where_it_is_one(
    *, vendor: AimlapiVendor, aimlapi: AimlapiProvider, usage: Any, spent: Spent | None
) -> None:
    body = {"id": "1", "status": "completed", "video": "https://a/1.mp4", "meta": {"usage": usage}}
    vendor.instead_of_poll.append(Said(200, body))
    assert await aimlapi.poll("universal/1") == Ready("https://a/1.mp4", spent)


async def test_dollars_in_a_header_count_before_the_usual_rate(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    headers = {"x-aimlapi-credits-used": "2480", "x-aimlapi-usd-spent": "0.001000000"}
    body = {"id": "1", "status": "completed", "video": "https://a/1.mp4"}
    vendor.instead_of_poll.append(Said(200, body, headers))
    spent = Spent(Decimal(2480), "credit", Decimal("0.001"))
    assert await aimlapi.poll("universal/1") == Ready("https://a/1.mp4", spent)


async def test_cost_that_is_not_told_is_not_invented(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.usage = "untold"
    answer = await aimlapi.poll(await accepted(aimlapi))
    assert isinstance(answer, Ready)
    assert answer.spent is None


@pytest.mark.parametrize("video", ["object", "array", "text"])
async def test_clip_can_be_fetched_without_the_key(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, video: str
) -> None:
    vendor.video = video
    answer = await aimlapi.poll(await accepted(aimlapi))
    assert isinstance(answer, Ready)
    async with aimlapi.open(answer.result) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == film()


async def test_expired_link_is_said_to_be(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    answer = await aimlapi.poll(await accepted(aimlapi))
    vendor.on_download.append(OnDownload.EXPIRED)
    assert isinstance(answer, Ready)
    with pytest.raises(LinkExpired):
        async with aimlapi.open(answer.result):
            pass


@pytest.mark.parametrize("how", [OnCreate.CUT_AFTER, OnCreate.GATEWAY_TIMEOUT, OnCreate.NONSENSE])
@pytest.mark.parametrize("wire", [{}, {"path": "legacy"}])
async def test_lost_task_is_found_in_the_log(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, how: OnCreate, wire: dict[str, str]
) -> None:
    vendor.on_create.append(how)
    await aimlapi.submit(a_submission())
    spec = FOR_TEXT.model_copy(update={"wire": wire})
    [task_id] = vendor.tasks
    assert await look_up(aimlapi, spec) == Accepted(f"{wire.get('path', 'universal')}/{task_id}")


async def test_lost_task_that_is_still_rendering_is_asked_for_again_later(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.on_create.append(OnCreate.CUT_AFTER)
    vendor.outcomes.append(Outcome.SLOW)
    await aimlapi.submit(a_submission())
    assert isinstance(await look_up(aimlapi), Unknown)
    vendor.finish()
    answer = await look_up(aimlapi)
    assert isinstance(answer, Accepted)
    assert isinstance(await aimlapi.poll(answer.task_id), Ready)
    assert len(vendor.bill) == 1


async def test_attempt_that_never_arrived_stays_in_doubt(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.on_create.append(OnCreate.CUT_BEFORE)
    await aimlapi.submit(a_submission())
    assert isinstance(await look_up(aimlapi), Unknown)


async def test_attempt_that_failed_without_making_a_task_is_absent(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.on_create.append(OnCreate.OUT_OF_ORDER)
    await aimlapi.submit(a_submission())
    assert await look_up(aimlapi) == Absent()
    assert vendor.bill == []


async def test_lost_task_that_failed_is_found_and_says_why(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.on_create.append(OnCreate.CUT_AFTER)
    vendor.outcomes.append(Outcome.FAILED)
    await aimlapi.submit(a_submission())
    answer = await look_up(aimlapi)
    assert isinstance(answer, Accepted)
    assert isinstance(await aimlapi.poll(answer.task_id), Failed)


def a_log(*rows: dict[str, Any], has_more: Any = False) -> Said:
    return Said(200, {"data": list(rows), "pagination": {"has_more": has_more}})


def a_row(
    inference_id: Any = "1", status: str = "failed", key: str | None = KEY, **more: Any
) -> dict[str, Any]:
    cost = {"usd": 0, "credits": 0}
    return {"inference_id": inference_id, "status": status, "client_request_id": key, "cost": cost} | more


NOT_FOUND = Said(404, an_error(404, "Generation not found"))


@pytest.mark.parametrize("cost", [{"credits": 5}, {}, None])
async def test_failure_that_was_charged_for_is_not_absent(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, cost: Any
) -> None:
    vendor.instead_of_log.append(a_log(a_row(cost=cost)))
    vendor.instead_of_poll.append(NOT_FOUND)
    assert await look_up(aimlapi) == Accepted("universal/1")


async def test_failure_is_absent_only_when_the_task_can_be_asked_about(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    for said in (Said(502, "<html></html>"), Said(200, "<html></html>"), Said(500, {"status": "error"})):
        vendor.instead_of_log.append(a_log(a_row()))
        vendor.instead_of_poll.append(said)
        with pytest.raises(ProviderFault, match=str(said.status)):
            await look_up(aimlapi)


async def test_success_in_the_log_counts_before_a_failure(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.instead_of_log.append(a_log(a_row("bad"), a_row("good", "succeeded")))
    assert await look_up(aimlapi) == Accepted("universal/good")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [a_row(key=None)],
        [a_row(key="k-7-10")],
        [a_row(None)],
        [a_row("")],
        [7],
        [None],
    ],
)
async def test_rows_that_are_not_ours_prove_nothing(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, rows: list[Any]
) -> None:
    vendor.instead_of_log.append(a_log(*rows))
    assert isinstance(await look_up(aimlapi), Unknown)


@pytest.mark.parametrize(
    "said",
    [
        Said(401, an_error(401, "This request requires a valid API key.")),
        Said(429, an_error(429, "Too Many Requests")),
        Said(500, {"data": []}),
        Said(200, "<html></html>"),
        Said(200, {"data": None}),
    ],
)
async def test_log_that_cannot_be_read_is_a_fault(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, said: Said
) -> None:
    vendor.instead_of_log.append(said)
    with pytest.raises(ProviderFault, match=str(said.status)):
        await look_up(aimlapi)


async def test_log_is_read_page_by_page_until_the_attempt_is_found(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    vendor.on_create.append(OnCreate.OUT_OF_ORDER)
    await aimlapi.submit(a_submission())
    vendor.rows += [foreign_row(number) for number in range(250)]
    assert await look_up(aimlapi) == Absent()
    reads = [seen.query for seen in vendor.seen if seen.path == "/v2/logs"]
    assert [read["offset"] for read in reads] == ["0", "100", "200"]
    assert {read["limit"] for read in reads} == {"100"}


async def test_log_is_read_ten_pages_deep(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    vendor.rows += [foreign_row(number) for number in range(1200)]
    assert isinstance(await look_up(aimlapi), Unknown)
    assert len(vendor.seen) == 10


@pytest.mark.parametrize("has_more", ["yes", 1, None])
async def test_next_page_is_read_only_where_there_is_one(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, has_more: Any
) -> None:
    vendor.instead_of_log.append(a_log(has_more=has_more))
    await look_up(aimlapi)
    assert len(vendor.seen) == 1


async def test_log_is_not_read_more_often_than_is_allowed(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider
) -> None:
    for _ in range(180):
        vendor.now_ms += 1
        await look_up(aimlapi)
    vendor.instead_of_log.append(a_log(a_row("good", "succeeded")))
    assert isinstance(await look_up(aimlapi), Unknown)  # no fault: the vendor is not to blame
    assert len(vendor.seen) == 180
    vendor.instead_of_log.clear()
    vendor.now_ms += 60_000
    assert isinstance(await look_up(aimlapi), Unknown)


async def test_task_cannot_be_stopped(vendor: AimlapiVendor, aimlapi: AimlapiProvider) -> None:
    assert not await aimlapi.cancel(await accepted(aimlapi))
    await aimlapi.close()
    assert len(vendor.seen) == 1


def test_account_is_looked_up(aimlapi: AimlapiProvider) -> None:
    assert (aimlapi.name, aimlapi.recovery, aimlapi.concurrency) == ("aimlapi", Recovery.LOOK_UP, 3)
