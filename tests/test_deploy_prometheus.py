"""Prometheus' rules and Grafana's dashboard as deploy/ has them: they work, and name nothing that the service does not tell."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from allograph.profiles import open_store
from deployed import DEPLOY, free_ports, replaced
from served import INK, correct, ok, process, read

FOLDER = DEPLOY / "prometheus"
CONFIGS = (FOLDER / "prometheus.yaml", FOLDER / "prometheus.compose.yaml")
RULES = FOLDER / "rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
OF_OTHERS = {"up", "node_systemd_unit_state", "node_systemd_timer_last_trigger_seconds"}
"""Metrics that Prometheus makes itself of every target, and node_exporter's of systemd."""
WORDS = {"time", "by", "sum", "avg", "rate", "increase", "changes", "absent", "histogram_quantile", "or", "and", "unless"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def shown() -> list[dict[str, Any]]:
    """What the panels ask for."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [{"title": panel["title"], **target} for panel in panels for target in panel["targets"]]


def targets() -> Iterator[tuple[str, str]]:
    """Panels' titles and their expressions."""
    for target in shown():
        yield target["title"], target["expr"]


def metrics_of(expression: str) -> set[str]:
    """The names in an expression that are none of the language's own.

    >>> sorted(metrics_of('sum by (a, b) (rate(x_total{c="d e"}[5m])) / job:y:mean5m'))
    ['job:y:mean5m', 'x_total']
    """
    bare = re.sub(r"\{[^}\"]*(?:\"[^\"]*\"[^}\"]*)*\}|\[[^]]*\]|\bby \([^)]*\)", " ", expression)
    return set(re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare)) - WORDS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that a service tells that read, learned and read a line."""
    with process(tmp_path_factory.mktemp("told")) as served, httpx.Client(base_url=served.url, timeout=60) as http:
        read(http, "ana", 1)
        correct(http, "ana", [("1", 1, "a")])
        ok(http.post("/v1/writers/ana/lines/read", json={"id": "line-1", "ink": INK}))
        text = http.get("/v1/metrics").raise_for_status().text
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}


def test_every_metric_of_the_rules_is_told(told: set[str]) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = set().union(*(metrics_of(rule["expr"]) for rule in rules()))
    assert len(used - recorded) > 5
    assert used - recorded - OF_OTHERS <= told


def test_every_metric_of_the_dashboard_is_told_or_recorded(told: set[str]) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    found = {title: metrics_of(expression) for title, expression in targets()}
    assert all(found.values())
    unknown = {title: names - told - recorded - OF_OTHERS for title, names in found.items()}
    assert not any(unknown.values()), unknown


def test_the_dashboard_shows_all_that_the_service_tells_of_its_own(told: set[str]) -> None:
    recorded = {rule["record"]: metrics_of(rule["expr"]) for rule in rules() if "record" in rule}
    shown = set().union(*(metrics_of(expression) for _, expression in targets()))
    for name, names in recorded.items():
        shown |= names if name in shown else set()
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown}
    ours = {name for name in told if name.startswith("allograph_") and not name.endswith("_created")}
    assert {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in ours} <= families


def test_the_rules_are_well_formed(promtool: str) -> None:
    run(promtool, "check", "rules", RULES)
    for config in CONFIGS:
        run(promtool, "check", "config", "--syntax-only", config)


def test_containers_are_watched_as_a_machine_is() -> None:
    machine, containers = (yaml.safe_load(config.read_text(encoding="utf-8")) for config in CONFIGS)
    (job, _), (other,) = machine.pop("scrape_configs"), containers.pop("scrape_configs")
    assert machine == containers
    del job["static_configs"]
    (targets,) = other.pop("static_configs")
    assert job == other
    assert targets["targets"] == ["allograph-1:8000", "allograph-2:8000"]


def test_what_is_of_each_worker_names_it() -> None:
    for rule in rules():
        if "alert" in rule and "process_" in rule["expr"]:
            assert "$labels.worker" in rule["annotations"]["summary"]
    of_processes = [target for target in shown() if "process_" in target["expr"]]
    assert len(of_processes) == 3
    assert {target["legendFormat"] for target in of_processes} == {"{{instance}} {{worker}}"}


def test_alerts_fire_when_they_should_and_not_when_they_should_not(promtool: str) -> None:
    run(promtool, "test", "rules", FOLDER / "rules_test.yaml")


@lru_cache
def alert_tests() -> list[dict[str, Any]]:
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text(encoding="utf-8"))["tests"]
    return [case for test in tests for case in test["alert_rule_test"]]


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules() if "alert" in rule])
def test_of_every_alert_both_are_tested_and_it_says_what_to_do(alert: str) -> None:
    cases = [bool(case["exp_alerts"]) for case in alert_tests() if case["alertname"] == alert]
    assert set(cases) == {True, False}
    (rule,) = [rule for rule in rules() if rule.get("alert") == alert]
    assert set(rule["annotations"]) == {"summary", "action"}
    assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.slow
def test_prometheus_finds_something_for_every_panel(prometheus: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "allograph.db")
    key, app = store.keys.add("acme", "prometheus", "read"), store.keys.add("acme", "app", "teach")
    store.close()
    (port,) = free_ports(1)
    with (
        process(tmp_path) as first,
        process(tmp_path) as second,
        httpx.Client(base_url=first.url, timeout=60, headers={"authorization": f"Bearer {app}"}) as http,
    ):
        config = replaced(
            (FOLDER / "prometheus.yaml").read_text(encoding="utf-8"),
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            ("127.0.0.1:8001", first.url.removeprefix("http://")),
            ("127.0.0.1:8002", second.url.removeprefix("http://")),
        )
        (tmp_path / "prometheus.yaml").write_text(config, encoding="utf-8")
        (tmp_path / "rules.yaml").write_bytes(RULES.read_bytes())
        (tmp_path / "allograph.key").write_text(key, encoding="utf-8")
        command = [prometheus, "--config.file=prometheus.yaml", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        with subprocess.Popen([*command, "--storage.tsdb.path=data"], cwd=tmp_path) as running:
            try:
                missing = [expression for _, expression in targets()]
                until = time.monotonic() + 90
                while missing and time.monotonic() < until:
                    read(http, "ana", 1)
                    correct(http, "ana", [("1", 1, "a")])
                    ok(http.post("/v1/writers/ana/lines/read", json={"id": "line-1", "ink": INK}))
                    time.sleep(1)
                    missing = [expression for expression in missing if not values(port, expression)]
                assert missing == []
                assert values(port, 'sum(up{job="allograph"})') == ["2"]
                assert values(port, 'ALERTS{alertstate="firing"}') == []
            finally:
                running.terminate()


def values(port: int, expression: str) -> list[str]:
    """What Prometheus finds; nothing while it does not answer yet."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": expression})
    except httpx.TransportError:
        return []
    if answer.status_code == 503:
        return []
    return [one["value"][1] for one in ok(answer)["data"]["result"]]


def run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
