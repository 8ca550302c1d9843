"""What Prometheus is told, as it would read it."""

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.db.errors import DatabaseUnavailable
from bot.domain.metrics import Metric, Spread, Tally, gauge
from bot.web.metrics import MetricRoutes
from tests.web.conftest import PLAIN, Site

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told() -> list[Metric]:
    tally, spread = Tally("kinora_jobs_total", "Jobs.", ("provider",)), Spread("kinora_s", "S.", (1, 5))
    tally.add("kling", by=3)
    for value in (0.5, 2, 7):
        spread.add(value)
    return [tally.read(), spread.read(), gauge("kinora_queue_jobs", 'A "queue".', {("a\\b",): 2}, ("p",))]


async def read() -> list[Metric]:
    return told()


async def unreadable() -> list[Metric]:
    raise DatabaseUnavailable


async def asked(site: Site, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    async with site.client.get(site.url(path), headers=headers) as response:
        return response.status, await response.text()


async def test_all_kinds_are_told_as_prometheus_reads_them(unserved: Site) -> None:
    unserved.metrics = MetricRoutes(read, token=None)
    async with unserved.served():
        status, text = await asked(unserved)
    samples = parsed(text)
    assert status == 200
    assert samples["kinora_jobs_total", frozenset({("provider", "kling")})] == 3
    assert samples["kinora_queue_jobs", frozenset({("p", "a\\b")})] == 2
    bounds = {"1.0": 1, "5.0": 2, "+Inf": 3}
    for bound, count in bounds.items():
        assert samples["kinora_s_bucket", frozenset({("le", bound)})] == count
    assert samples["kinora_s_sum", frozenset()] == 9.5
    assert not math.isnan(samples["process_start_time_seconds", frozenset()])


async def test_whoever_has_not_the_token_is_told_nothing(unserved: Site) -> None:
    unserved.metrics = MetricRoutes(read, token="a-token")
    async with unserved.served():
        for wrong in ({}, {"Authorization": "Bearer a-toke"}, {"Authorization": "a-token"}):
            status, text = await asked(unserved, **wrong)
            assert (status, "kinora" in text) == (401, False)
        status, text = await asked(unserved, Authorization="Bearer a-token")
        assert (status, "kinora_jobs_total" in text) == (200, True)


async def test_without_the_database_there_are_no_metrics_and_the_server_stays(unserved: Site) -> None:
    unserved.metrics = MetricRoutes(unreadable, token=None)
    async with unserved.served():
        assert await asked(unserved) == (503, "The database cannot be read.")
        assert await asked(unserved, "/healthz") == (200, "ok")


@pytest.mark.parametrize(
    "path", [f"/callbacks/kkiai/{PLAIN}", "/callbacks/nobody/a-secret", "/nowhere/a-secret"]
)
async def test_answers_are_counted_and_what_stands_in_paths_is_not_repeated(
    unserved: Site, path: str
) -> None:
    unserved.metrics = MetricRoutes(read, token=None)
    async with unserved.served():
        async with unserved.client.post(unserved.url(path), json={"task_id": "7"}) as response:
            status = str(response.status)
        _, text = await asked(unserved)
    pattern = "/callbacks/{provider}/{secret}" if path.startswith("/callbacks") else "none"
    labels = frozenset({("route", pattern), ("status", status)})
    assert parsed(text)["kinora_web_answers_total", labels] == 1
    assert "a-secret" not in text
    assert PLAIN not in text
