"""The units of systemd: understood, tight, and able to carry the bot."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, ROOT, pairs, program
from tests.e2e.scenes import TOKEN, Scene
from tests.patience import PATIENCE_S

UNITS = DEPLOY / "systemd"
MOST_EXPOSED = {"kinora.service": 1.3, "kinora@.service": 1.3, "kinora-backup.service": 0.6}
"""As `systemd-analyze security` counts, from 0 to 10."""


def given(unit: str, name: str) -> list[str]:
    """What a unit says of one name, line by line."""
    return re.findall(rf"^{name}=(.*)$", (UNITS / unit).read_text(encoding="utf-8"), re.MULTILINE)


def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for unit in UNITS.glob("kinora*.*"):
        text = unit.read_text(encoding="utf-8").replace("/opt/kinora/app/.venv/bin/python", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("/opt/kinora/app", "/tmp"))
    command = [program("systemd-analyze"), "verify", *sorted(tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_a_unit_leaves_little_exposed(unit: str) -> None:
    command = [program("systemd-analyze"), "security", "--offline=yes", "--no-pager", UNITS / unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED[unit]


def test_every_service_is_stopped_later_than_it_leaves() -> None:
    for unit in ("kinora.service", "kinora@.service"):
        assert float(given(unit, "TimeoutStopSec")[0]) > 10


@pytest.mark.parametrize("unit", ["kinora.service", "kinora@.service"])
def test_a_bot_whose_database_is_away_is_started_for_as_long_as_that_takes(unit: str) -> None:
    assert given(unit, "StartLimitIntervalSec") == ["0"]
    assert given(unit, "Restart") == ["on-failure"]
    assert given(unit, "RestartPreventExitStatus") == ["2"]


def test_the_processes_of_a_cluster_run_as_the_single_one_does() -> None:
    differ = (
        "Description",
        "After",
        "PartOf",
        "ExecStart",
        "Environment",
        "EnvironmentFile",
        "LoadCredential",
    )
    differ = (*differ, "StateDirectory", "WantedBy")

    def alike(unit: str) -> list[str]:
        lines = (UNITS / unit).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if not line.startswith(("#", *(f"{name}=" for name in differ)))]

    assert alike("kinora.service") == alike("kinora@.service")


async def test_its_command_reports_that_it_is_ready_and_ends_well(scene: Scene, tmp_path: Path) -> None:
    secrets, state = tmp_path / "credentials", tmp_path / "state"
    secrets.mkdir()
    state.mkdir()
    [credential] = given("kinora.service", "LoadCredential")
    (secrets / credential.partition(":")[0]).write_text(TOKEN)
    [start] = given("kinora.service", "ExecStart")
    [environment] = given("kinora.service", "Environment")
    told = pairs(environment.replace("/var/lib/kinora", str(state)))
    told |= {"DISCORD_API_URL": scene.sandbox.api_url, "DISCORD_GATEWAY_URL": scene.sandbox.gateway_url}
    told |= {"CREDENTIALS_DIRECTORY": str(secrets), "WEB_PORT": "0", "PATH": os.environ["PATH"]}
    told["PYTHONPATH"] = str(ROOT)
    told["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    command = start.replace("/opt/kinora/app/.venv/bin/python", sys.executable).split()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(told["NOTIFY_SOCKET"])
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=told, stderr=PIPE)
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert await loop.sock_recv(manager, 64) == b"READY=1"
            await scene.application.ready(timeout_s=PATIENCE_S)
        finally:
            process.terminate()
            _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert await loop.sock_recv(manager, 64) == b"STOPPING=1"
    assert (state / "kinora.db").exists()


RECORDED = """#!/bin/sh
printf '%s\\n' "$@" > "$CALL"
exit 3
"""


def test_a_command_runs_as_the_service_does_with_every_secret(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("discord_token", "kling_api_key"):
        (secrets / name).touch()
    script = (UNITS / "kinora").read_text(encoding="utf-8")
    (tmp_path / "kinora").write_text(script.replace("/etc/kinora/secrets", str(secrets)))
    (tmp_path / "systemd-run").write_text(RECORDED)
    (tmp_path / "systemd-run").chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALL": str(tmp_path / "call")}
    done = subprocess.run(["sh", tmp_path / "kinora", "forget", "--member", "7 8"], env=told, check=False)
    assert done.returncode == 3
    words = (tmp_path / "call").read_text().splitlines()
    [start] = given("kinora.service", "ExecStart")
    assert words[-6:] == [*start.removesuffix(" run").split(), "forget", "--member", "7 8"]
    properties = [one.removeprefix("--property=") for one in words if one.startswith("--property=")]
    loaded = [one for one in properties if one.startswith("LoadCredential=")]
    assert sorted(loaded) == [f"LoadCredential={path.name}:{path}" for path in sorted(secrets.iterdir())]
    assert f"EnvironmentFile={given('kinora.service', 'EnvironmentFile')[0]}" in properties
    assert f"EnvironmentFile=-{given('kinora@.service', 'EnvironmentFile')[0]}" in properties
    for unit, option in (("User", "uid"), ("Group", "gid"), ("WorkingDirectory", "working-directory")):
        assert f"--{option}={given('kinora.service', unit)[0]}" in words
    for name in ("StateDirectory", "StateDirectoryMode"):
        assert f"{name}={given('kinora.service', name)[0]}" in properties
