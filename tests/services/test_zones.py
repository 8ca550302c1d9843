"""Time zones by the names that people know."""

from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from bot.services import zones

NEW_YEAR_MS = 1_767_225_600_000  # 2026-01-01, 00:00 UTC, a Thursday
ALL = [
    name
    for name in resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    if name != "Factory"
]


def test_every_name_of_the_database_is_known_by_itself_and_can_be_loaded() -> None:
    assert len(ALL) > 500
    for name in ALL:
        assert zones.is_known(name)
        assert zones.called(name) == name
        assert ZoneInfo(name).key == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("europe/berlin", "Europe/Berlin"),
        (" Berlin\n", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("NEW_YORK", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("utc", "UTC"),
        ("US/Pacific", "US/Pacific"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("etc/gmt+5", "Etc/GMT+5"),
    ],
)
def test_a_zone_is_meant_by_its_name_or_its_city(typed: str, name: str) -> None:
    assert zones.called(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "Factory",
        "Germany",
        "Europe",
        "+02:00",
        "../../etc/passwd",
        "Europe/Berlin\0",
        "\ud800",
        "x" * 6000,
    ],
)
def test_what_is_no_zone_means_none(typed: str) -> None:
    assert zones.called(typed) is None
    assert not zones.is_known(typed)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("berl", "Europe/Berlin"),
        ("york", "America/New_York"),
        ("germany", "Europe/Berlin"),
        ("new", "America/New_York"),
        ("europe/mad", "Europe/Madrid"),
        ("kath", "Asia/Kathmandu"),
    ],
)
def test_zones_are_found_by_city_region_and_country(typed: str, first: str) -> None:
    assert zones.found(typed)[0].name == first


def test_what_begins_as_typed_comes_before_what_contains_it() -> None:
    names = [zone.name for zone in zones.found("new")]
    assert names.index("America/New_York") < names.index("Pacific/Auckland")


def test_nobody_is_found_by_what_nothing_contains() -> None:
    assert zones.found("nowhere at all") == []


def test_whoever_typed_nothing_finds_nearly_every_time_of_the_day() -> None:
    around = zones.found("")
    assert len(around) <= 25
    assert (
        len({zones.clock(zone.name, NEW_YEAR_MS) for zone in around}) == 22
    )  # London's is that of UTC in winter


def test_the_time_there_is_shown_with_its_day() -> None:
    assert zones.clock("UTC", NEW_YEAR_MS) == "Thu 00:00"
    assert zones.clock("America/New_York", NEW_YEAR_MS) == "Wed 19:00"
    assert zones.clock("Asia/Kathmandu", NEW_YEAR_MS) == "Thu 05:45"


def test_a_zone_that_the_database_has_no_more_has_the_time_of_utc() -> None:
    assert zones.clock("Mars/Olympus", NEW_YEAR_MS) == "Thu 00:00"
