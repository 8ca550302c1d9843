"""`benchmarks/scaling`: what a clip takes is not what processes take anyway, and threads of clips before are nobody's."""

import pytest

from benchmarks.scaling.crowd import Traffic
from benchmarks.scaling.totals import Totals
from bot.sandbox import Request


def of(lasts_s: float, *, worker_s: float, commits: float, edits: float) -> Totals:
    cpu_s = {"gateway": 0.0, "worker": worker_s, "discord": 0.0}
    routes = {"PATCH /channels/{channel_id}": edits} if edits else {}
    return Totals(lasts_s, cpu_s, {"commits": commits}, routes, edits, 0.0)


def test_what_idle_processes_would_have_taken_is_no_clips() -> None:
    idle = of(60.0, worker_s=1.2, commits=300.0, edits=0.0)
    span = of(1_500.0, worker_s=42.0, commits=8_700.0, edits=50.0).since(
        of(1_000.0, worker_s=20.0, commits=4_000.0, edits=10.0)
    )
    each = span.beyond(idle).each(40)
    assert each.cpu_s["worker"] == pytest.approx((22.0 - 10.0) / 40)
    assert each.database["commits"] == pytest.approx((4_700.0 - 2_500.0) / 40)
    assert each.routes == {"PATCH /channels/{channel_id}": 1.0}


def test_bytes_that_stay_are_no_rate_that_could_be_subtracted() -> None:
    idle, span = (
        Totals(lasts_s, {}, {"database_bytes": kept}, {}, 0.0, 0.0)
        for lasts_s, kept in ((60.0, 8_192.0), (600.0, 9e6))
    )
    assert span.beyond(idle).database["database_bytes"] == 9e6


def test_without_an_idle_span_all_of_it_is_the_clips() -> None:
    span = of(10.0, worker_s=4.0, commits=8.0, edits=2.0)
    assert span.beyond(None) == span


def test_a_thread_from_before_is_archived_unheard() -> None:
    traffic = Traffic()

    def hear(method: str, route: str, path: str, body: object = None) -> None:
        traffic.hear(Request(method, route, path, body, (), 200, 0.0))

    opening = "/channels/{channel_id}/messages/{message_id}/threads"
    hear("POST", opening, "/api/v10/channels/1/messages/2/threads")
    traffic.forget()
    hear("POST", opening, "/api/v10/channels/1/messages/3/threads")
    for thread in (2, 3):
        hear("PATCH", "/channels/{channel_id}", f"/api/v10/channels/{thread}", {"archived": True})
    assert traffic.archived == 1
    assert traffic.routes["PATCH /channels/{channel_id}"] == 1
