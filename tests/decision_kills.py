#!/usr/bin/env python3
"""decision_kills.py [ROUNDS] [SEED]: the server is killed at random moments while it decides how many copies there shall be, up in
each round and down in the last. Every change has exactly one activity, whatever was decided came true, and target, policy and alarms
are what they were."""

from __future__ import annotations

import collections
import random
import re
import sys
import time

from autoscale import Load
from lab import Lab, run_cases
from scalable import PER_COPY, Scalable, check_chain

WINDOW_S = 30
COPIES_MAX = 4
DECIDED = re.compile(r"inference-component/llm: (\d+) to (\d+): (.*)$", re.MULTILINE)


class Rounds:
    def __init__(self, lab: Lab, choose: random.Random) -> None:
        self.lab, self.choose, self.scalable = lab, choose, Scalable(lab, "llm")
        self.scalable.register(MinCapacity=1, MaxCapacity=COPIES_MAX)
        self.scalable.track(2.0, PER_COPY)
        self.alarms = sorted(alarm["AlarmName"] for alarm in self.scalable.now()["Alarms"])

    def kill(self, least_s: float, most_s: float) -> None:
        delay = self.choose.uniform(least_s, most_s)
        time.sleep(delay)
        self.lab.plane.kill()
        time.sleep(self.choose.uniform(0, 0.5))
        self.lab.plane.start()
        print(f"killed after {delay:.2f} s, ", end="", flush=True)

    def begin(self, capacity: int | None = None) -> int:
        """All is over, at this capacity; what is told from here on is of this round."""
        done = self.scalable.settled if capacity is None else lambda: self.scalable.at(capacity)
        now = self.lab.until(done, "the activities to end", 60)
        self.known = {identity(one) for one in now["Activities"]}
        self.told = len(self.log())
        return now["DesiredCapacity"]

    def log(self) -> str:
        return (self.lab.work / "serve.log").read_text(errors="replace")

    def check(self, begin: int) -> dict:
        """The target once all is over."""
        now = self.lab.until(self.scalable.settled, "the activities to end", 60)
        fresh = [one for one in now["Activities"] if identity(one) not in self.known]
        check_chain(fresh, begin, now["DesiredCapacity"])
        assert (now["MinCapacity"], now["MaxCapacity"]) == (1, COPIES_MAX), now
        assert [policy["PolicyName"] for policy in now["Policies"]] == ["tt"], now
        assert sorted(alarm["AlarmName"] for alarm in now["Alarms"]) == self.alarms, now
        # A server that was killed may not have said what it had done, but what it said it had.
        said = collections.Counter(DECIDED.findall(self.log()[self.told:]))
        done = collections.Counter((str(one["From"]), str(one["To"]), one["Explanation"]) for one in fresh)
        assert said <= done, (said - done, fresh)
        shown = self.lab.wait_component("llm", timeout_s=30)["RuntimeConfig"]
        assert shown["DesiredCopyCount"] == shown["CurrentCopyCount"] == now["DesiredCapacity"], shown
        return now

    def up(self) -> None:
        self.lab.scale("llm", 1)
        self.begin(1)
        with Load(self.lab, 8):
            for _ in range(self.choose.randint(1, 2)):
                self.kill(0.2, 4)
            self.lab.until(lambda: self.scalable.now()["DesiredCapacity"] > 1, "more copies to be ordered", 20)
            now = self.check(1)
        assert now["DesiredCapacity"] > 1, now

    def down(self) -> None:
        before = self.begin()
        assert before > 1, before
        self.kill(WINDOW_S, WINDOW_S + 8)
        self.lab.until(lambda: self.scalable.at(1), "one copy to be left", WINDOW_S + 30)
        self.check(before)


def identity(activity: dict) -> tuple:
    return (activity["StartTime"], activity["From"], activity["To"])


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"{rounds} rounds up and one down, seed {seed}", flush=True)
    with Lab() as lab:
        lab.create_endpoint("llm", tags={"zeropull:scale-in-window-seconds": str(WINDOW_S)})
        lab.create_component("llm", "llm")
        lab.wait_component("llm")
        run = Rounds(lab, random.Random(seed))

        def killed_while_it_grows(_: Lab) -> None:
            run.up()

        def killed_while_it_shrinks(_: Lab) -> None:
            run.down()

        code = run_cases([*[killed_while_it_grows] * rounds, killed_while_it_shrinks], lab)
        lab.delete_endpoint("llm")
        lab.wait_clean()
    return code


if __name__ == "__main__":
    sys.exit(main())
