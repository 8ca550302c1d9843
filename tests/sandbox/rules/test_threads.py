from typing import Any

import pytest

from bot.sandbox.rules import violations
from tests.discord_payloads import MESSAGE, THREADS

FROM_MESSAGE = ("POST", f"{MESSAGE}/threads")
STAND_ALONE = ("POST", THREADS)
CHANGED = ("PATCH", "/channels/{channel_id}")
DIRECT = ("POST", "/users/@me/channels")
POST: dict[str, Any] = {"name": "x", "message": {"content": "x"}}

EACH: dict[str, tuple[tuple[str, str], Any, Any, str]] = {
    "no name": (FROM_MESSAGE, {}, {"name": "x"}, "name is missing."),
    "name length": (FROM_MESSAGE, {"name": "x" * 101}, {"name": "x" * 100}, "name must have 1 to 100 characters; it has 101."),
    "blank name": (STAND_ALONE, {"name": "  "}, {"name": " x "}, "name is blank."),
    "archiving": (FROM_MESSAGE, {"name": "x", "auto_archive_duration": 30}, {"name": "x", "auto_archive_duration": 60}, "auto_archive_duration must be one of 60, 1440, 4320, 10080, not 30."),
    "slow mode": (FROM_MESSAGE, {"name": "x", "rate_limit_per_user": 21601}, {"name": "x", "rate_limit_per_user": 21600}, "rate_limit_per_user must be a whole number from 0 to 21600"),
    "type from a message": (FROM_MESSAGE, {"name": "x", "type": 11}, {"name": "x"}, "type is a key that Discord does not know here."),
    "type": (STAND_ALONE, {"name": "x", "type": 0}, {"name": "x", "type": 12}, "type must be one of 10, 11, 12, not 0."),
    "post without a name": (STAND_ALONE, {"message": {"content": "x"}}, POST, "name is missing."),
    "tags": (STAND_ALONE, {**POST, "applied_tags": ["1"] * 6}, {**POST, "applied_tags": ["1"] * 5}, "applied_tags must have 0 to 5 entries; it has 6."),
    "renaming to nothing": (CHANGED, {"name": ""}, {"name": "x", "topic": "cats"}, "name must have 1 to 100"),
    "archived": (CHANGED, {"archived": 1}, {"archived": True, "locked": True}, "archived must be true or false."),
    "nobody to write to": (DIRECT, {}, {"recipient_id": "12"}, "recipient_id is missing."),
    "recipient by name": (DIRECT, {"recipient_id": "mia"}, {"recipient_id": 12}, "recipient_id must be an id, not 'mia'."),
}  # fmt: skip


@pytest.mark.parametrize(("route", "broken", "kept", "reason"), EACH.values(), ids=EACH)
def test_a_thread_that_breaks_a_rule_is_refused(
    route: tuple[str, str], broken: Any, kept: Any, reason: str
) -> None:
    assert reason in " ".join(violations(*route, broken, []))
    assert violations(*route, kept, []) == []


def test_only_a_forum_post_brings_files() -> None:
    assert violations(*STAND_ALONE, POST, ["clip.mp4"]) == []
    assert violations(*STAND_ALONE, {"name": "x"}, ["clip.mp4"]) == [
        "A thread outside a forum is opened without files."
    ]
