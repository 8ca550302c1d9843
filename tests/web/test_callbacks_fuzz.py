"""Callbacks that nobody should send: forged, replayed, mangled. Nothing is believed that was not signed just now."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from multidict import CIMultiDict

from bot.web.callbacks import NotANotice, notice, secret_of
from bot.web.signature import TOLERANCE_S, SignatureInvalid, signing_key, verify
from tests.fuzzed import fuzzed, tried
from tests.web.conftest import PLAIN, SIGNED, WEBHOOK_SECRET, Site
from tests.web.test_callbacks import BODY, KLING, NOTICE, post, signed

NAMES = [
    *("data", "task_id", "id", "task_info", "external_task_id", "external_id", "task_status", "message", "é"),
]
STRANGE: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**4000,
        1.5,
        1e308,
        "",
        " ",
        "827",
        "kinora-abc123-17-2",
        "x" * 129,
        "\ud800",
        "\x00",
    ),
    *("a b", "\u0661", [], {}, [[[]]], {"task_id": "1"}, "../..", "'; DROP TABLE jobs; --"),
]


def made(dice: random.Random, depth: int = 5) -> Any:
    match dice.randrange(6 if depth else 2):
        case 0 | 1:
            return dice.choice(STRANGE)
        case 2:
            return [made(dice, depth - 1) for _ in range(dice.randrange(3))]
        case _:
            return {dice.choice(NAMES): made(dice, depth - 1) for _ in range(dice.randrange(5))}


def body(dice: random.Random) -> bytes:
    """A callback's body: most often JSON, in any encoding that JSON had once."""
    text = json.dumps(made(dice), allow_nan=True)
    if dice.random() < 0.1:
        text = "[" * dice.choice([10, 900, 100_000]) + text
    data = text.encode(dice.choice(["utf-8"] * 6 + ["utf-16", "utf-32-be", "utf-8-sig"]))
    if dice.random() < 0.2:
        at = dice.randrange(len(data) + 1)
        data = data[:at] + dice.randbytes(dice.randrange(4)) + data[at + dice.randrange(4) :]
    return data


BODIES = st.integers(0, 2**64 - 1).map(lambda seed: body(random.Random(seed))) | st.binary(max_size=60)


@fuzzed("callbacks", examples=600, sent=BODIES)
def test_a_body_is_a_bounded_notice_or_none(sent: bytes) -> None:
    try:
        about = notice(sent)
    except NotANotice:
        return
    for name in filter(None, (about.key, *about.task_ids)):
        assert name.isascii()
        assert name.isprintable()
        assert 0 < len(name) <= 128
    assert len(about.task_ids) <= 6


AT_S = 1_795_000_000
GENUINE = signed(BODY, at_s=AT_S)
KEY = signing_key(WEBHOOK_SECRET)


def check(headers: Mapping[str, str], sent: bytes, now_s: float = AT_S) -> None:
    verify(CIMultiDict(headers), sent, key=KEY, now_ms=int(now_s * 1000))


def truly_signed(headers: Mapping[str, str], sent: bytes) -> bool:
    """Whether one of the signatures is that of this message, worked out anew and slowly."""
    text = (
        f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode("utf-8", "surrogateescape") + sent
    )
    right = "v1," + base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    return right in headers["webhook-signature"].split(" ")


def forged(dice: random.Random) -> tuple[dict[str, str], bytes]:
    """A message that was signed, after somebody had it in their hands."""
    headers, sent = dict(GENUINE), BODY
    for _ in range(dice.randrange(3)):
        name = dice.choice(list(headers))
        value = headers[name]
        at = dice.randrange(len(value) + 1)
        piece = dice.choice(
            ["", " ", ",", "v1,", "v1a,", "\udcff", "\x00", "0", "é", value, value[::-1], "=" * 99]
        )
        headers[name] = dice.choice(
            [value[:at] + piece + value[at:], value[:at] + piece, piece, value.upper()]
        )
    if dice.random() < 0.3:
        at = dice.randrange(len(sent))
        sent = sent[:at] + dice.randbytes(1) + sent[at + 1 :]
    return headers, sent


@fuzzed(
    "forged callbacks",
    examples=600,
    message=st.integers(0, 2**64 - 1).map(lambda seed: forged(random.Random(seed))),
    away_s=st.sampled_from([0, 0, 0, -TOLERANCE_S - 1, TOLERANCE_S + 1, 10**11, -(10**9)]),
)
def test_only_what_was_signed_just_now_is_believed(
    message: tuple[dict[str, str], bytes], away_s: int
) -> None:
    headers, sent = message
    try:
        check(headers, sent, AT_S + away_s)
    except SignatureInvalid:
        return
    assert abs(away_s) <= TOLERANCE_S
    assert truly_signed(headers, sent)


@fuzzed("guessed secrets", examples=300, installation=st.text(min_size=1), guess=st.text(max_size=60))
def test_no_providers_secret_is_that_of_another(installation: str, guess: str) -> None:
    text = installation.encode("utf-8", "replace").decode()
    known = {secret_of(text, name) for name in ("kling", "kkiai")}
    assert len(known) == 2
    assert not known & {guess, text}


async def test_forged_callbacks_reach_nobody_and_the_next_true_one_is_heard(site: Site) -> None:
    dice = random.Random(20261121)
    now_s = site.clock.now_ms() / 1000
    true = signed(BODY, at_s=now_s)
    for _ in range(60):
        headers, sent = forged(dice)
        headers = {
            name: value.encode("ascii", "ignore").decode().replace("\x00", "")
            for name, value in headers.items()
        }
        if headers["webhook-timestamp"] == true["webhook-timestamp"]:
            continue
        assert await post(site, KLING, sent, headers) in (400, 401)
        assert (
            await post(
                site, f"/callbacks/kling/{dice.choice([PLAIN, SIGNED[:-1], SIGNED + 'x', '0'])}", sent, true
            )
            == 404
        )
        tried("forged callbacks", 2)
    assert site.told == []
    assert await post(site, KLING, BODY, true) == 200
    assert site.told == [("kling", NOTICE)]


async def test_a_replay_says_nothing_new_and_ends_with_its_time(site: Site) -> None:
    """Within five minutes it wakes the same carrier again, who asks; after that it is refused."""
    true = signed(BODY, at_s=site.clock.now_ms() / 1000)
    for _ in range(20):
        assert await post(site, KLING, BODY, true) == 200
    assert site.told == [("kling", NOTICE)] * 20
    site.clock.turn((TOLERANCE_S + 1) * 1000)
    assert await post(site, KLING, BODY, true) == 401
    assert len(site.told) == 20
