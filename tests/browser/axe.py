"""What axe-core, the usual checker of accessibility, finds on a page."""

from functools import cache
from importlib import resources
from typing import Any

from playwright.async_api import Page

_RUN = "async tags => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations"
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_SOUND = {
    ("scrollable-region-focusable", ".suggestions"): "it is moved through from the field that it belongs to",
    ("color-contrast", ".lightbox-bar *"): "its ground is the dialog's backdrop, which axe does not see",
    ("region", '[popover][role="menu"]'): "a menu is of no part of the page",
}
"""What axe takes for a fault and is none: the rule, what it is of, and why."""


async def findings(page: Page) -> list[str]:
    """A line for each finding that is more than minor: the rule, what it asks for, and where."""
    await page.evaluate(_source())  # not as a script of the page: its policy forbids that
    violations: list[dict[str, Any]] = await page.evaluate(_RUN, list(_TAGS))
    return [
        f"{found['id']}: {found['help']}: {node['target']} {node['failureSummary']}"
        for found in violations
        if found["impact"] != "minor"
        for node in found["nodes"]
        if not await _is_sound(page, found["id"], node["target"])
    ]


async def _is_sound(page: Page, rule: str, target: list[str]) -> bool:
    of = [selector for known, selector in _SOUND if known == rule]
    return bool(of) and await page.locator(target[-1]).evaluate("(it, of) => it.matches(of)", ", ".join(of))


@cache
def _source() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
