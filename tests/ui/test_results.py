from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import Lineage, Relation
from bot.sandbox.rules import violations
from bot.ui.results import length_words, result_text, result_view
from tests import builders
from tests.discord_payloads import MESSAGES
from tests.ui.conftest import make_job

LONGEST = "@everyone `<@1>` x" * 138


def labels(**known: Any) -> list[list[str]]:
    """The buttons below a clip, row by row."""
    rows: Any = result_view(make_job(**known)).to_components()
    return [[button["label"] for button in row["components"]] for row in rows]


def test_buttons_stand_in_two_rows_and_only_a_draft_has_a_final() -> None:
    assert labels() == [["Again", "Edit", "Extend", "Original"], ["Delete", "Report"]]
    assert labels(request=builders.request(draft=True)) == [
        ["Again", "Edit", "Extend", "Final", "Original"],
        ["Delete", "Report"],
    ]


def test_a_clip_that_was_deleted_has_no_buttons() -> None:
    assert labels(withdrawn_at_ms=1, withdrawn_by=2) == []


def test_the_message_is_one_that_discord_takes() -> None:
    job = make_job(
        id=10**15,
        request=builders.request(prompt=LONGEST, draft=True),
        origin=builders.origin(user_id=2**63 - 1, lineage=Lineage(10**15, Relation.EXTEND)),
        started_at_ms=0,
        rendered_at_ms=10**9,
    )
    body = {"content": result_text(job), "components": result_view(job).to_components()}
    assert violations("POST", MESSAGES, body, ("kinora-1.mp4",)) == []
    assert len(result_text(job)) <= 2000
    assert len(result_text(replace(job, clip_bytes=61_000_000), posted_bytes=9_900_000)) <= 2000


def test_it_says_that_a_clip_was_made_smaller_and_how_to_have_it_as_it_was() -> None:
    job = make_job(clip_bytes=61_000_000)
    said = "\n-# Made smaller to fit here, from 61 MB to 9.9 MB; *Original* gives it as it was made."
    assert result_text(job, posted_bytes=9_900_000).endswith(said)
    assert "smaller" not in result_text(job, posted_bytes=61_000_000)
    assert "smaller" not in result_text(job)


@given(st.lists(st.text(min_size=1, max_size=512), min_size=1, max_size=6))
def test_shots_stand_above_a_clip_as_harmlessly_as_a_prompt(prompts: list[str]) -> None:
    shots = [{"prompt": prompt, "duration_s": 1} for prompt in prompts]
    said = result_text(make_job(request=builders.request(prompt="", shots=shots, duration_s=len(prompts))))
    assert said.count("```") == 2
    assert len(said) <= 2000


def test_it_says_how_long_it_was_in_the_making_without_its_time_in_line() -> None:
    job = make_job(created_at_ms=0, started_at_ms=60_000, rendered_at_ms=190_900)
    assert " · made in 2 min 10 s · " in result_text(job)
    assert "made in" not in result_text(make_job(started_at_ms=60_000))


@pytest.mark.parametrize(
    ("relation", "words"),
    [
        (Relation.AGAIN, "Once more: job 12"),
        (Relation.EDIT, "Changed from job 12"),
        (Relation.EXTEND, "Extends job 12"),
        (Relation.FINAL, "Final of job 12"),
    ],
)
def test_it_says_what_it_came_out_of(relation: Relation, words: str) -> None:
    job = make_job(origin=builders.origin(lineage=Lineage(12, relation)))
    assert result_text(job).endswith(f"\n-# {words}")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (130, "2 min 10 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (90_000, "25 h"),
    ],
)
def test_a_length_of_time_is_said_in_two_units_at_most(seconds: int, words: str) -> None:
    assert length_words(seconds) == words
