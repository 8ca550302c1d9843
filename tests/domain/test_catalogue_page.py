"""`docs/models.md`: its tables are what the catalogue says, and its example works."""

import re
from importlib import resources

import pytest

from bot.domain.models import ModelSpec
from bot.domain.rows import overlaid, parse
from docs.models import BEGIN, END, PAGE, page

SHIPPED = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
ROWS = parse(SHIPPED, source="catalogue.toml")
TEXT = PAGE.read_text(encoding="utf-8")


def tables(*specs: ModelSpec) -> str:
    return page(BEGIN + END, specs).removeprefix(BEGIN).removesuffix(END)


def test_the_page_is_what_the_catalogue_says() -> None:
    assert page(TEXT, ROWS) == TEXT, "run `make docs`"


def test_every_model_is_on_the_page_with_every_note_about_it() -> None:
    for spec in ROWS:
        assert f"{spec.name}" in TEXT
        assert f"`{spec.id}`" in TEXT
        for note in (*spec.cautions.values(), *filter(None, [spec.retired])):
            assert re.search(rf"^\d+\. {re.escape(note)}$", TEXT, re.MULTILINE)


def test_what_is_written_by_hand_stays() -> None:
    assert page(f"before\n{BEGIN}old\n{END}after\n", ROWS).startswith(f"before\n{BEGIN}\n## ")
    assert page(f"before\n{BEGIN}old\n{END}after\n", ROWS).endswith(f"{END}after\n")


@pytest.mark.parametrize("broken", ["", BEGIN, END, END + BEGIN])
def test_a_page_without_its_marks_is_not_overwritten(broken: str) -> None:
    with pytest.raises(ValueError, match="has lost the comments"):
        page(broken, ROWS)


def test_a_row_of_the_table_says_all_that_the_row_of_the_catalogue_does() -> None:
    spec = ModelSpec.model_validate(
        {
            "provider": "kling", "id": "kling-v9", "name": "Kling 9", "tasks": ["image_to_video", "text_to_video"],
            "qualities": ["std", "pro"], "durations_s": [5, 6, 7], "aspects": ["16:9", "1:1"],
            "parameters": ["prompt", "end_frame", "sound", "camera", "shots"], "required": ["prompt"],
            "only": {"end_frame": ["pro/5", "std"], "sound": ["pro"]}, "exclusive": [["camera", "sound"]],
            "cautions": {"sound": "It hums.", "prompt": "It may not exist.", "shots": "It hums."}, "retired": "It goes.",
            "price": {"per_second": {"std": 1, "pro": 2, "pro+sound": 3, "pro+sound+voices": 4}, "estimated": True},
        }
    )  # fmt: skip
    assert tables(spec) == (
        "\n## Kling's own API (`kling`)\n\n"
        "| model | from | seconds | aspect | takes | credits for 5 s |\n| --- | --- | --- | --- | --- | --- |\n"
        "| Kling 9<sup>1</sup> `kling-v9` | picture, text | 5 to 7 | 16:9 1:1 "
        "| **needs a prompt**, end frame (pro 5 s, std), sound (pro)<sup>2</sup>, camera moves, several shots<sup>2</sup>; "
        "only one of camera moves / sound<sup>3</sup> | ≈ std 5, pro 10 (sound 15, voices 20) |\n\n"
        "1. It goes.\n2. It hums.\n3. It may not exist.\n\n"
    )


def test_the_example_of_a_file_of_ones_own_works() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    for rows in (parse(example, source="models.toml"), overlaid(SHIPPED, example, source="models.toml")[:2]):
        new, changed = rows
        assert (new.id, new.key in {row.key for row in ROWS}) == ("kling-v4", False)
        assert (changed.provider, changed.key in {row.key for row in ROWS}) == ("kkiai", True)
        assert changed.price.credits(changed.qualities[0], 5, sound=False, voices=False) == 30
    assert len(overlaid(SHIPPED, example, source="models.toml")) == len(ROWS) + 1
