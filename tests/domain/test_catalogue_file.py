"""Files of rows: how they are read, how one is laid over another, and what is said about a wrong one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import CatalogueInvalid
from bot.domain.models import ModelSpec
from bot.domain.requests import Quality, Task
from bot.domain.rows import joined, overlaid, parse

SHIPPED = """
[defaults.fine]
qualities = ["std", "pro"]
durations_s = [5]
price.unit_credits = 14

[[model]]
provider = "fine"
id = "fine-1"
name = "Fine 1"
tasks = ["text_to_video"]
price.per_clip = { "std/5" = 1, "pro/5" = 2.5 }

[[model]]
provider = "fine"
id = "fine-1"
name = "Fine 1"
tasks = ["image_to_video"]
price.per_clip = { "std/5" = 1, "pro/5" = 2.5 }
"""

OWN = """
[[model]]
provider = "fine"
id = "fine-1"
name = "Finer"
tasks = ["text_to_video"]
qualities = ["std"]
price.per_second = { std = 1 }
"""


def named(rows: list[ModelSpec]) -> list[tuple[str, str]]:
    return [(row.name, "+".join(row.tasks)) for row in rows]


def test_rows_have_what_their_providers_rows_have_in_common_unless_they_say_otherwise() -> None:
    first, second = parse(SHIPPED, source="shipped.toml")
    assert first.qualities == second.qualities == (Quality.STD, Quality.PRO)
    assert first.price.unit_credits == 14
    assert first.price.per_clip == {"std/5": Decimal(1), "pro/5": Decimal("2.5")}
    [changed] = parse(
        "[defaults.fine]\ndurations_s = [5]\n"
        + OWN.replace("per_second", "unit_credits = 2\nprice.per_second"),
        source="own.toml",
    )
    assert (changed.price.unit_credits, changed.price.per_second) == (2, {"std": 1})


def test_the_operators_rows_come_first_and_take_the_place_of_those_they_name() -> None:
    own = parse("[defaults.fine]\ndurations_s = [5]\n" + OWN, source="own.toml")
    both = joined(parse(SHIPPED, source="shipped.toml"), own)
    assert named(both) == [("Finer", "text_to_video"), ("Fine 1", "image_to_video")]


def test_an_operators_row_leans_on_the_shipped_defaults() -> None:
    finer, plain = overlaid(SHIPPED, OWN, source="own.toml")
    assert (finer.name, finer.durations_s, finer.price.unit_credits) == ("Finer", (5,), 14)
    assert (plain.name, plain.tasks) == ("Fine 1", (Task.IMAGE_TO_VIDEO,))


def test_the_operators_defaults_go_for_the_shipped_rows() -> None:
    rows = overlaid(
        SHIPPED, "[defaults.fine]\nprice = { unit_credits = 20, estimated = true }", source="own.toml"
    )
    assert [row.price.unit_credits for row in rows] == [20, 20]
    assert all(row.price.estimated for row in rows)
    assert [row.durations_s for row in rows] == [(5,), (5,)]


def test_an_empty_file_changes_nothing() -> None:
    assert overlaid(SHIPPED, "", source="own.toml") == parse(SHIPPED, source="shipped.toml")


def test_a_provider_that_nobody_knew_can_be_added() -> None:
    own = OWN.replace('"fine"', '"mine"') + "durations_s = [5]"
    assert [row.provider for row in overlaid(SHIPPED, own, source="own.toml")] == [
        "mine",
        "fine",
        "fine",
    ]


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("model = ", "own.toml is not TOML: "),
    "unknown table": ("[[models]]\nid = 1", "own.toml: models is not known there; rows begin with [[model]]."),
    "one table instead of several": ("[model]\nid = 'x'", "own.toml: rows begin with [[model]]"),
    "rows that are numbers": ("model = [1, 2]", "own.toml: rows begin with [[model]]"),
    "defaults that are a number": ("[defaults]\nfine = 3", "own.toml: rows begin with [[model]]"),
    "defaults of nobody": ("[defaults.fin]\nqualities = ['std']", "own.toml: there are defaults for fin, but no row."),
    "a row of nobody": ("[[model]]\nid = 'x'", "own.toml, x: provider: field required."),
    "a row without an id": ("[[model]]\nprovider = 'fine'", "own.toml, a row without an id: id: field required."),
    "a provider that is a list": ("[[model]]\nid = 'x'\nprovider = [1]", "own.toml, x: provider: input should be a valid string."),
    "a price that is a number": (OWN.replace("price.per_second = { std = 1 }", "price = 3"), "own.toml, fine-1: price: "),
    "a default price that is a number": ("[defaults.fine]\nprice = 3", "fine-1: price: "),
    "a unit that is no number": ("[defaults.fine]\nprice.unit_credits = 'much'", "fine-1: price: "),
    "a price that is missing": (OWN.replace('"std"', '"pro"'), "own.toml, fine-1: fine-1: pro has no price for 5 s."),
    "a misspelt price": (OWN.replace("std = 1", '"std+sounds" = 1'), "own.toml, fine-1: std+sounds is not understood; write it like pro or pro+sound."),
    "a misspelt key": (OWN + "quality = 'std'", "own.toml, fine-1: quality: extra inputs are not permitted."),
    "an id that nobody can ask for": (OWN.replace("fine-1", "fine 1"), "own.toml, fine 1: fine 1 is not understood; write it like kling-v3."),
    "the same row twice": (OWN + OWN, "own.toml, fine-1: two rows of fine say the same model."),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_in_a_sentence_that_names_the_file_and_the_row(name: str) -> None:
    text, said = WRONG[name]
    with pytest.raises(CatalogueInvalid) as refusal:
        overlaid(SHIPPED, text, source="own.toml")
    assert said in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


_VALUES = st.sampled_from(
    ["3", "'x'", "[]", "[[]]", "{}", "{ std = 1 }", "true", "['std']", "nan", "1979-05-27", "{ 'std/5' = 1 }"]
)
_KEYS = st.sampled_from(
    [
        "provider",
        "id",
        "name",
        "tasks",
        "qualities",
        "durations_s",
        "price",
        "only",
        "exclusive",
        "wire",
        "path_points",
    ]
)


@given(
    values=st.dictionaries(_KEYS, _VALUES), table=st.sampled_from(["[[model]]", "[defaults.fine]", "[model]"])
)
def test_whatever_stands_in_a_file_it_is_read_or_refused(values: dict[str, str], table: str) -> None:
    text = "\n".join([table, *(f"{key} = {value}" for key, value in values.items())])
    said = ""
    try:
        rows = overlaid(SHIPPED, text, source="own.toml")
    except CatalogueInvalid as refusal:
        rows, said = [], str(refusal)
    assert len(rows) >= 2 or said.endswith(".")
