"""Programs outside Python that a few tests run; where one is not installed, they are skipped with the reason."""

import shutil

import pytest


def require(*programs: str) -> None:
    """Skip the test that asks on a machine that lacks one of these."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
