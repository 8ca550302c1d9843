"""What a process of an installation does: its role, and which of the gateway's shards are its own."""

import re
from dataclasses import dataclass
from enum import StrEnum

_WRITTEN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?/(\d{1,5})", re.ASCII)
_TIME_SHIFT = 22
"""Above these bits of an id stands when it was made (Discord, Snowflakes)."""


class NoSuchShards(ValueError):
    """A text names no shards."""

    def __init__(self) -> None:
        super().__init__("--shards is not understood. Write it like 0-3/16 (shards 0 to 3 of 16) or 2/16.")


class Role(StrEnum):
    """What a process does of all that there is to do."""

    ALL = "all"
    GATEWAY = "gateway"
    """Connected to Discord's gateway: it takes what people ask for, and carries no job."""
    WORKER = "worker"
    """Carries jobs, and tidies up; speaks to Discord over REST alone."""

    @property
    def connects(self) -> bool:
        """Whether it hears what people do."""
        return self is not Role.WORKER

    @property
    def carries(self) -> bool:
        """Whether it takes the steps of jobs."""
        return self is not Role.GATEWAY


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of the parts that the gateway is split into; each server belongs to one of them."""

    ids: tuple[int, ...]
    count: int
    """How many there are in all."""

    @classmethod
    def parse(cls, text: str) -> "Shards":
        """Read `0-3/16`.

        Raises:
            NoSuchShards: it is not written so, or there are not so many.
        """
        written = _WRITTEN.fullmatch(text.strip())
        if written is None:
            raise NoSuchShards
        first, count = int(written[1]), int(written[3])
        last = first if written[2] is None else int(written[2])
        if not first <= last < count:
            raise NoSuchShards
        return cls(tuple(range(first, last + 1)), count)

    @classmethod
    def all_of(cls, count: int) -> "Shards":
        """Every one of so many."""
        return cls(tuple(range(count)), count)

    @property
    def are_all(self) -> bool:
        """Whether no other process has any."""
        return len(self.ids) == self.count

    def hold(self, guild_id: int) -> bool:
        """Whether a server belongs to one of them."""
        return shard_of(guild_id, self.count) in self.ids

    def __str__(self) -> str:
        """As it is written."""
        first, last = self.ids[0], self.ids[-1]
        return f"{first}/{self.count}" if first == last else f"{first}-{last}/{self.count}"


@dataclass(frozen=True, slots=True)
class Duty:
    """What one process does."""

    role: Role = Role.ALL
    shards: Shards | None = None
    """None is all that Discord asks for."""


def shard_of(guild_id: int, count: int) -> int:
    """The shard that a server belongs to (Discord, Sharding Formula)."""
    return (guild_id >> _TIME_SHIFT) % count
