"""How permissions are computed, row by row."""

import pytest

from bot.sandbox.permissions import ALL, Overwrite, Permission, in_channel, in_guild

EVERYONE, ROLE, OTHER, USER = 1, 2, 3, 4
VIEW, SEND, FILES = Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES, Permission.ATTACH_FILES


def test_roles_add_up() -> None:
    assert in_guild([VIEW, SEND]) == VIEW | SEND
    assert in_guild([]) == Permission.NONE
    assert in_guild([VIEW, Permission.ADMINISTRATOR]) == ALL


@pytest.mark.parametrize(
    ("overwrites", "left"),
    [
        ([], VIEW | SEND),
        ([Overwrite(EVERYONE, is_role=True, deny=SEND)], VIEW),
        (
            [Overwrite(EVERYONE, is_role=True, deny=SEND), Overwrite(ROLE, is_role=True, allow=SEND)],
            VIEW | SEND,
        ),
        ([Overwrite(ROLE, is_role=True, deny=SEND), Overwrite(OTHER, is_role=True, allow=SEND)], VIEW | SEND),
        ([Overwrite(ROLE, is_role=True, allow=SEND), Overwrite(USER, is_role=False, deny=SEND)], VIEW),
        ([Overwrite(USER, is_role=False, allow=FILES)], VIEW | SEND | FILES),
        ([Overwrite(EVERYONE, is_role=True, deny=VIEW)], Permission.NONE),
        ([Overwrite(99, is_role=True, deny=VIEW)], VIEW | SEND),
    ],
)
def test_overwrites_apply_from_everyone_to_the_member(overwrites: list[Overwrite], left: Permission) -> None:
    by_target = {overwrite.target_id: overwrite for overwrite in overwrites}
    found = in_channel(VIEW | SEND, by_target, everyone_id=EVERYONE, role_ids=[ROLE, OTHER], user_id=USER)
    assert found == left


def test_administrators_are_not_held_back() -> None:
    nothing = {EVERYONE: Overwrite(EVERYONE, is_role=True, deny=ALL)}
    base = Permission.ADMINISTRATOR
    assert in_channel(base, nothing, everyone_id=EVERYONE, role_ids=[], user_id=USER) == ALL
