"""Forgetting a member in the database: nothing of theirs is left, and every sum stays what it was."""

import re
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from bot.db import (
    asks,
    audit,
    blobs,
    erasures,
    exports,
    grants,
    guilds,
    jobs,
    lanes,
    limits,
    money,
    offers,
    places,
    privacy,
    reports,
)
from bot.domain.jobs import Job, JobState
from bot.domain.limits import Limit, Measure
from bot.domain.money import Entry, Scope, Window
from bot.domain.requests import Asked, Options, VideoRequest
from tests import books, builders
from tests.histories import NOW_MS, History, Past

MIA, LEO = 123456789012345678, 876543210987654321


@pytest.fixture
def history(anew: Callable[[], History]) -> History:
    made = anew()
    made.add(
        Past(user_id=MIA, price=5),
        Past(user_id=MIA, price=7, end=JobState.FAILED),
        Past(user_id=MIA, price=3, guild_id=2),
        Past(user_id=LEO, price=11),
    )
    return made


def forgotten(history: History, user_id: int = MIA) -> privacy.Forgotten:
    done = history.write(privacy.forget(user_id, now_ms=NOW_MS))
    for job in history.read(privacy.ended(done.user_id, limit=99)):
        history.write(privacy.empty(job, now_ms=NOW_MS))
    return done


def is_sound(history: History) -> bool:
    return history.read(audit.discrepancies()) == 0


def accepted(history: History, *, user_id: int = MIA, provider: str = "kling", **known: Any) -> Job:
    """A job that waits, asked for at this moment."""
    history.write(lanes.open_pool(provider))
    asked = jobs.accept(
        builders.origin(user_id=user_id, **known),
        builders.request(prompt="a secret"),
        builders.choice(9, provider=provider),
        defaults=builders.NO_CAPS,
        now_ms=NOW_MS,
    )
    return history.write(asked).job


def used(history: History, user_id: int, window: Window = Window.DAY) -> int:
    return history.read(books.balance(Scope.MEMBER, window, user_id=user_id, now_ms=NOW_MS)).used


def traces(history: History, wanted: str) -> list[tuple[str, str, Any]]:
    """Wherever a word stands, in whatever table and column."""
    found: list[tuple[str, str, Any]] = []
    for table in history.columns():
        for row in history.rows(f"SELECT * FROM {table}"):
            known = dict(zip(row.keys(), row, strict=True))
            found += [(table, name, known) for name, value in known.items() if wanted in str(value)]
    return found


def test_what_is_kept_is_counted_over_all_servers(history: History) -> None:
    accepted(history)
    held = history.read(privacy.holdings(MIA))
    assert held == privacy.Holdings(servers=2, jobs=4, waiting=1, running=0)
    assert history.read(privacy.holdings(1)) == privacy.Holdings(0, 0, 0, 0)


def test_nothing_is_left_but_what_was_used_and_every_sum_stays(history: History) -> None:
    before = [tuple(row) for row in history.rows("SELECT sum(credits), sum(budget) FROM ledger")]
    forgotten(history)
    assert is_sound(history)
    left = traces(history, str(MIA))
    assert {(table, name) for table, name, _ in left} == {("ledger", "user_id"), ("balances", "subject_id")}
    carried = [row for table, _, row in left if table == "ledger"]
    assert {row["kind"] for row in carried} == {Entry.ADJUST}
    assert {row["job_id"] for row in carried} == {None}
    after = history.rows("SELECT sum(credits), sum(budget) FROM ledger WHERE kind <> 'adjust'")
    assert [tuple(row) for row in after] == before


def test_the_server_has_spent_what_it_spent_and_others_are_not_touched(history: History) -> None:
    server = history.read(books.balance(Scope.SERVER, Window.MONTH, now_ms=NOW_MS))
    forgotten(history)
    assert history.read(books.balance(Scope.SERVER, Window.MONTH, now_ms=NOW_MS)) == server
    assert used(history, LEO) == 11
    [job] = history.read(jobs.of_member(1, LEO, limit=9))
    assert job.request.prompt == "the boat drifts"


def test_forgetting_is_no_way_around_a_cap(history: History) -> None:
    had = [used(history, MIA, window) for window in Window]
    assert had == [5, 5, 5]
    forgotten(history)
    assert [used(history, MIA, window) for window in Window] == had
    forgotten(history)
    assert [used(history, MIA, window) for window in Window] == had
    assert is_sound(history)


def test_use_that_no_cap_counts_any_more_is_not_carried_over(anew: Callable[[], History]) -> None:
    history = anew()
    history.add(Past(user_id=MIA, at_ms=NOW_MS - 40 * 86_400_000))
    forgotten(history)
    assert traces(history, str(MIA)) == []


def lapsed(history: History, *, before_ms: int) -> int:
    lines = history.read(privacy.carried(before_ms=before_ms, limit=99))
    for line in lines:
        history.write(privacy.lapse(line))
    return len(lines)


def test_what_was_carried_over_is_nobodys_once_its_month_is_over(history: History) -> None:
    forgotten(history)
    assert lapsed(history, before_ms=NOW_MS) == 0
    assert lapsed(history, before_ms=NOW_MS + 1) == 6
    assert traces(history, str(MIA)) == []
    assert is_sound(history)
    assert lapsed(history, before_ms=NOW_MS + 1) == 0


def test_what_a_member_used_after_that_stays_theirs(history: History) -> None:
    forgotten(history)
    history.add(Past(user_id=MIA, price=4))
    lapsed(history, before_ms=NOW_MS + 1)
    assert used(history, MIA) == 4
    assert is_sound(history)


def test_what_was_carried_over_and_reset_stays_as_it_was_reset(history: History) -> None:
    forgotten(history)
    reset = money.reset(1, Scope.MEMBER, MIA, zone=UTC, by_id=LEO, reason=None, now_ms=NOW_MS)
    history.write(reset)
    lapsed(history, before_ms=NOW_MS + 1)
    assert used(history, MIA) == 0
    assert is_sound(history)
    assert lapsed(history, before_ms=NOW_MS + 1) == 0


def test_prompts_links_and_files_are_gone_from_the_jobs(history: History) -> None:
    job = history.read(jobs.of_member(1, MIA, limit=1))[0]
    blob = "b" * 64
    request = VideoRequest(prompt="a secret", image=builders.PICTURE)
    history.rows(
        """UPDATE jobs SET request = :request, clip = :clip, result = 'a link', task_id = 'a task', error = 'a secret'
        WHERE id = :id""",
        request=request.model_dump_json(),
        clip=blob,
        id=job.id,
    )
    history.rows("INSERT INTO blob_uses VALUES (:blob, :id)", blob=blob, id=job.id)
    history.rows("INSERT INTO blob_uses VALUES (:blob, :id)", blob=builders.PICTURE.blob, id=job.id)
    done = forgotten(history)
    emptied = history.read(jobs.get(job.id))
    assert emptied.origin.user_id == done.user_id < 0
    assert (emptied.clip, emptied.result, emptied.task_id, emptied.error) == (None, None, None, None)
    assert emptied.request == VideoRequest(prompt="-")
    for word in ("a secret", "boat drifts", "a link", "a task", job.origin.request_key + '"'):
        assert not [row for row in traces(history, word) if row[2].get("user_id") != LEO]
    kept = history.rows("SELECT count(*) AS n FROM blob_uses")[0]["n"]
    let_go = {row["blob"] for row in history.rows("SELECT blob FROM unneeded_blobs")}
    assert kept == 0
    assert let_go == {blob, builders.PICTURE.blob}


def test_pictures_of_requests_that_are_no_jobs_are_let_go_at_once(history: History) -> None:
    names = {MIA: ["a" * 64, "b" * 64, "c" * 64], LEO: ["d" * 64, "e" * 64]}
    for user_id, (picture, mask, *_) in names.items():
        kept = f'{{"image":"{picture}","motion":{{"still":{{"blob":"{mask}"}}}}}}'
        history.write(offers.make(1, user_id, kept, lapses_at_ms=NOW_MS + 1, now_ms=NOW_MS))
    noted = Asked(
        request_key="77",
        guild_id=1,
        channel_id=10,
        parent_id=None,
        user_id=MIA,
        upload_limit=10_000_000,
        options=Options(prompt="a secret"),
        image_url=None,
        end_frame_url=None,
        image=builders.PICTURE.model_copy(update={"blob": names[MIA][2]}),
    )
    history.write(asks.note(noted, now_ms=NOW_MS))
    forgotten(history)
    assert set(history.read(blobs.let_go(before_ms=NOW_MS, limit=9))) == set(names[MIA])


def test_every_message_is_noted_to_be_deleted_and_every_thread_to_be_renamed(history: History) -> None:
    [job] = history.read(jobs.of_member(2, MIA, limit=1))
    history.rows(
        "UPDATE jobs SET thread_id = 71, message_channel_id = 71, message_id = 72 WHERE id = :id", id=job.id
    )
    history.write(erasures.share(job.id, 80, 81))
    forgotten(history)
    noted = {(one.channel_id, one.message_id) for one in history.read(erasures.due(now_ms=NOW_MS, limit=99))}
    assert {(71, 0), (71, 72), (80, 81), (10, job.origin.card_id)} <= noted


def test_emptying_again_changes_nothing(history: History) -> None:
    done = forgotten(history)
    assert history.read(privacy.ended(done.user_id, limit=99)) == []
    assert history.read(privacy.unfinished()) == [done.user_id]
    assert history.write(privacy.is_done(done.user_id))
    assert history.read(privacy.unfinished()) == []


def test_a_job_that_moved_meanwhile_is_not_emptied(history: History) -> None:
    done = history.write(privacy.forget(MIA, now_ms=NOW_MS))
    job = history.read(privacy.ended(done.user_id, limit=1))[0]
    history.write(jobs.move(job, job.state, now_ms=NOW_MS, tries=1))
    with pytest.raises(jobs.Overtaken):
        history.write(privacy.empty(job, now_ms=NOW_MS))


def test_what_waits_is_cancelled_and_costs_nothing(history: History) -> None:
    job = accepted(history)
    done = forgotten(history)
    assert done.stopped == 1
    assert done.running == ()
    assert history.read(jobs.get(job.id)).state is JobState.CANCELLED
    assert history.write(lanes.recount()) == 0
    assert used(history, MIA) == 5
    assert is_sound(history)


@pytest.mark.parametrize("end", [JobState.FAILED, JobState.CANCELLED])
def test_what_runs_is_to_be_stopped_and_is_emptied_when_it_ends(history: History, end: JobState) -> None:
    accepted(history, provider="other")
    running = history.write(jobs.admit("other", slots=9, now_ms=NOW_MS))
    assert running is not None
    done = forgotten(history)
    assert done.running == (running.id,)
    with pytest.raises(jobs.Overtaken):
        history.write(jobs.move(running, JobState.RENDERING, now_ms=NOW_MS))
    job = history.read(jobs.get(running.id))
    assert job.cancel_requested
    assert job.withdrawn_at_ms == NOW_MS
    assert job.request.prompt == "a secret"
    assert not history.write(privacy.is_done(done.user_id))
    history.write(jobs.move(job, end, now_ms=NOW_MS))
    assert is_sound(history)
    [ended] = history.read(privacy.ended(done.user_id, limit=9))
    history.write(privacy.empty(ended, now_ms=NOW_MS))
    assert history.write(privacy.is_done(done.user_id))
    assert is_sound(history)


def test_credits_on_top_go_with_the_member_and_the_books_know_them_still(history: History) -> None:
    history.write(
        grants.give(1, MIA, 50, expires_at_ms=None, by_id=LEO, reason=f"for <@{MIA}>", now_ms=NOW_MS)
    )
    accepted(history, provider="other")
    done = forgotten(history)
    assert is_sound(history)
    [row] = history.rows("SELECT user_id, by_id, reason FROM ledger WHERE kind = 'grant'")
    assert tuple(row) == (done.user_id, LEO, f"for <@{done.user_id}>")
    assert history.read(grants.open_to(1, MIA, now_ms=NOW_MS)) == []


def test_what_moderators_decided_stays(history: History) -> None:
    history.write(guilds.block(1, MIA, until_ms=None, reason="spam"))
    history.write(limits.put(1, Limit(Scope.MEMBER, MIA, Measure.DAY, 3)))
    forgotten(history)
    terms = history.read(guilds.known_terms(1, MIA, now_ms=NOW_MS))
    assert terms is not None
    assert terms.block is not None
    kept = {table for table, _, _ in traces(history, str(MIA))}
    assert kept == {"blocks", "limits", "ledger", "balances"}


def test_what_a_moderator_did_is_the_servers_and_not_theirs_any_more(history: History) -> None:
    history.write(grants.give(1, LEO, 50, expires_at_ms=None, by_id=MIA, reason="well done", now_ms=NOW_MS))
    done = forgotten(history)
    [row] = history.rows("SELECT user_id, by_id, reason FROM ledger WHERE kind = 'grant'")
    assert tuple(row) == (LEO, done.user_id, "well done")


def everywhere(history: History) -> None:
    """MIA in every column that can hold a member."""
    accepted(history)
    [other] = history.read(jobs.of_member(1, LEO, limit=1))
    history.write(guilds.block(1, MIA, until_ms=None, reason=None))
    history.write(limits.put(1, Limit(Scope.MEMBER, MIA, Measure.DAY, 30)))
    history.write(grants.give(1, MIA, 5, expires_at_ms=None, by_id=MIA, reason=None, now_ms=NOW_MS))
    history.write(places.allow_direct(MIA, True))
    history.write(reports.keep(other, MIA, "I do not like it", now_ms=NOW_MS))
    history.write(exports.begin(MIA, now_ms=NOW_MS, not_since_ms=0))
    history.write(exports.keep(MIA, "e" * 64, now_ms=NOW_MS))
    history.write(offers.make(1, MIA, '{"options": {}}', lapses_at_ms=NOW_MS, now_ms=NOW_MS))
    question = '{"origin": {"channel_id": 10, "card_id": 90}}'
    history.write(offers.make(1, MIA, question, lapses_at_ms=NOW_MS, now_ms=NOW_MS, request_key="a question"))
    history.rows("INSERT INTO member_threads VALUES (1, 10, :user_id, 77)", user_id=MIA)
    history.rows("UPDATE jobs SET withdrawn_by = :by_id WHERE id = :id", by_id=MIA, id=other.id)


def columns_for_members(history: History) -> set[str]:
    return {
        f"{table}.{column}"
        for table, columns in history.columns().items()
        for column in columns
        if re.search(r"user_id$|by_id$|_by$|^subject_id$", column)
    }


def test_no_column_that_can_hold_a_member_is_left_out(history: History) -> None:
    everywhere(history)
    before = {f"{table}.{name}" for table, name, _ in traces(history, str(MIA))}
    assert columns_for_members(history) - before == {"forgotten.user_id"}  # where only stand-ins are
    forgotten(history)
    after = {f"{table}.{name}" for table, name, _ in traces(history, str(MIA))}
    assert after == {"blocks.user_id", "limits.subject_id", "ledger.user_id", "balances.subject_id"}
    noted = {(one.channel_id, one.message_id) for one in history.read(erasures.due(now_ms=NOW_MS, limit=99))}
    assert {(77, 0), (10, 90)} <= noted
    let_go = {row["blob"] for row in history.rows("SELECT blob FROM unneeded_blobs")}
    assert "e" * 64 in let_go
    assert is_sound(history)


def test_two_members_get_numbers_of_their_own_which_nobody_ever_had(history: History) -> None:
    first, second = forgotten(history), forgotten(history, LEO)
    assert first.user_id != second.user_id
    assert {first.user_id, second.user_id} < set(range(-9, 0))
    assert is_sound(history)


def test_who_was_never_seen_can_be_forgotten(history: History) -> None:
    done = forgotten(history, 4711)
    assert history.write(privacy.is_done(done.user_id))
    assert is_sound(history)


def test_a_forgotten_member_can_ask_again_and_starts_anew(history: History) -> None:
    forgotten(history)
    job = accepted(history)
    assert history.read(jobs.of_member(1, MIA, limit=9)) == [job]
    assert is_sound(history)


def test_erasures_are_tried_later_or_struck_off(history: History) -> None:
    history.write(erasures.erase(1, 2, now_ms=NOW_MS))
    history.write(erasures.erase(1, 0, now_ms=NOW_MS))
    history.write(erasures.erase(1, 2, now_ms=NOW_MS + 5))
    thread, message = history.read(erasures.due(now_ms=NOW_MS, limit=9))
    assert (thread.message_id, message.message_id) == (0, 2)
    history.write(erasures.postpone(message, run_at_ms=NOW_MS + 60))
    history.write(erasures.erased(thread))
    assert history.read(erasures.due(now_ms=NOW_MS, limit=9)) == []
    assert history.read(erasures.next_ms()) == NOW_MS + 60
    assert history.read(erasures.due(now_ms=NOW_MS + 60, limit=9)) == [message]


def test_a_thread_that_is_being_opened_meanwhile_is_renamed_once_its_job_has_ended(history: History) -> None:
    accepted(history)
    job = history.write(jobs.admit("kling", slots=9, now_ms=NOW_MS))
    assert job is not None
    stand_in = history.write(privacy.forget(MIA, now_ms=NOW_MS)).user_id
    job = history.read(jobs.get(job.id))
    history.write(jobs.move(job, JobState.CANCELLED, now_ms=NOW_MS))
    [job, *_] = [one for one in history.read(privacy.ended(stand_in, limit=99)) if one.id == job.id]
    history.write(privacy.empty(job, now_ms=NOW_MS))
    due = history.read(erasures.due(now_ms=NOW_MS, limit=99))
    assert (job.origin.card_id, 0) in {(one.channel_id, one.message_id) for one in due}


def test_no_running_thread_is_written_down_for_somebody_who_was_forgotten_meanwhile(history: History) -> None:
    origin = accepted(history).origin
    forgotten(history)
    assert history.write(places.member_thread(origin)) == origin.card_id
    assert not [table for table, _, _ in traces(history, str(MIA)) if table == "member_threads"]
