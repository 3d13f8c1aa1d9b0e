"""Each panel's query, put to Prometheus' own engine and to a real Prometheus."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.real_parts import Prometheus, WebServer, prometheus, until
from alerts.scenes import ALERTS, RULE_FILES
from grafana.dashboards import Query, annotation_queries, boards, filled, offered, panels, queries, variables
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures, shared
from telemetry.exported import TARGET, held, promtool, run_tests

# One second between two scrapes.
CHOSEN = {
    "$job": "nova-watchdog",
    "$instance": ".+",
    "$pairing": "cluster-c",
    "$vcenter": ".+",
    "$__rate_interval": "10s",
}
SCRAPES = 5
FULL_ETCD = StoreSize(1_900_000_000, 1_800_000_000, quota_bytes=2_147_483_648)


def panel(board: str, title: str) -> dict[str, Any]:
    (found,) = [one for one in panels(f"nova-watchdog-{board}") if one["title"] == title]
    return found


@pytest.mark.real
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    """promtool parses them as recording rules."""
    asked = [*queries(), *annotation_queries()]
    rules = [{"record": f"panel:{n}", "expr": filled(query.expression)} for n, query in enumerate(asked)]
    document = {"groups": [{"name": "panels", "rules": rules}]}
    (tmp_path / "panels.yml").write_text(json.dumps(document))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "panels.yml", folder=tmp_path)


@pytest.mark.real
def test_the_diagnosis_panel_shows_the_diagnosis_that_holds(tmp_path: Path) -> None:
    """For every state of a pairing the panel's number is the one that its mapping calls by that word."""
    shown = panel("fleet", "Diagnosis")
    texts = shown["fieldConfig"]["defaults"]["mappings"][0]["options"]
    numbers = {entry["text"]: int(number) for number, entry in texts.items()}
    assert set(numbers) == {diagnosis.value for diagnosis in Diagnosis}
    tests = []
    for make in pictures.EVERY:
        story = make()
        assert story.decision is not None
        number = numbers[story.decision.diagnosis.diagnosis.value]
        sample = {"labels": '{instance="ctl1:9743", pairing="cluster-a"}', "value": number}
        check = {"expr": filled(shown["targets"][0]["expr"]), "eval_time": "5m", "exp_samples": [sample]}
        series = held(pictures.fleet(story))
        tests.append({"name": make.__name__, "input_series": series, "promql_expr_test": [check]})
    run_tests(tests, tmp_path)


@pytest.mark.real
def test_the_numbers_of_the_fleet_count(tmp_path: Path) -> None:
    """Three pairings, one of them given up, one not watched, and another job's target that is down."""
    expected = {
        "Pairings": 3,
        "Not healthy": 1,
        "Failed": 1,
        "Given up": 1,
        "Not protected": 0,
        "Blind spots": 1,
    }
    snapshot = pictures.fleet(pictures.given_up(), pictures.healthy("cluster-b"), unwatched=["cluster-x"])
    other = {"series": 'up{job="other", instance="somewhere"}', "values": "0x80"}
    checks = [
        {
            "expr": filled(panel("fleet", title)["targets"][0]["expr"]),
            "eval_time": "5m",
            "exp_samples": [{"labels": "{}", "value": number}],
        }
        for title, number in expected.items()
    ]
    run_tests([{"input_series": [*held(snapshot), other], "promql_expr_test": checks}], tmp_path)
    down = [{"series": f"up{{{TARGET}}}", "values": "0x80"}]
    text = filled(panel("daemons", "Do not answer")["targets"][0]["expr"])
    one = {"expr": text, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 1}]}
    run_tests([{"input_series": down, "promql_expr_test": [one]}], tmp_path)


class Daemon(BaseHTTPRequestHandler):
    """A daemon's exporter over HTTP: one pairing is well, one was killed, one has worries; it acts."""

    scraped = 0

    def do_GET(self) -> None:
        type(self).scraped += 1
        stories = (pictures.healthy(), pictures.killed("cluster-b"), pictures.cluster_degraded("cluster-c"))
        acted = {("cluster-c", "R39", "start", "done"): self.scraped}
        probes = tuple(replace(one, runs=one.runs + self.scraped) for one in pictures.PROBES)
        snapshot = pictures.fleet(*stories, actions=acted, probes=probes, unwatched=["cluster-x"])
        snapshot = replace(
            snapshot,
            reload_mistakes=("nova-watchdog.toml: broken",),
            keeper=shared.keeper(snapshot.now_s, renewals=self.scraped, size=FULL_ETCD),
            holds={name: shared.hold(now_s=snapshot.now_s) for name in snapshot.pairings},
        )
        body, content_type = Exporter(lambda: snapshot, pictures.StoppedClock(snapshot.now_s)).render()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be quiet."""


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes the real exporter each second, as two daemons, with the alerts."""
    folder = tmp_path_factory.mktemp("prometheus")
    for name in RULE_FILES:
        rules = yaml.safe_load((ALERTS / name).read_text())
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        (folder / name).write_text(yaml.safe_dump(rules))
    with WebServer(Daemon) as server:
        port = server.address.rpartition(":")[2]
        targets = [f"127.0.0.1:{port}", f"localhost:{port}"]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": list(RULE_FILES),
            "scrape_configs": [{"job_name": "nova-watchdog", "static_configs": [{"targets": targets}]}],
        }
        with prometheus(config, folder) as part:
            enough = f"min(count_over_time(up[5m])) >= {SCRAPES} and count(up == 1) == 2"
            until(lambda: bool(part.query(enough)), "both daemons are scraped")
            until(lambda: bool(part.query('ALERTS{alertname="ClusterDegraded"}')), "the rules were evaluated")
            yield part


@pytest.mark.real
@pytest.mark.parametrize("query", [*queries(), *annotation_queries()], ids=lambda query: query.name)
def test_a_real_prometheus_answers_with_data(scraping: Prometheus, query: Query) -> None:
    """A panel without a series, or with nothing but gaps, would be empty."""
    found = scraping.query(filled(query.expression, CHOSEN))
    assert [one for one in found if not math.isnan(one["value"])]


@pytest.mark.real
@pytest.mark.parametrize("board", sorted(boards()))
def test_a_real_prometheus_offers_choices(scraping: Prometheus, board: str) -> None:
    """A variable without values leaves every panel empty."""
    for entry in variables(board).values():
        if entry["type"] == "query":
            selector, label = offered(entry["query"])
            assert scraping.label_values(label, filled(selector, CHOSEN)), entry["name"]
