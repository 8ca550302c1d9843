"""The count of cases is what was tried, whoever tried it."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
from hypothesis import strategies as st
from tests.fuzzed import fuzzed, tried

@fuzzed("numbers", examples=30, number=st.integers())
def test_a_number(number, tmp_path):
    assert number == number

@fuzzed("numbers", examples=20, number=st.integers())
async def test_a_number_later(number):
    assert number == number

def test_a_handful():
    tried("handfuls", 7)
"""


def test_every_case_is_counted_once_whichever_process_tried_it(pytester: pytest.Pytester) -> None:
    root = Path(__file__).parents[1]
    pytester.makepyfile(SUITE)
    pytester.makeconftest(
        "from tests.fuzzed import FuzzCount\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(FuzzCount())\n"
    )
    pytester.makeini(f"[pytest]\npythonpath = {root}\nasyncio_mode = auto\n")
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:randomly")
    result.assert_outcomes(passed=3)
    result.stdout.re_match_lines([" +7  handfuls", " +50  numbers", " +57  cases tried in all"])
