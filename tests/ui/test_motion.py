from typing import Any

import pytest

from bot.domain.requests import Point
from bot.ui.motion import MAX_PATH_POINTS, MotionUnclear, Painting, painting, path_of

STILL: Any = object()
MASK: Any = object()
OTHER: Any = object()


def points(*pairs: tuple[int, int]) -> tuple[Point, ...]:
    return tuple(Point(x=x, y=y) for x, y in pairs)


@pytest.mark.parametrize(
    "text",
    [
        "120,340 200,300",
        "120,340; 200,300",
        "120,340;200,300;",
        "120,340\n200,300\n",
        " 120 , 340   200, 300 ",
        "120,340\t200,300",
        "0120,340 ;\n; 200,300",
    ],
)
def test_a_path_is_points_apart_by_spaces_semicolons_or_lines(text: str) -> None:
    assert path_of("path1", text) == points((120, 340), (200, 300))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "path2 is empty: write points as x,y"),
        (" ; \n", "path2 is empty"),
        ("12;30", "path2 cannot be read from `12;30` on"),
        ("1,2 3", "from `3` on"),
        ("1,2 3,", "from `3,` on"),
        ("1,2 -3,4", "from `-3,4` on"),
        ("1,2,3,4", "from `1,2,3,4` on"),
        ("1,2 3.5,4", "from `3.5,4` on"),
        ("(1,2) (3,4)", "from `(1,2) (3,4)` on"),
        ("1,2 123456,4", "from `123456,4` on"),
        ("\u0661,\u0662", "cannot be read"),
        ("right then up", "such as `120,340 200,300`"),
        ("`<@1>` " * 50, "…` on"),
    ],
)
def test_a_path_that_cannot_be_read_is_refused_with_where_and_how(text: str, said: str) -> None:
    with pytest.raises(MotionUnclear) as refusal:
        path_of("path2", text)
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).count("`") % 2 == 0


def test_a_path_has_so_many_points_and_no_more() -> None:
    assert len(path_of("path1", "1,2 " * MAX_PATH_POINTS)) == MAX_PATH_POINTS
    with pytest.raises(MotionUnclear, match="path1 has 78 points and 77 are the most"):
        path_of("path1", "1,2 " * (MAX_PATH_POINTS + 1))


def test_masks_go_with_the_paths_of_their_numbers() -> None:
    painted = painting(STILL, {1: MASK, 4: OTHER}, {4: "5,6", 1: "1,2 3,4"})
    assert painted == Painting(STILL, ((MASK, points((1, 2), (3, 4))), (OTHER, points((5, 6)))))
    assert painted.masks == (STILL, MASK, OTHER)


def test_what_stands_still_may_be_all() -> None:
    assert painting(STILL, {}, {}).masks == (STILL,)


@pytest.mark.parametrize(
    ("masks", "paths", "said"),
    [
        ({2: MASK}, {}, "mask2 has no path2: say where it moves, or give it as still_mask."),
        ({}, {3: "1,2"}, "path3 has no mask3: attach a mask"),
        ({1: MASK, 2: MASK}, {1: "1,2", 3: "1,2"}, "mask2 has no path2"),
        ({}, {}, "Attach a mask"),
    ],
)
def test_a_mask_without_a_path_and_a_path_without_a_mask_are_refused(
    masks: dict[int, Any], paths: dict[int, str], said: str
) -> None:
    with pytest.raises(MotionUnclear, match=said):
        painting(None, masks, paths)
