import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.errors import Fit, OddShape, PictureRefused, TooSmall
from bot.media.shape import DEFAULT, Limits, Size, plan

sides = st.integers(min_value=1, max_value=20_000)


@pytest.mark.parametrize(
    ("size", "fit", "shape", "target"),
    [
        (Size(300, 300), Fit.REFUSE, Size(300, 300), Size(300, 300)),
        (Size(750, 300), Fit.REFUSE, Size(750, 300), Size(750, 300)),
        (Size(8192, 6144), Fit.REFUSE, Size(8192, 6144), Size(4096, 3072)),
        (Size(10_000, 4000), Fit.REFUSE, Size(10_000, 4000), Size(4096, 1639)),
        (Size(1000, 300), Fit.PAD, Size(1000, 400), Size(1000, 400)),
        (Size(300, 1000), Fit.PAD, Size(400, 1000), Size(400, 1000)),
        (Size(1000, 300), Fit.CROP, Size(750, 300), Size(750, 300)),
        (Size(300, 1000), Fit.CROP, Size(300, 750), Size(300, 750)),
        (Size(75, 100), Fit.ENLARGE, Size(75, 100), Size(300, 400)),
        (Size(100, 150), Fit.PAD, Size(100, 150), Size(300, 450)),
        (Size(500, 100), Fit.PAD, Size(500, 200), Size(750, 300)),
        (Size(500, 100), Fit.CROP, Size(250, 100), Size(750, 300)),
    ],
)
def test_how_a_picture_becomes_acceptable(size: Size, fit: Fit, shape: Size, target: Size) -> None:
    result = plan(size, fit, DEFAULT)
    assert (result.shape, result.target) == (shape, target)


@pytest.mark.parametrize(
    ("size", "error", "remedies"),
    [
        (Size(299, 400), TooSmall, (Fit.ENLARGE,)),
        (Size(74, 74), TooSmall, ()),
        (Size(1000, 399), OddShape, (Fit.PAD, Fit.CROP)),
        (Size(399, 1000), OddShape, (Fit.PAD, Fit.CROP)),
        (Size(1000, 50), OddShape, (Fit.PAD,)),  # cropped, only 125 by 50 would be left
        (Size(150, 10), OddShape, ()),
    ],
)
def test_a_refusal_names_the_remedies(
    size: Size, error: type[PictureRefused], remedies: tuple[Fit, ...]
) -> None:
    with pytest.raises(error) as refusal:
        plan(size, Fit.REFUSE, DEFAULT)
    assert refusal.value.remedies == remedies
    assert f"{size.width} by {size.height}" in str(refusal.value)


@given(width=sides, height=sides, fit=st.sampled_from(Fit))
def test_every_plan_is_acceptable_and_every_remedy_works(width: int, height: int, fit: Fit) -> None:
    size = Size(width, height)
    try:
        target = plan(size, fit, DEFAULT).target
    except PictureRefused as refusal:
        for remedy in refusal.remedies:
            plan(size, remedy, DEFAULT)
        return
    assert target.short_px >= 300
    assert target.long_px <= 4096
    assert target.long_px <= 2.5 * target.short_px


def test_limits_are_obeyed_as_given() -> None:
    with pytest.raises(TooSmall) as refusal:
        plan(Size(500, 500), Fit.REFUSE, Limits(min_side_px=512))
    assert refusal.value.min_side_px == 512
