"""Renders the chart and the manifests, and holds them to the schemas of Kubernetes: `make kubernetes`.

No cluster is needed, and none is tried. ``helm`` and ``kubectl`` of the PATH are used besides those of
the dependency group ``kubernetes``, so that several versions are tried.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

DEPLOY = Path(__file__).resolve().parents[1]
CHART = DEPLOY / "helm" / "ticket-sync"
KUSTOMIZE = DEPLOY / "kustomize"
# The oldest that the chart names, and the newest that there is.
VERSIONS = ("1.25", "1.37")
# No schema of Kubernetes knows them.
OF_PROMETHEUS = {"ServiceMonitor", "PrometheusRule"}
Manifests = list[dict[str, Any]]


class Wrong(Exception):
    """Something does not hold, in words."""


def run(*command: str | Path) -> str:
    """The output of a command. Raises Wrong with what the command says."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Wrong(f"{command[0]}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def programs(name: str) -> list[str]:
    """Every program of this name: beside this Python, and on the PATH."""
    beside = Path(sys.executable).parent / name
    found = [str(beside)] if beside.exists() else []
    others = shutil.which(name)
    return list(dict.fromkeys([*found, *([others] if others else [])]))


def manifests(text: str) -> Manifests:
    return [one for one in yaml.safe_load_all(text) if one]


def valid(found: Manifests) -> str:
    """Hold manifests to the schemas. Raises Wrong."""
    for one in found:
        if one["kind"] in OF_PROMETHEUS:
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                name = f"{one['kind']}/{one['metadata']['name']}"
                raise Wrong(f"{name} on {version}: {error}") from None
    return f"{len(found)} manifests on Kubernetes {' and '.join(VERSIONS)}"


def fits(found: Manifests) -> str:
    """Whoever selects pods or services must find them. Raises Wrong."""
    (deployment,) = (one for one in found if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]["matchLabels"]]
    services = [one for one in found if one["kind"] == "Service"]
    selectors += [one["spec"]["selector"] for one in services]
    for one in found:
        if one["kind"] == "PodDisruptionBudget":
            selectors.append(one["spec"].get("selector", {}).get("matchLabels"))
        if one["kind"] == "NetworkPolicy":
            selectors.append(one["spec"]["podSelector"]["matchLabels"])
        if one["kind"] == "ServiceMonitor":
            wanted = one["spec"]["selector"]["matchLabels"].items()
            chosen = [s for s in services if wanted <= s["metadata"]["labels"].items()]
            if [port["name"] for s in chosen for port in s["spec"]["ports"]] != ["admin"]:
                raise Wrong("the ServiceMonitor does not choose the admin service alone")
    for selector in selectors:
        if not selector or not selector.items() <= labels.items():
            raise Wrong(f"{selector} chooses no pod with {labels}")
    ports = {p["name"] for c in pod["spec"]["containers"] for p in c["ports"]}
    for one in services:
        if any(port["targetPort"] not in ports for port in one["spec"]["ports"]):
            raise Wrong(f"the service {one['metadata']['name']} leads to no port of the pod")
    _references(found, pod["spec"])
    return "selectors, ports, volumes and names"


def _references(found: Manifests, pod: dict[str, Any]) -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in found}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        missing = {mount["name"] for mount in container["volumeMounts"]} - volumes.keys()
        if missing:
            raise Wrong(f"no volume for {missing}")
    named = {
        *(("ConfigMap", v["configMap"]["name"]) for v in volumes.values() if "configMap" in v),
        *(
            ("PersistentVolumeClaim", v["persistentVolumeClaim"]["claimName"])
            for v in volumes.values()
            if "persistentVolumeClaim" in v
        ),
        ("ServiceAccount", pod["serviceAccountName"]),
    }
    own = {(kind, name) for kind, name in named if "ticket-sync" in name}
    if own - there:
        raise Wrong(f"named and not there: {own - there}")


def refused(how: Callable[[], object], words: str) -> str:
    """What must be refused with these words. Raises Wrong where it is taken."""
    try:
        how()
    except Wrong as wrong:
        if words in str(wrong):
            return "refused"
        raise
    raise Wrong("it was taken")


def misspelt(found: Manifests) -> Manifests:
    """The manifests with a key of the pod that Kubernetes does not know."""
    changed = copy.deepcopy(found)
    (deployment,) = (one for one in changed if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    pod["terminationGraceSeconds"] = pod.pop("terminationGracePeriodSeconds")
    return changed


def essence(found: Manifests) -> dict[str, Any]:
    """What the chart and the manifests must say alike of the pod and its doors."""
    (deployment,) = (one for one in found if one["kind"] == "Deployment")
    pod = copy.deepcopy(deployment["spec"]["template"]["spec"])
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        del container["image"]
        container["env"].sort(key=lambda one: one["name"])
        container["volumeMounts"].sort(key=lambda one: one["mountPath"])
    pod["volumes"] = sorted(json.dumps(v["name"]) for v in pod["volumes"])
    for spread in pod.get("topologySpreadConstraints", ()):
        del spread["labelSelector"]
    del pod["serviceAccountName"]
    ports = [one["spec"]["ports"] for one in found if one["kind"] == "Service"]
    spec = deployment["spec"]
    return {"pod": pod, "ports": ports, "n": spec["replicas"], "how": spec["strategy"]}


def of_chart(helm: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is checked of the chart with one helm."""
    version = run(helm, "version", "--short").strip().partition("+")[0]
    for values in (None, *sorted(CHART.glob("ci/*.yaml"))):
        given = ("--values", str(values)) if values else ()
        name = f"helm {version}, {values.name if values else 'values.yaml'}"

        def template(*more: str, given: tuple[str, ...] = given) -> Manifests:
            return manifests(run(helm, "template", "tickets", CHART, *given, *more))

        def lint(given: tuple[str, ...] = given) -> str:
            return run(helm, "lint", "--strict", CHART, *given).strip().splitlines()[-1]

        def alerts(template: Callable[..., Manifests] = template) -> str:
            (rule,) = (o for o in template("--set", "prometheusRule.enabled=true") if _is_rule(o))
            if rule["spec"] != yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text()):
                raise Wrong("the rules of the chart are not those of deploy/prometheus/alerts.yml")
            return f"{len(rule['spec']['groups'][0]['rules'])} alerts as in alerts.yml"

        yield f"{name}: lint --strict", lint
        yield f"{name}: schemas", lambda t=template: valid(t())
        yield f"{name}: names", lambda t=template: fits(t())
        yield f"{name}: PrometheusRule", alerts
        yield (
            f"{name}: a misspelt value",
            lambda t=template: refused(lambda: t("--set", "replicacount=1"), "replicacount"),
        )
    yield (
        f"helm {version}: two daemons on SQLite",
        lambda: refused(
            lambda: run(helm, "template", CHART, "--set", "replicaCount=2"), "replicaCount"
        ),
    )
    yield (
        f"helm {version}: a misspelt key of a pod",
        lambda: refused(
            lambda: valid(misspelt(manifests(run(helm, "template", CHART)))), "not allowed"
        ),
    )


def _is_rule(one: dict[str, Any]) -> bool:
    return bool(one["kind"] == "PrometheusRule")


def of_manifests(kubectl: str, helm: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is checked of the plain manifests with one kubectl."""
    version = json.loads(run(kubectl, "version", "--client", "-o", "json"))
    name = f"kubectl {version['clientVersion']['gitVersion']}"
    as_chart = {
        "base": ("--set", "rules.rules\\.toml=x"),
        "two-replicas": (
            *("--set", "rules.rules\\.toml=x", "--set", "replicaCount=2"),
            *("--set", "store.kind=postgresql"),
        ),
    }
    for folder, given in as_chart.items():

        def built(folder: str = folder) -> Manifests:
            return manifests(run(kubectl, "kustomize", KUSTOMIZE / folder))

        def alike(given: tuple[str, ...] = given, built: Callable[[], Manifests] = built) -> str:
            chart = essence(manifests(run(helm, "template", CHART, *given)))
            plain = essence(built())
            if chart != plain:
                texts = [json.dumps(one, indent=1, sort_keys=True) for one in (chart, plain)]
                lines = set(texts[0].splitlines()) ^ set(texts[1].splitlines())
                raise Wrong("they differ from the chart in " + "; ".join(sorted(lines)))
            return "the pod and its doors as in the chart"

        yield f"{name}, {folder}: schemas", lambda b=built: valid(b())
        yield f"{name}, {folder}: names", lambda b=built: fits(b())
        yield f"{name}, {folder}: chart", alike


def of_page() -> Iterator[tuple[str, Callable[[], str]]]:
    """The commands of the page that need no cluster, with the values of the page."""
    text = (DEPLOY.parent / "docs" / "kubernetes.md").read_text("utf-8")
    (values,) = re.findall(r"^```yaml values\n(.*?)^```", text, re.S | re.M)
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def tried(line: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "values.yaml").write_text(values)
            (Path(folder) / "deploy").symlink_to(DEPLOY)
            environment = {**os.environ, "PATH": paths}
            done = subprocess.run(
                line, shell=True, cwd=folder, env=environment, capture_output=True, text=True
            )
        if done.returncode:
            raise Wrong((done.stdout + done.stderr).strip())
        if " lint " in line:
            return done.stdout.strip().splitlines()[-1]
        return valid(manifests(done.stdout))

    for block in re.findall(r"^```sh render\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            yield line, lambda line=line: tried(line)


def main() -> int:
    """Check all, print a line for each; the exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    helms, kubectls = programs("helm"), programs("kubectl")
    if not helms or not kubectls:
        print("helm or kubectl is missing: pip install --group kubernetes", file=sys.stderr)
        return 2
    checks = [check for helm in helms for check in of_chart(helm)]
    checks += [check for kubectl in kubectls for check in of_manifests(kubectl, helms[0])]
    checks += of_page()
    failed = 0
    for name, check in checks:
        try:
            print(f"ok    {name}: {check()}")
        except Wrong as wrong:
            failed += 1
            print(f"WRONG {name}: {wrong}")
    print(f"{len(checks)} checks, {failed} failed. Not tried: an installation in a cluster.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
