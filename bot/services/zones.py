"""Time zones by the names that people know: cities, regions and countries, from the IANA database.

https://www.iana.org/time-zones, as the package `tzdata` carries it: the same list on every machine.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from bot.domain.money import zone_of
from bot.language import marked, tr

AROUND_THE_WORLD = (
    "UTC",
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Halifax",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""One for nearly every time of the day: whoever has typed nothing yet finds their own clock."""

_WEEKDAYS = (
    marked("Mon"),
    marked("Tue"),
    marked("Wed"),
    marked("Thu"),
    marked("Fri"),
    marked("Sat"),
    marked("Sun"),
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone that is suggested."""

    name: str
    """As the database calls it: `Europe/Berlin`."""
    country: str

    @property
    def city(self) -> str:
        """What the people there call it."""
        return self.name.rpartition("/")[2].replace("_", " ")


def called(typed: str) -> str | None:
    """The name in the database that is meant: written in any case, or its city alone; None if it is not one name."""
    meant = _plain(typed)
    for names in (_names(), _cities()):
        if meant in names:
            return names[meant]
    return None


def found(typed: str) -> list[Zone]:
    """Zones whose city, region or country contains what was typed, those whose city begins so first."""
    meant = _plain(typed)
    if not meant:
        return [_offered()[name] for name in AROUND_THE_WORLD]
    matching = [zone for zone in _offered().values() if meant in _plain(f"{zone.name} {zone.country}")]
    return sorted(matching, key=lambda zone: not _plain(zone.city).startswith(meant))


def is_known(name: str) -> bool:
    """Whether the database has a zone of exactly this name."""
    return _names().get(_plain(name)) == name


def clock(name: str, now_ms: int) -> str:
    """The day of the week and the time there: `Sat 15:09`."""
    moment = datetime.fromtimestamp(now_ms / 1000, zone_of(name))
    return f"{tr(_WEEKDAYS[moment.weekday()])} {moment:%H:%M}"


@cache
def _names() -> dict[str, str]:
    names = _lines("zones")
    return {_plain(name): name for name in names if name != "Factory"}  # which is no place


@cache
def _cities() -> dict[str, str]:
    return {_plain(zone.city): zone.name for zone in reversed(_offered().values())}


@cache
def _offered() -> dict[str, Zone]:
    """Those that a country uses today, without the old names they also have."""
    countries = dict(line.split("\t", 1) for line in _lines("zoneinfo", "iso3166.tab"))
    rows = [line.split("\t") for line in _lines("zoneinfo", "zone.tab")]
    zones = [Zone("UTC", marked("everywhere")), *(Zone(row[2], countries[row[0]]) for row in rows)]
    return {zone.name: zone for zone in zones}


def _lines(*path: str) -> Iterable[str]:
    text = resources.files("tzdata").joinpath(*path).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _plain(text: str) -> str:
    """Without case, accents and the punctuation of names."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(bare.casefold().replace("_", " ").replace("/", " ").split())
