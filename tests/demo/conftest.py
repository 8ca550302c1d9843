"""The demo, on a machine that is busy with other things."""

from tests.e2e.conftest import _patient

__all__ = ["_patient"]
