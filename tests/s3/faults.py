"""Which faults the fake S3 plants, by rules and a seed: the same requests in the same order meet
the same faults.

A plan is {"seed": N, "rules": [RULE, ...]}; the first rule that applies to a request decides. A
rule:

  fault      what happens; see FAULTS
  ops        to which operations: put, put_if, get, head, list, delete, begin, piece, complete,
             abort, ...; absent: to all
  key        a regular expression that is found in the key; absent: any
  permille   how likely, in a thousand; 1000
  skip       so many requests that match are spared first; 0
  times      it happens so often; absent: always
  burst      once it happens, so many requests in a row meet it; 1
  after      of late and duplicate: the effect comes so many requests later; 3
  newest     of stale_list: so many of the newest puts are not listed; 1
  seconds    of hang_*, slow_body: how long; 5
"""

import random
import re
import threading

FAULTS = {
    "slow_down": "503 before the effect",
    "internal": "500 before the effect",
    "internal_after": "500 after the effect",
    "conflict": "409 ConditionalRequestConflict before the effect",
    "drop_before": "the connection is closed before the effect",
    "drop_after": "the connection is closed after the effect",
    "reset_after": "the connection is reset after the effect",
    "hang_before": "silence, then the connection is closed; no effect",
    "hang_after": "silence after the effect, then the connection is closed",
    "late": "the connection is closed; the effect comes later",
    "duplicate": "the effect and its answer; later the effect once more",
    "stale_list": "the newest puts are not listed",
    "slow_body": "the body comes in drops",
    "truncate": "the body ends in the middle, the connection is closed",
    "short_length": "the body and its length are shorter than its range says",
    "long_length": "the length is longer than the body, the connection is closed",
    "complete_error": "200 with an error for a body; no effect",
    "forbidden": "403 before the effect",
    "not_implemented": "501 before the effect",
}


class Rule:
    def __init__(self, fields):
        if fields["fault"] not in FAULTS:
            raise ValueError(f"there is no fault {fields['fault']}")
        self.fault = fields["fault"]
        self.ops = fields.get("ops")
        self.key = re.compile(fields.get("key", ""))
        self.permille = fields.get("permille", 1000)
        self.skip = fields.get("skip", 0)
        self.times = fields.get("times", float("inf"))
        self.burst = fields.get("burst", 1)
        self.after = fields.get("after", 3)
        self.newest = fields.get("newest", 1)
        self.seconds = fields.get("seconds", 5)
        self.left_of_burst = 0

    def applies(self, op, key, chance):
        if self.ops is not None and op not in self.ops or not self.key.search(key):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.left_of_burst == 0:
            if self.times <= 0 or chance.randrange(1000) >= self.permille:
                return False
            self.times -= 1
            self.left_of_burst = self.burst
        self.left_of_burst -= 1
        return True


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        self.pending = []  # (the request before which it comes, an effect)
        self.set({})

    def set(self, plan):
        rules = [Rule(fields) for fields in plan.get("rules", [])]
        with self.lock:
            self.chance = random.Random(plan.get("seed", 0))
            self.rules = rules

    def choose(self, op, key):
        """The rule that this request meets, or None. Effects that are due come first."""
        with self.lock:
            self.requests += 1
            due = [effect for at, effect in self.pending if at <= self.requests]
            self.pending = [entry for entry in self.pending if entry[0] > self.requests]
            for effect in due:
                effect()
            return next((rule for rule in self.rules if rule.applies(op, key, self.chance)), None)

    def later(self, after, effect):
        with self.lock:
            self.pending.append((self.requests + after, effect))
