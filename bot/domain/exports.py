"""What a member takes along, parted into files of a bounded size."""

from collections.abc import Sequence
from dataclasses import dataclass

_HEADERS_BYTES = 256
"""A zip says of each file twice what it is, in 46 bytes and its name at most, and then some."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that goes into a zip as it is."""

    name: str
    """In the zip."""
    blob: str
    """SHA-256 of its bytes in the blob store."""
    size_bytes: int
    at_ms: int

    @property
    def room_bytes(self) -> int:
        """How much it takes in a zip, at most."""
        return self.size_bytes + 2 * len(self.name.encode()) + _HEADERS_BYTES


@dataclass(frozen=True, slots=True)
class Plan:
    """Which files go into which zip, and which into none."""

    parts: tuple[tuple[Entry, ...], ...]
    """At least one, which may be empty."""
    left_out: tuple[Entry, ...]
    """Too large for any, or too many."""


def planned(entries: Sequence[Entry], *, part_bytes: int, taken_bytes: int, most: int) -> Plan:
    """Fill zips one after the other, in order; a file that does not fit the present one begins the next.

    Args:
        entries: What is to be packed, the most important first.
        part_bytes: How large a zip may be.
        taken_bytes: What else goes into each.
        most: How many there may be.
    """
    room_bytes = part_bytes - taken_bytes
    parts: list[list[Entry]] = [[]]
    left_out: list[Entry] = []
    free_bytes = room_bytes
    for entry in entries:
        if entry.room_bytes > room_bytes:
            left_out.append(entry)
            continue
        if entry.room_bytes > free_bytes:
            if len(parts) == most:
                left_out.append(entry)
                continue
            parts.append([])
            free_bytes = room_bytes
        parts[-1].append(entry)
        free_bytes -= entry.room_bytes
    return Plan(tuple(map(tuple, parts)), tuple(left_out))
