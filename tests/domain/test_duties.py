"""Which part of the gateway a process has, as an operator writes it."""

import pytest

from bot.domain.duties import NoSuchShards, Shards


@pytest.mark.parametrize(
    ("text", "shards"),
    [
        ("0-3/16", Shards((0, 1, 2, 3), 16)),
        ("15/16", Shards((15,), 16)),
        (" 0/1 ", Shards((0,), 1)),
        ("2-2/3", Shards((2,), 3)),
    ],
)
def test_a_range_of_shards_is_read_and_written(text: str, shards: Shards) -> None:
    assert Shards.parse(text) == shards
    assert Shards.parse(str(shards)) == shards


@pytest.mark.parametrize(
    "text", ["", "3", "0-16/16", "16/16", "3-1/4", "-1/4", "0/0", "0-3", "a/b", "\u0663/\u0664", "1/4/8"]
)
def test_what_is_no_range_of_shards_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(NoSuchShards, match=r"Write it like 0-3/16"):
        Shards.parse(text)


def test_a_server_belongs_to_one_shard() -> None:
    every = [Shards((number,), 4) for number in range(4)]
    for guild_id in (1001 << 22, 1002 << 22 | 5, 81384788765712384):
        assert [shards.hold(guild_id) for shards in every].count(True) == 1
    assert Shards((1,), 4).hold(1001 << 22)
    assert Shards.all_of(4).are_all
