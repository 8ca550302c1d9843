"""The compose files: what Compose makes of them, and what must hold of each service."""

import json
import os
import pty
import re
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.services.room import PLENTY
from bot.settings import Settings
from tests.deploy.files import DEPLOY, ROOT, program

FILES = ("compose.yaml", "compose.cluster.yaml")
Service = dict[str, Any]


def services(name: str) -> dict[str, Service]:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))["services"]


def of_kinora(name: str) -> dict[str, Service]:
    return {key: one for key, one in services(name).items() if "kinora" in one["image"]}


@pytest.mark.parametrize("name", FILES)
def test_compose_understands_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / ".env").write_bytes((ROOT / ".env.example").read_bytes())
    (tmp_path / "deploy" / name).write_bytes((DEPLOY / name).read_bytes())
    command = [program("docker-compose"), "-f", tmp_path / "deploy" / name, "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_no_service_of_the_bot_has_rights_it_does_not_need(name: str) -> None:
    for service in of_kinora(name).values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service  # the image's own has no rights


@pytest.mark.parametrize("name", FILES)
def test_what_runs_for_long_is_bounded_and_started_again(name: str) -> None:
    for key, service in services(name).items():
        if key not in ("backup", "migrate", "bucket-made"):
            assert service["restart"] == "unless-stopped", key
            assert service["mem_limit"], key
            assert service["logging"]["options"]["max-size"], key


@pytest.mark.parametrize("name", FILES)
def test_nothing_listens_but_on_this_machine(name: str) -> None:
    for service in services(name).values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", FILES)
def test_images_of_others_are_of_one_version(name: str) -> None:
    others = [one["image"] for one in services(name).values() if "kinora" not in one["image"]]
    assert all(re.search(r":v?\d[\w.-]+$", image) for image in others)


@pytest.mark.parametrize("name", FILES)
def test_a_small_disk_for_files_is_well_above_what_anybody_is_told_of(name: str) -> None:
    for key, service in of_kinora(name).items():
        told = {"DISK_RESERVE_MB": Settings.model_fields["disk_reserve_mb"].default} | service["environment"]
        for size, unit in re.findall(rf"{told['DATA_DIR']}:size=(\d+)([mg])", " ".join(service["tmpfs"])):
            assert (
                int(size) << {"m": 20, "g": 30}[unit]
                >= (PLENTY + 1) * int(told["DISK_RESERVE_MB"]) * 1_000_000
            ), key


@pytest.mark.parametrize(("status", "left"), [(0, {"kept", "new"}), (1, {"kept", "old"})])
def test_old_backups_go_once_there_is_a_new_one(tmp_path: Path, status: int, left: set[str]) -> None:
    (tmp_path / "python").write_text(f'#!/bin/sh\n[ {status} = 0 ] && touch "$5" || exit {status}\n')
    (tmp_path / "python").chmod(0o755)
    backups = tmp_path / "backups"
    backups.mkdir()
    for name, days in (("kept", 13), ("old", 16)):
        (backups / f"kinora-{name}.tar").touch()
        at = time.time() - days * 86_400
        os.utime(backups / f"kinora-{name}.tar", (at, at))
    *shell, script = services("compose.yaml")["backup"]["entrypoint"]
    script = script.replace("$$", "$").replace("/backups", str(backups))
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run([*shell, script], env=told, check=False).returncode == status
    found = {path.stem.removeprefix("kinora-") for path in backups.iterdir()}
    assert {"new" if name.endswith("Z") else name for name in found} == left


def test_the_gateways_have_every_shard_once() -> None:
    found = [re.search(r"(\d+)-(\d+)/(\d+)", " ".join(one["command"])) for one in of_kinora("compose.cluster.yaml").values()]  # fmt: skip
    ranges = [tuple(map(int, one.groups())) for one in found if one]
    [count] = {count for *_, count in ranges}
    assert sorted(n for first, last, _ in ranges for n in range(first, last + 1)) == list(range(count))


def test_grafana_is_given_the_board_and_the_data_source_that_the_board_asks_for() -> None:
    here = services("compose.cluster.yaml")
    mounts = [one.removesuffix(":ro").split(":") for one in here["grafana"]["volumes"] if one.endswith(":ro")]
    lies = {inside: (DEPLOY / outside).resolve() for outside, inside in mounts}
    provisioning = lies["/etc/grafana/provisioning"]

    def provisioned(kind: str) -> list[dict[str, Any]]:
        return [
            one
            for path in (provisioning / kind).glob("*.yaml")
            for one in yaml.safe_load(path.read_text(encoding="utf-8"))[
                "providers" if kind == "dashboards" else kind
            ]
        ]

    [folder] = [one["options"]["path"] for one in provisioned("dashboards")]
    [board] = [inside for inside in lies if inside.startswith(f"{folder}/")]
    assert here["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == board
    asked = json.loads(lies[board].read_text(encoding="utf-8"))
    [source] = provisioned("datasources")
    assert source["isDefault"]
    [chosen] = [one for one in asked["templating"]["list"] if one["type"] == "datasource"]
    assert chosen["query"] == source["type"]
    used = [panel["datasource"] for panel in asked["panels"] if "datasource" in panel]
    for one in used:
        assert (one["type"], one["uid"]) == (source["type"], f"${{{chosen['name']}}}")
    name, _, port = source["url"].removeprefix("http://").partition(":")
    assert f"127.0.0.1:{port}:{port}" in here[name]["ports"]
    assert set(here[name]["networks"]) & set(here["grafana"]["networks"])


def test_the_script_makes_every_secret_and_keeps_those_there_are(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((DEPLOY / "secrets.sh").read_bytes())

    def run(typed: str) -> dict[str, str]:
        subprocess.run(["sh", script], input=typed, text=True, capture_output=True, check=True)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    made = run("a-token-for-tests\n")
    file = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text(encoding="utf-8"))
    assert {Path(one["file"]).name for one in file["secrets"].values()} == set(made)
    assert made["postgres_password"] in made["database_url"]
    assert yaml.safe_load(made["s3_identities"])["identities"][0]["credentials"][0] == {
        "accessKey": made["aws_access_key_id"],
        "secretKey": made["aws_secret_access_key"],
    }
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert run("") == made


def test_the_script_shows_no_token_on_the_terminal(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((DEPLOY / "secrets.sh").read_bytes())
    terminal, its_end = pty.openpty()
    with subprocess.Popen(["sh", script], stdin=its_end, stdout=its_end, stderr=its_end) as process:
        shown = b""
        while b"Reset Token): " not in shown:
            shown += os.read(terminal, 1024)
        while termios.tcgetattr(its_end)[3] & termios.ECHO:
            os.sched_yield()
        os.write(terminal, b"a-token-for-tests\n")
        while b"whoever reads" not in shown:
            shown += os.read(terminal, 1024)
        assert process.wait() == 0
    assert b"a-token" not in shown
    assert termios.tcgetattr(its_end)[3] & termios.ECHO
    assert (tmp_path / "secrets" / "discord_token").read_text() == "a-token-for-tests"
    os.close(terminal)
    os.close(its_end)


def test_the_script_makes_nothing_without_a_token(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((DEPLOY / "secrets.sh").read_bytes())
    done = subprocess.run(["sh", script], input="\n", text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert not list((tmp_path / "secrets").iterdir())
