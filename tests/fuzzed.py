"""Tests that try foreign input by the hundred, and how many cases the whole run has tried.

`@fuzzed` makes such a test; `tried` counts cases that are made in any other way. The run ends with the count, also
where several processes shared it. The profile `long` (`HYPOTHESIS_PROFILE=long make test`) tries fifty times as many;
a case that fails is printed with the line that repeats it.
"""

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

_USUAL_EXAMPLES = 100  # of hypothesis; a profile with more of them has more of everything here

_tried: Counter[str] = Counter()


def tried(what: str, cases: int = 1) -> None:
    """Count cases of `what`, a few words: `bodies of answers`."""
    _tried[what] += cases


def fuzzed(
    what: str, *, examples: int = 200, **values: SearchStrategy[Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with many `values`, by the names of its parameters, and count them as cases of `what`.

    `examples` are tried in the usual profile. Fixtures that a test takes besides are made once for all of them.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        bounds = settings(
            max_examples=examples * settings().max_examples // _USUAL_EXAMPLES,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        return bounds(given(**values)(_counted(what, test)))

    return decorate


def _counted(what: str, test: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(test):

        @wraps(test)
        async def awaited(*args: Any, **kwargs: Any) -> None:
            tried(what)
            await cast("Awaitable[None]", test(*args, **kwargs))

        return awaited

    @wraps(test)
    def called(*args: Any, **kwargs: Any) -> None:
        tried(what)
        test(*args, **kwargs)

    return called


class FuzzCount:
    """A pytest plugin: adds up what this process and its workers have tried, and says so at the end."""

    def __init__(self) -> None:
        self._others: Counter[str] = Counter()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Where this is a worker, hand the count to whoever started it."""
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["fuzzed"] = dict(_tried)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker is done."""
        self._others.update(getattr(node, "workeroutput", {}).get("fuzzed", {}))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many cases there were."""
        counts = _tried + self._others
        if counts:
            terminalreporter.section("foreign input")
            for what, cases in sorted(counts.items()):
                terminalreporter.write_line(f"{cases:>9,}  {what}")
            terminalreporter.write_line(f"{counts.total():>9,}  cases tried in all")
