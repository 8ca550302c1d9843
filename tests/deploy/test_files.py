"""What deploy/ says is true of the bot, and each file in it is explained."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from bot import cli
from bot.settings import Settings
from tests.deploy.files import DEPLOY, ROOT, program

README = (DEPLOY / "README.md").read_text(encoding="utf-8")
FILES = [
    path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.relative_to(DEPLOY).parts
]
OWN = {
    "KINORA_IMAGE", "KINORA_PORT", "KINORA_PORT_1", "KINORA_BACKUPS", "KINORA_RUN", "DATABASE_URL_FILE",
}  # fmt: skip
"""Of the files of deploy themselves."""
_SETTING = re.compile(
    r"\b((?:KINORA|DISCORD|KLING|KKIAI|AIMLAPI|ONEMIN|WEB|LOG|DEFAULT|AWS|BLOB|DATABASE|DATA|PUBLIC|METRICS|OWNER|PROVIDERS)(?:_[A-Z]+(?:_\d)?)*)\b(?=[=:`\s])"
)


def test_every_setting_that_is_named_exists() -> None:
    known = {name.upper() for name in Settings.model_fields} | OWN
    for path in FILES:
        if path.suffix != ".json":
            named = {name for name in _SETTING.findall(path.read_text(encoding="utf-8")) if "_" in name}
            assert named <= known, path


def test_every_secret_that_is_handed_over_is_a_setting() -> None:
    cluster = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text(encoding="utf-8"))
    for service in cluster["services"].values():
        if "kinora" in service["image"]:
            assert set(service["secrets"]) <= Settings.model_fields.keys()
    for unit in (DEPLOY / "systemd").glob("*.service"):
        for name in re.findall(r"^LoadCredential=(\w+):", unit.read_text(encoding="utf-8"), re.MULTILINE):
            assert name in Settings.model_fields


def test_the_readme_names_every_file_and_none_that_is_not_there() -> None:
    linked = {Path(DEPLOY, target).resolve() for target in re.findall(r"\]\(([^)#:]+)\)", README)}
    assert all(path.exists() for path in linked)
    for path in FILES:
        assert path.name == "README.md" or {path, path.parent} & linked, path


def test_what_the_readmes_commands_name_is_there() -> None:
    made = ("deploy/secrets", "deploy/backups")  # by those commands
    named = set(re.findall(r"(?<![\w/.])deploy/[\w./@-]*\w", README.replace("exec deploy/kinora-worker", "")))
    assert [path for path in named if not path.startswith(made) and not (ROOT / path).exists()] == []


def test_the_commands_of_the_bot_that_are_named_are_commands() -> None:
    named = {
        name
        for path in FILES
        for name in re.findall(r"python -m bot ([a-z]+)(?=`|$|\s+--|,)", path.read_text(encoding="utf-8"))
    }
    known = {one.name or one.callback.__name__ for one in cli.app.registered_commands if one.callback}
    assert named - known == set()


def test_the_linter_has_nothing_to_say_of_the_dockerfile() -> None:
    done = subprocess.run(
        [program("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_prometheus_understands_how_it_is_set_up(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "token").write_text("a-token-for-metrics")
    (tmp_path / "prometheus.yml").write_text(
        text.replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    )
    (tmp_path / "alerts.yml").write_bytes((DEPLOY / "prometheus" / "alerts.yml").read_bytes())
    command = [program("promtool"), "check", "config", tmp_path / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [path for path in FILES if path.read_bytes()[:9] == b"#!/bin/sh"], ids=lambda path: path.name)  # fmt: skip
def test_a_shell_understands_every_script(path: Path) -> None:
    done = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
