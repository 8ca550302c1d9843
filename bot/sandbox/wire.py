"""JSON and times as they travel."""

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]


def dumps(value: object) -> str:
    """JSON without superfluous spaces."""
    return json.dumps(value, separators=(",", ":"))


def iso(at_s: float) -> str:
    """A moment as Discord writes it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def as_object(value: object) -> Json:
    """The value when it is a JSON object, otherwise an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Json]:
    """The objects in the value when it is a JSON array, otherwise none."""
    if not isinstance(value, list):
        return []
    return [cast("Json", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]
