"""`PYTHONPATH=tests python -m alerts.write` writes `alerts/tests/`: the scenes as promtool reads them."""

from __future__ import annotations

from typing import Any

import yaml

from alerts import scenes_dependencies, scenes_holding, scenes_itself, scenes_lesser, scenes_pairings
from alerts.scenes import ALERTS, RULE_FILES, alert_rules, groups

FOLDER = ALERTS / "tests"
SCENES = {
    **scenes_pairings.SCENES,
    **scenes_lesser.SCENES,
    **scenes_dependencies.SCENES,
    **scenes_holding.SCENES,
    **scenes_itself.SCENES,
}


def text(alert: str) -> str:
    """The test file of one alert."""
    rules = alert_rules()
    document: dict[str, Any] = {
        "rule_files": [f"../{name}" for name in RULE_FILES],
        "evaluation_interval": f"{SCENES[alert][0].step_s}s",
        "group_eval_order": groups(),
        "tests": [scene.document(alert, rules) for scene in SCENES[alert]],
    }
    head = f"# {alert}. Written by tests/alerts/write.py from its scenes; do not edit.\n"
    return head + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120)


class _Plain(yaml.SafeDumper):
    """Without anchors for what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


if __name__ == "__main__":
    for alert in SCENES:
        (FOLDER / f"{alert}.test.yml").write_text(text(alert))
