"""The dashboard and the alerts name metrics that there are, with labels that they have."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.scenes import PICTURE, Bot, Scene

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "kinora.json").read_text(encoding="utf-8"))
ALERTS = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Prometheus, is not installed")

NAME = re.compile(r"\b(?:kinora|process)_[a-z_]+")
LABEL = re.compile(r'(kinora_[a-z_]+)\{([a-z_]+)(?:!?=)"([a-z_]+)"\}')


def expressions() -> list[str]:
    drawn = [target["expr"] for panel in PANELS for target in panel["targets"]]
    return [*drawn, *re.findall(r"expr: (.+)", ALERTS)]


def test_the_dashboard_can_be_provisioned() -> None:
    assert {"title", "uid", "panels", "schemaVersion", "templating"} <= DASHBOARD.keys()
    assert "id" not in DASHBOARD  # which an import would take for another one's
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in DASHBOARD["panels"]):
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("alert", re.split(r"\n      - ", ALERTS)[1:])
def test_every_alert_says_what_to_do(alert: str) -> None:
    assert re.search(r"summary: .{20,}", alert)
    assert re.search(r"todo: .{30,}", alert)
    assert re.search(r"severity: (warning|critical)", alert)


def promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    ended = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_alerts_are_raised_when_they_should_and_not_before() -> None:
    promtool("test", "rules", Path(__file__).parents[1] / "alerts.yml")


@needs_promtool
def test_prometheus_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = [expression.replace("$__rate_interval", "5m") for expression in expressions()]
    rules = [{"record": f"drawn:{number}", "expr": expr} for number, expr in enumerate(asked)]
    target = tmp_path / "rules.json"  # which is YAML, too
    target.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", target)


async def test_every_metric_that_is_asked_for_is_told(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="It drifts", duration=5)
    await scene.clip_of(await used.response())
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.app.port}/metrics") as _,
        session.get(f"http://127.0.0.1:{bot.app.port}/metrics") as reply,
    ):
        families = list(text_string_to_metric_families(await reply.text()))
    told = {sample.name: sample for family in families for sample in family.samples}
    for expression in expressions():
        for name in NAME.findall(expression):
            assert name in told, expression
        for name, label, _ in LABEL.findall(expression):
            assert label in told[name].labels, expression
        for labels in re.findall(r"by \(([^)]+)\)", expression):
            [name, *_] = NAME.findall(expression)
            assert set(labels.replace(" ", "").split(",")) <= told[name].labels.keys(), expression
    drawn = {name for expression in expressions() for name in NAME.findall(expression)}
    plain = {name.removesuffix("_bucket") for name in drawn}
    untold = {family.name for family in families if family.name.startswith("kinora")} - {
        name.removesuffix("_total") for name in plain
    }
    assert untold <= {"kinora_build_info", "kinora_blobs_unneeded"}  # what nobody needs to look at
