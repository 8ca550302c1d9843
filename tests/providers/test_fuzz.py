"""Whatever vendors answer, it means something documented: no other error, nothing unbounded, nothing that was not said."""

import json
import math
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, cast

import aiohttp
import pytest
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.db.rows import spent_columns
from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Task
from bot.providers import aimlapi_answers, download, http, kling_answers, onemin, onemin_answers
from bot.providers.aimlapi import AimlapiProvider
from bot.providers.download import Downloads, LinkRefused
from bot.providers.http import Account, Call, Reply
from bot.providers.kling import KlingProvider
from bot.providers.kling_calls import KKIAI, OFFICIAL
from bot.providers.onemin import OneminProvider
from bot.providers.words import words_of
from tests import builders
from tests.fuzzed import fuzzed
from tests.vendors import aimlapi as aimlapi_vendor
from tests.vendors import kling as kling_vendor
from tests.vendors import onemin as onemin_vendor

NOW_MS = 1_795_000_000_000
KEY = "kinora-abc123-1-1"
ID = "827492a1"
LARGEST_INTEGER = 2**63 - 1  # of a column
LONGEST_LINK = 8_000

Json: TypeAlias = Any


class Told(Account):
    """An account whose every question gets the answer that a test gives."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(session, base_url="http://vendor.invalid", sign_in=dict, now_ms=lambda: NOW_MS)
        self.reply = Reply(200, None, "", {}, None)

    async def send(self, call: Call, **given: Any) -> Reply:
        del call, given
        return self.reply


def vocabulary(*modules: ModuleType) -> list[str]:
    """Every word in quotes in the code that reads answers: its names of fields, its status words, its places."""
    texts = (Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules)
    return sorted({word for text in texts for word in re.findall(r'"([\w.-]{1,30})"', text)})


WORDS = {
    "kling": vocabulary(kling_answers),
    "kkiai": vocabulary(kling_answers),
    "aimlapi": vocabulary(aimlapi_answers),
    "onemin": vocabulary(onemin_answers, onemin),
}

STRANGE: list[Json] = [
    None, True, False, 0, -1, 1, 200, 1203, 1102, 1301, 5000, 2**53, 10**200, 10**299, -(10**400), 1e308, -0.0, 5e-324,
    math.nan, math.inf, "", " ", "0", "NaN", "sNaN", "1e999999999", "1e-999999999", "1E+999999999999999999999", "-1",
    "\u0661", "1_000", "9" * 5000, "30%", "%", "\x00", "\ud800", "\u202e", "e\u0301" * 500, "{", '{"code": 1102}',
    '{"code": {"a": 1}, "message": [1]}', "[" * 2000, "<html>", "error code: 1015", "timed out", "[distributor]",
    "The model is under maintenance", "insufficient credit", "https://x", "http://", "https://10.0.0.1/a", "https://[",
    "ftp://x/y", "file:///etc/passwd", "data:video/mp4;base64,AA", "javascript:alert(1)", "https://a/\r\nX: y",
    "https://a/" + "b" * 20_000, "https://a/?X-Amz-Date=20260101T000000Z&X-Amz-Expires=" + "9" * 5000, "../../etc/passwd",
    "development/videos/a.mp4", "@everyone sk-abcdefgh12345678 https://evil.example/x", KEY, ID, f"{ID}:kling/v1", [], {},
    [[[[[]]]]], {"a": {"a": {"a": {}}}},
]  # fmt: skip

STATUSES = [
    *(100, 101, 200, 201, 202, 204, 206, 301, 304, 400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 429),
    *(499, 500, 502, 503, 504, 520, 524, 599, 999),
]


def anything(dice: random.Random, words: list[str], depth: int = 4) -> Json:
    """JSON that uses the words an answer may use, in any order and depth."""
    match dice.randrange(8 if depth else 5):
        case 0 | 1:
            return dice.choice(words)
        case 2 | 3:
            return dice.choice(STRANGE)
        case 4:
            return dice.choice([dice.randrange(-(2**70), 2**70), dice.uniform(-9, 9e9), strange_text(dice)])
        case 5:
            return [anything(dice, words, depth - 1) for _ in range(dice.randrange(4))]
        case _:
            return {dice.choice(words): anything(dice, words, depth - 1) for _ in range(dice.randrange(6))}


def strange_text(dice: random.Random) -> str:
    return "".join(chr(dice.choice([dice.randrange(128), dice.randrange(0x11_0000)])) for _ in range(12))


def parts(value: Json) -> list[tuple[Any, Json]]:
    """What an object or a list holds, and where."""
    if isinstance(value, dict):
        return list(cast("dict[str, Json]", value).items())
    return list(enumerate(cast("list[Json]", value))) if isinstance(value, list) else []


def places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything stands in an answer."""
    yield path
    for key, part in parts(value):
        yield from places(part, (*path, key))


def replaced(value: Json, path: tuple[Any, ...], new: Json) -> Json:
    """The same answer with something else at one place."""
    if not path:
        return new
    first, *rest = path
    changed = {key: replaced(part, tuple(rest), new) if key == first else part for key, part in parts(value)}
    return changed if isinstance(value, dict) else list(changed.values())


def almost(dice: random.Random, examples: list[Json], words: list[str]) -> Json:
    """An answer as a vendor gives it, but for one to three places."""
    answer = dice.choice(examples)
    for _ in range(dice.randrange(4)):
        answer = replaced(answer, dice.choice(list(places(answer))), anything(dice, words))
    return answer


def body(dice: random.Random, value: Json) -> str:
    """What stands in the body of an answer, most often JSON."""
    text = json.dumps(value, ensure_ascii=dice.random() < 0.5)
    at = dice.randrange(len(text) + 1)
    match dice.randrange(12):
        case 0:
            return text[:at]
        case 1:
            return f'{{"code": 0, "status": "completed", "code": {text}, "status": {text}}}'
        case 2:
            depth = dice.choice([30, 60, 70, 300, 900, 5000])
            return f'{{"code": {"[" * depth}{text}{"]" * depth}, "data": {text}}}'
        case 3:
            return text[:at] + strange_text(dice) + text[at:]
        case _:
            return text


def made(dice: random.Random, examples: list[Json], words: list[str]) -> Reply:
    """A reply as `Account` makes it of what arrived."""
    value = anything(dice, words) if dice.random() < 0.3 else almost(dice, examples, words)
    text = body(dice, value).encode("utf-8", "replace").decode("utf-8-sig")
    names = ["x-inference-id", "x-aimlapi-credits-used", "x-aimlapi-usd-spent", "retry-after"]
    given = [ID, "0.5", "1e999999", "NaN", "-1", "\udcff", "x" * 5000, "10", strange_text(dice)]
    headers = {dice.choice(names): dice.choice(given) for _ in range(dice.randrange(3))}
    return Reply(
        status=dice.choice(STATUSES) if dice.random() < 0.5 else 200,
        data=http.parsed(text),
        text=text[:1000],
        headers=headers,
        retry_after_s=http._retry_after_s(headers.get("retry-after"), NOW_MS),
    )


def _kling_answers(flavour: Any) -> list[Json]:
    answers: list[Json] = [{"code": 1102, "message": "Account balance not enough", "request_id": "x"}]
    for shape in ("official", "new_api", "openai", "flat"):
        vendor = kling_vendor.KlingVendor(flavour=flavour, shape=shape, url="https://files.example")
        for outcome in kling_vendor.Outcome:
            body = {"model_name": "kling-v2-5-turbo", "duration": "5", "mode": "pro"}
            task = kling_vendor.Task(ID, "image2video", KEY, outcome, body=body)
            answers += [vendor._accepted(task), vendor._told(task)]
    return answers


def _onemin_answers() -> list[Json]:
    vendor = onemin_vendor.OneminVendor(url="https://files.example")
    body = {"promptObject": {"prompt": "a boat"}}
    tasks = [onemin_vendor.vendors.Task(ID, "VIDEO", None, one, body=body) for one in kling_vendor.Outcome]
    uploaded = {"fileContent": {"path": "images/a.png"}, "asset": {"key": "images/a.png"}}
    return [
        *map(vendor.record_of, tasks),
        uploaded,
        {"success": False, "error": {"code": "X", "message": "no"}},
    ]


def _aimlapi_answers() -> list[Json]:
    video = {"url": "https://files.example/a.mp4", "duration": 5}
    usage = {"meta": {"usage": {"credits_used": 120_000, "usd_spent": 0.06}}}
    words = ("queued", "generating", "completed", "error", "pondering")
    told = [{"id": ID, "status": word, "video": video, "error": None, **usage} for word in words]
    errors = [
        {"statusCode": 403, "message": "no credit"},
        {"error": {"message": "x", "detail": [{"msg": "y"}]}},
    ]
    rows = [aimlapi_vendor.foreign_row(1), {**aimlapi_vendor.foreign_row(2), "client_request_id": KEY}]
    return [*told, *errors, {"data": rows, "pagination": {"has_more": True}}]


EXAMPLES: Mapping[str, list[Json]] = {
    "kling": _kling_answers("kling"),
    "kkiai": _kling_answers("kkiai"),
    "aimlapi": _aimlapi_answers(),
    "onemin": _onemin_answers(),
}
SPECS: Mapping[str, ModelSpec] = {
    "kling": kling_vendor.SPEC,
    "kkiai": kling_vendor.SPEC,
    "aimlapi": aimlapi_vendor.SPEC,
    "onemin": onemin_vendor.SPEC,
}


def answers_of(name: str) -> st.SearchStrategy[Reply]:
    """By dice, and not drawn piece by piece: that is a hundred times as fast, and a reply is printed whole."""
    seeds = st.integers(0, 2**64 - 1)
    return seeds.map(lambda seed: made(random.Random(seed), EXAMPLES[name], WORDS[name]))


def provider(name: str, told: Told) -> Provider:
    downloads = Downloads(trusted_hosts=frozenset())
    match name:
        case "kling" | "kkiai":
            flavour = {"kling": OFFICIAL, "kkiai": KKIAI}[name]
            return KlingProvider(told, flavour=flavour, downloads=downloads, concurrency=1)
        case "aimlapi":
            return AimlapiProvider(told, downloads=downloads, concurrency=1)
        case _:
            return OneminProvider(told, downloads=downloads, concurrency=1)


@pytest.fixture
async def told() -> AsyncGenerator[Told]:
    async with aiohttp.ClientSession() as session:
        with capture_logs():
            yield Told(session)


# What may be said to whom


def is_presentable(reason: str) -> bool:
    """Whether a member may read it: one short line that leads nowhere and holds no key."""
    harmless = not re.search(r"https?://[^\s.!?…]|sk-\w", reason)
    return reason.isprintable() and 0 < len(reason) <= 500 and harmless


def check_ready(ready: Ready) -> None:
    links = ready.result.split(" ")
    assert all(link.startswith(("https://", "http://")) and len(link) <= LONGEST_LINK for link in links)
    columns = spent_columns(ready.spent)
    assert (json.dumps(columns, default=str) + ready.result).encode()
    if ready.spent is not None:
        assert ready.spent.amount.is_finite()
        assert ready.spent.amount > 0
        assert ready.spent.micro_usd is None or 0 <= ready.spent.micro_usd <= LARGEST_INTEGER


def check_task_id(task_id: str, reply: Reply) -> None:
    assert task_id.isprintable()
    assert 0 < len(task_id) <= 400
    own = task_id.partition("/")[2] or task_id
    said = json.dumps(reply.data, ensure_ascii=False) + " ".join(reply.headers.values())
    assert own == KEY or json.dumps(own, ensure_ascii=False)[1:-1] in said


def check_submitted(outcome: Accepted | Rejected | Unknown, reply: Reply) -> None:
    match outcome:
        case Accepted(task_id, ready):
            assert reply.is_success
            check_task_id(task_id, reply)
            if ready is not None:
                check_ready(ready)
        case Rejected(reason, why, retry_after_s):
            assert is_presentable(reason)
            assert retry_after_s is None or 0 <= retry_after_s <= http.LONGEST_RETRY_AFTER_S
            assert why is not Refusal.BUSY or retry_after_s is not None
        case Unknown(reason):
            assert len(reason) <= 500


# What orders come to


PROOFS = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})


async def submitted(name: str, told: Told, reply: Reply) -> Accepted | Rejected | Unknown:
    request = builders.request(image=None, prompt="a boat", quality=SPECS[name].qualities[0], duration_s=5)
    told.reply = reply
    return await provider(name, told).submit(Submission(KEY, SPECS[name], request, inputs={}))


@fuzzed("answers to creates", reply=answers_of("kling"))
async def test_an_order_at_kling_has_a_documented_end(told: Told, reply: Reply) -> None:
    outcome = await submitted("kling", told, reply)
    check_submitted(outcome, reply)
    if isinstance(outcome, Rejected):
        code = kling_answers.trouble_of(reply)
        assert code is not None
        assert code.code is not None or reply.status in PROOFS or "distributor" in reply.text


@fuzzed("answers to creates", reply=answers_of("kkiai"))
async def test_an_order_at_kkiai_has_a_documented_end(told: Told, reply: Reply) -> None:
    check_submitted(await submitted("kkiai", told, reply), reply)


@fuzzed("answers to creates", reply=answers_of("aimlapi"))
async def test_an_order_at_aimlapi_has_a_documented_end(told: Told, reply: Reply) -> None:
    outcome = await submitted("aimlapi", told, reply)
    check_submitted(outcome, reply)
    if isinstance(outcome, Rejected):
        assert {reply.status, aimlapi_answers._status(reply)} & PROOFS


@fuzzed("answers to creates", reply=answers_of("onemin"))
async def test_an_order_at_1min_has_a_documented_end(told: Told, reply: Reply) -> None:
    outcome = await submitted("onemin", told, reply)
    check_submitted(outcome, reply)
    if isinstance(outcome, Rejected):
        assert reply.status in PROOFS or reply.is_success


# What questions come to


async def asked(name: str, task_id: str, told: Told, reply: Reply) -> Pending | Ready | Failed | None:
    told.reply = reply
    try:
        told_of = await provider(name, told).poll(task_id)
    except ProviderFault:
        return None
    match told_of:
        case Ready():
            check_ready(told_of)
        case Failed(reason):
            assert is_presentable(reason)
        case Pending(progress, ask_again_s):
            assert progress is None or 0 <= progress <= 1
            assert ask_again_s is None or 0 < ask_again_s <= 600
    return told_of


@fuzzed("answers to questions", reply=answers_of("kling") | answers_of("kkiai"))
async def test_a_question_to_kling_has_a_documented_answer(told: Told, reply: Reply) -> None:
    outcome = await asked("kling", f"image2video/{ID}", told, reply)
    if isinstance(outcome, Failed):
        assert ID in kling_answers.ids_of(reply)


@fuzzed("answers to questions", reply=answers_of("aimlapi"))
async def test_a_question_to_aimlapi_has_a_documented_answer(told: Told, reply: Reply) -> None:
    outcome = await asked("aimlapi", f"universal/{ID}", told, reply)
    if isinstance(outcome, (Failed, Ready)):
        assert reply.is_success
        assert aimlapi_answers.is_about(reply, ID) is not False


@fuzzed("answers to questions", reply=answers_of("onemin"))
async def test_a_question_to_1min_has_a_documented_answer(told: Told, reply: Reply) -> None:
    outcome = await asked("onemin", ID, told, reply)
    assert outcome is not None
    if not isinstance(outcome, Pending):
        assert reply.is_success
        assert reply.find("aiRecord", "uuid") in (None, ID)


# What looking an attempt up comes to


async def looked_up(name: str, told: Told, reply: Reply) -> Accepted | Absent | Unknown | None:
    told.reply = reply
    try:
        found = await provider(name, told).look_up(KEY, SPECS[name], Task.IMAGE_TO_VIDEO)
    except ProviderFault:
        return None
    if isinstance(found, Accepted):
        assert reply.is_success
        check_task_id(found.task_id, reply)
    return found


@fuzzed("answers to look-ups", reply=answers_of("kling"))
async def test_only_klings_own_word_proves_that_there_is_no_task(told: Told, reply: Reply) -> None:
    if isinstance(await looked_up("kling", told, reply), Absent):
        trouble = kling_answers.trouble_of(reply)
        assert trouble is not None
        assert trouble.code == kling_answers.NOT_FOUND


@fuzzed("answers to look-ups", reply=answers_of("kkiai"))
async def test_nothing_proves_at_kkiai_that_there_is_no_task(told: Told, reply: Reply) -> None:
    assert not isinstance(await looked_up("kkiai", told, reply), Absent)


@fuzzed("answers to look-ups", reply=answers_of("aimlapi"))
async def test_a_row_of_another_attempt_is_not_ours(told: Told, reply: Reply) -> None:
    found = await looked_up("aimlapi", told, reply)
    if isinstance(found, (Accepted, Absent)):
        assert any(http.dig(row, "client_request_id") == KEY for row in reply.find("data"))


# The rest of what is read


@fuzzed(
    "vendors' words",
    examples=400,
    said=st.text() | st.sampled_from([one for one in STRANGE if isinstance(one, str)]),
)
def test_a_vendors_words_are_presentable(said: str) -> None:
    for text in (said, f"see https://{said} sk-abcdefgh{said}", f"{said} www.evil.example/{said}"):
        words = words_of(text)
        assert not words or is_presentable(words)


@fuzzed(
    "links",
    examples=400,
    link=st.text(max_size=40).map("https://{}".format)
    | st.ip_addresses().map("https://[{}]/a".format)
    | st.tuples(st.sampled_from(["", "user@", ":@", "%31", "0x"]), st.integers(0, 2**32)).map(
        "https://{0[0]}{0[1]}/a".format
    )
    | st.sampled_from([one for one in STRANGE if isinstance(one, str)]),
)
def test_a_link_is_judged_or_refused(link: str) -> None:
    judge = Downloads(trusted_hosts=frozenset())
    try:
        url = download._url(link)
        judge._check(url)
    except LinkRefused:
        return
    assert url.scheme == "https"
    assert url.raw_user is None
    assert not download._is_address(url.host or "") or download._is_public(url.host or "")


@fuzzed(
    "beginnings of clips",
    head=st.binary(max_size=40) | st.binary(max_size=20).map(lambda rest: b"\x00\x00\x00\x18ftyp" + rest),
    sizes=st.lists(st.integers(0, 9), max_size=12),
)
async def test_a_clip_begins_like_one_however_it_is_cut_to_pieces(head: bytes, sizes: list[int]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        rest = head
        for size in sizes:
            yield rest[:size]
            rest = rest[size:]
        yield rest

    if head[4:8] == b"ftyp":
        assert b"".join([piece async for piece in await onemin._video(pieces())]) == head
    else:
        with pytest.raises(LinkRefused):
            await onemin._video(pieces())


@fuzzed(
    "links with an end",
    examples=400,
    link=st.sampled_from(STRANGE).filter(lambda one: isinstance(one, str))
    | st.text(max_size=60).map("https://a/?X-Amz-Date=20260101T000000Z&X-Amz-Expires={}".format),
)
def test_when_a_link_ends_is_a_moment_or_unknown(link: str) -> None:
    ends_ms = onemin_answers.expires_at_ms(link)
    assert ends_ms is None or type(ends_ms) is int


@fuzzed(
    "amounts",
    examples=400,
    value=st.sampled_from(STRANGE) | st.decimals(allow_nan=True).map(str) | st.floats(),
)
def test_an_amount_is_finite_and_bounded(value: Json) -> None:
    for amount in (kling_answers._amount(value), aimlapi_answers.amount_of(value)):
        assert amount is None or (amount.is_finite() and 0 <= amount < Decimal(10) ** 12)
