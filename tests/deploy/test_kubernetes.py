"""The manifests for Kubernetes: valid, of restricted pods, and a shard for every server."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.services.room import PLENTY
from bot.settings import Settings
from tests.deploy.files import DEPLOY, program

FOLDER = DEPLOY / "kubernetes"
MANIFESTS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
Manifest = dict[str, Any]


def every() -> list[Manifest]:
    return [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def kind(name: str) -> list[Manifest]:
    return [one for one in every() if one["kind"] == name]


WORKLOADS = [one for one in every() if "template" in one.get("spec", {})]
by_name = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])


def test_every_manifest_is_valid() -> None:
    command = [program("kubernetes-validate"), "--strict", "-k", "1.32", *MANIFESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_kustomization_names_every_manifest_but_the_secret() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    assert {*kustomization["resources"], "secret.example.yaml"} == {path.name for path in MANIFESTS}
    told = {
        literal.partition("=")[0].lower() for literal in kustomization["configMapGenerator"][0]["literals"]
    }
    assert told <= Settings.model_fields.keys()


@by_name
def test_pods_are_restricted_as_the_namespace_demands(workload: Manifest) -> None:
    [namespace] = kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@by_name
def test_its_files_are_where_the_room_that_is_left_is_seen_and_well_above_what_anybody_is_told_of(
    workload: Manifest,
) -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    told = dict(one.split("=", 1) for one in kustomization["configMapGenerator"][0]["literals"])
    pod = workload["spec"]["template"]["spec"]
    [disk] = [one["emptyDir"] for one in pod["volumes"] if one["name"] == "data"]
    assert disk["medium"] == "Memory"
    assert mebibytes(disk["sizeLimit"]) << 20 >= (PLENTY + 1) * int(told["DISK_RESERVE_MB"]) * 1_000_000
    disks = sum(mebibytes(one["emptyDir"]["sizeLimit"]) for one in pod["volumes"] if "emptyDir" in one)
    assert 2 * disks <= mebibytes(pod["containers"][0]["resources"]["limits"]["memory"])


def mebibytes(size: str) -> int:
    return int(size[:-2]) * {"Mi": 1, "Gi": 1024}[size[-2:]]


@by_name
def test_each_is_selected_by_the_labels_it_has(workload: Manifest) -> None:
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"].get("selector", {}).get("matchLabels", labels) == labels
    budgets = [one["spec"]["selector"]["matchLabels"] for one in kind("PodDisruptionBudget")]
    assert workload["kind"] == "Job" or labels in budgets


def test_services_and_the_policy_find_the_pods_by_labels_that_those_are_given() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    given = {key: value for one in kustomization["labels"] if one.get("includeTemplates") for key, value in one["pairs"].items()}  # fmt: skip
    pods = [given | workload["spec"]["template"]["metadata"]["labels"] for workload in WORKLOADS]

    def found(selector: dict[str, str]) -> list[str]:
        return [pod["app.kubernetes.io/component"] for pod in pods if selector.items() <= pod.items()]

    assert [found(one["spec"]["selector"]) for one in kind("Service")] == [["gateway"], ["gateway"]]
    [policy] = kind("NetworkPolicy")
    assert set(found(policy["spec"]["podSelector"]["matchLabels"])) == {"gateway", "worker", "migrate"}


def test_whatever_selects_pods_finds_some_once_it_is_rendered() -> None:
    done = subprocess.run(
        [program("kubectl"), "kustomize", FOLDER], capture_output=True, text=True, check=True
    )
    rendered = list(yaml.safe_load_all(done.stdout))
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in rendered if "template" in one.get("spec", {})]  # fmt: skip
    assert len(pods) == len(WORKLOADS)
    selectors = {
        f"{one['kind']} {one['metadata']['name']}": chosen.get("matchLabels", chosen)
        for one in rendered
        for name, chosen in one.get("spec", {}).items()
        if name in ("selector", "podSelector")
    }
    assert len(selectors) == 7
    assert [name for name, chosen in selectors.items() if not any(chosen.items() <= pod.items() for pod in pods)] == []  # fmt: skip


@by_name
def test_what_runs_for_long_is_probed_and_left_time_to_leave(workload: Manifest) -> None:
    pod = workload["spec"]["template"]["spec"]
    [container] = pod["containers"]
    if workload["kind"] != "Job":
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert pod["terminationGracePeriodSeconds"] > 10


def test_the_ordinals_of_the_gateways_have_every_shard_once(tmp_path: Path) -> None:
    [gateways] = kind("StatefulSet")
    [container] = gateways["spec"]["template"]["spec"]["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "python").chmod(0o755)
    carried: list[int] = []
    for ordinal in range(gateways["spec"]["replicas"]):
        told = {**environment, "HOSTNAME": f"kinora-gateway-{ordinal}", "PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            [*container["command"], *container["args"]], env=told, capture_output=True, text=True, check=True
        )
        found = re.fullmatch(r"-m bot run --role gateway --shards (\d+)-(\d+)/(\d+)\n", done.stdout)
        assert found is not None
        assert found[3] == environment["SHARDS"]
        carried.extend(range(int(found[1]), int(found[2]) + 1))
    assert carried == list(range(int(environment["SHARDS"])))


def test_the_secret_holds_settings_alone() -> None:
    [secret] = kind("Secret")
    assert secret["stringData"].keys() <= Settings.model_fields.keys()


def test_the_readme_applies_the_migration_and_what_it_needs_before_those_that_run_for_long() -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"apply -k deploy/kubernetes -l 'app.kubernetes.io/component notin \((.+)\)'", readme)
    assert found is not None
    later = {one["metadata"]["labels"]["app.kubernetes.io/component"] for one in WORKLOADS if one["kind"] != "Job"}  # fmt: skip
    assert set(found[1].split(", ")) == later
    held_back = [one["kind"] for one in every() if one["metadata"].get("labels", {}).get("app.kubernetes.io/component") in later]  # fmt: skip
    assert sorted(held_back) == ["Deployment", "StatefulSet"]
