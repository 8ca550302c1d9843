"""What axe-core, the usual checker of accessibility, finds on a page."""

from functools import cache
from importlib import resources
from typing import Any

from playwright.async_api import Page

_SERIOUS = ("serious", "critical")
_RUN = "async tags => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations"
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


async def serious(page: Page) -> list[str]:
    """A line for each serious finding: the rule, what it asks for, and where."""
    await page.evaluate(_source())  # not as a script of the page: its policy forbids that
    violations: list[dict[str, Any]] = await page.evaluate(_RUN, list(_TAGS))
    return [
        f"{found['id']}: {found['help']}: {node['target']} {node['failureSummary']}"
        for found in violations
        if found["impact"] in _SERIOUS
        for node in found["nodes"]
    ]


@cache
def _source() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
