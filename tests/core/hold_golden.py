"""What format 1 of holding has in the store, byte for byte the words that other controllers read.

A change here breaks every cluster that is upgraded one controller at a time. Fields may be added, with a
default for the records that lack them: `FIRST_...` is what the first version wrote.
"""

from __future__ import annotations

CONTROLLER_JSON = """
{"format": 1, "incarnation": "5f0c", "seq": 41, "deadline_s": 15.0, "kill_s": 2.0, "fenced": false,
 "version": "1.2.3", "writer": "77aa", "priority": 10, "reads": 1,
 "vantages": {"cluster-a": {"ready": true, "reason": "", "identity": {"host": "nova-a"}, "failing": [],
                            "unproven": ["bus"], "serves": true},
              "cluster-b": {"ready": false, "reason": "no canary passed", "identity": {},
                            "failing": ["vcenter", "compute_id"], "unproven": [], "serves": false}}}
"""

HOLD_JSON = """
{"format": 1, "holder": "ctl-a", "incarnation": "5f0c", "epoch": 7, "successor": "", "stopped": true,
 "moves": [1700000000.5, 1700000100.0], "accepted": [], "failed": {"ctl-c": 1700000100.0}}
"""

RELEASED_JSON = """
{"format": 1, "holder": "", "incarnation": "", "epoch": 7, "successor": "ctl-b", "stopped": false,
 "moves": [], "accepted": ["compute_id"], "failed": {}}
"""

RUN_JSON = """
{"format": 1, "boot_id": "boot-1", "incarnation": "5f0c", "deadline_s": 15.0, "seq": 412,
 "gives": {"cluster-b": ["maintenance", "ctl-b", true]}, "accepts": {"cluster-b": ["compute_id"]},
 "stops": ["cluster-b"],
 "terms": {"cluster-a": [7, 100.5, null], "cluster-b": [2, 200.0, 180.25]}}
"""

FIRST_CONTROLLER_JSON = """
{"format": 1, "incarnation": "5f0c", "seq": 41, "deadline_s": 15.0, "kill_s": 2.0, "fenced": false,
 "version": "1.2.3", "writer": "77aa",
 "vantages": {"cluster-a": {"ready": true, "reason": ""},
                                  "cluster-b": {"ready": false, "reason": "no canary passed"}}}
"""

FIRST_HOLD_JSON = """
{"format": 1, "holder": "ctl-a", "incarnation": "5f0c", "epoch": 7, "successor": "", "stopped": true,
 "moves": [1700000000.5, 1700000100.0]}
"""

FIRST_RELEASED_JSON = """
{"format": 1, "holder": "", "incarnation": "", "epoch": 7, "successor": "ctl-b", "stopped": false,
 "moves": []}
"""

FIRST_RUN_JSON = """
{"format": 1, "boot_id": "boot-1", "incarnation": "5f0c", "deadline_s": 15.0, "seq": 412,
 "gives": {"cluster-b": ["maintenance", "ctl-b", true]},
 "terms": {"cluster-a": [7, 100.5, null], "cluster-b": [2, 200.0, 180.25]}}
"""
