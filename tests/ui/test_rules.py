"""What is said about content rules and in the log of requests: harmless, and never more than a message holds."""

import pytest

from bot.domain.content import MAX_REASON, Rule, RulesUnclear
from bot.domain.jobs import Lineage, Relation
from bot.domain.requests import Shot
from bot.language import speaking
from bot.services.policy import ContentRefused, RefusedRequest
from bot.ui.answers import shown
from bot.ui.errors import describe
from bot.ui.request_log import request_words
from bot.ui.rules import SHEET, RulesRefused
from tests import builders
from tests.ui.conftest import buttons, make_job, refusals

HOSTILE = "@everyone <@1> <#2> **x** `y` ```z``` [a](https://evil.example) \u202e# "
MOST = 2_000


def refused(reason: str | None, *, is_pattern: bool = False, is_moderators: bool = False) -> str:
    return describe(
        ContentRefused(Rule("`x`*", reason, is_pattern=is_pattern), is_moderators=is_moderators)
    ).text


def test_a_reason_is_said_without_what_discord_would_make_of_it() -> None:
    text = refused((HOSTILE * 9)[:MAX_REASON])
    assert not {"@", "`", "\u202e"} & set(text)
    assert "](" not in text
    assert text.endswith(" Nothing was charged.")
    assert refused("No.") == ("This server's moderators do not want that made: No. Nothing was charged.")


def test_without_a_reason_the_word_is_named_and_a_pattern_is_not() -> None:
    assert "clips with `\u02cbx\u02cb*` in their words" in refused(None)
    assert "`" not in refused(None, is_pattern=True)


def test_only_moderators_are_told_that_it_holds_for_moderators() -> None:
    assert "moderators too" in refused("No", is_moderators=True)
    assert "moderators too" not in refused("No")


@pytest.mark.parametrize("number", [1, 15, 16, 400])
def test_however_many_lines_are_wrong_the_answer_fits_a_message(number: int) -> None:
    problems = [f"`patterns` · Line {line}: a reason has at most 200 characters." for line in range(number)]
    answer = describe(RulesRefused(RulesUnclear(problems), 7))
    view = shown(answer)
    assert refusals(view) == []
    assert buttons(view) == ["Edit the rules"]
    assert ("more." in answer.text) is (number > 15)


def test_the_modal_takes_the_longest_lists() -> None:
    body = SHEET.modal(0, {"words": "w" * 4_000, "patterns": "p" * 4_000}).to_dict()
    assert len(body["components"]) == 2


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_words_for_the_largest_request_fit_a_message_and_ping_nobody(language: str) -> None:
    shots = tuple(Shot(prompt=(HOSTILE * 20)[:512], duration_s=10) for _ in range(6))
    job = make_job(
        origin=builders.origin(
            user_id=2**63 - 1,
            channel_id=2**63 - 1,
            card_id=2**63 - 1,
            language=language,
            lineage=Lineage(2**63 - 1, Relation.FINAL),
        ),
        request=builders.request(
            prompt="", shots=shots, duration_s=60, negative_prompt="n" * 2_500, sound=True
        ),
        model="m/" + "x" * 98,
        provider="p" * 40,
        credits=10**9,
    )
    rule = Rule("`" * 4_000)
    for told in (job, RefusedRequest(1, 2, 3, HOSTILE * 200, rule, language)):
        words = request_words(told)
        assert len(words) <= MOST
        assert words.count("```") == 2
        assert "\u202e" not in words


def test_the_words_are_in_the_servers_language_whatever_is_spoken() -> None:
    request = RefusedRequest(1, 2, 3, "blood", Rule("blood"), "de")
    with speaking("en"):
        assert request_words(request) == request_words(request)
        assert "Nothing was charged." not in request_words(request)
