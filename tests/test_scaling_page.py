"""`docs/scaling.md`: its tables are what the measured figures come to."""

import copy
import json
from typing import Any

import pytest

from docs import needs
from docs.needs import Need
from docs.scaling import BEGIN, FIGURES, PAGE, page


@pytest.fixture
def figures() -> dict[str, Any]:
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def test_the_page_is_up_to_date(figures: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, figures) == text, "run `make docs`"


def test_a_page_without_its_comments_is_refused(figures: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8").replace(BEGIN.format("lock"), "")
    with pytest.raises(ValueError, match="'lock'"):
        page(text, figures)


def test_twice_the_processor_time_takes_twice_the_cores(figures: dict[str, Any]) -> None:
    need, dearer = Need(figures), Need(copy.deepcopy(figures))
    dearer.pace["worker_ms"] *= 2
    assert dearer.cores(dearer.pace["worker_ms"]) == pytest.approx(2 * need.cores(need.pace["worker_ms"]))


def test_what_a_worker_takes_while_idle_is_counted_for_each_of_them(figures: dict[str, Any]) -> None:
    need, restless = Need(figures), Need(copy.deepcopy(figures))
    (_, workers), idle_ms = need.processes, need.idle["worker_ms"]
    at_rest = need.cores(need.pace["worker_ms"])
    assert need.cores(need.pace["worker_ms"], idle_ms, workers) == pytest.approx(
        at_rest + workers * idle_ms / 1000 / needs.FULL
    )
    restless.idle["worker_ms"] = needs.FULL * 1000 / 2
    assert restless.processes[1] - 1 >= 2 * at_rest


def test_requests_beyond_the_limit_are_told(figures: dict[str, Any]) -> None:
    need = Need(figures)
    rows = {what: comes_to for what, _, comes_to in needs.discord(need)}
    mean, peak = (round(need.pace["counted"] * rate) for rate in (need.mean, need.peak))
    assert rows["requests a second, as it is"] == f"**{mean}**; **{peak}**"
