#!/usr/bin/env python3
"""What comes over a slow link is seen while it comes, and what was published is known at once."""

from __future__ import annotations

import sys
import time

from lab import Lab, run_cases

LINK_MBIT = 8  # the lab's model of 3 MiB takes three seconds
REPORT_EVERY_S = 10  # of an agent with nothing to say


def model_phase(lab: Lab) -> dict:
    for entry in lab.timeline("slow"):
        for phase in entry["Phases"]:
            if phase["Name"] == "model":
                return phase
    return {}


def a_download_shows_its_bytes_while_it_runs(lab: Lab) -> None:
    lab.create_endpoint("slow")
    lab.create_component("slow", "slow", data_cache=True)
    seen: list[int] = []

    def ended() -> bool:
        phase = model_phase(lab)
        if phase.get("Bytes") and "EndTime" not in phase:
            assert phase["Source"] == "origin" and "store" in phase["Reason"], phase
            seen.append(phase["Bytes"])
        return "EndTime" in phase

    lab.until(ended, "the model to be there", 60)
    assert seen == sorted(seen) and len(set(seen)) >= 2 and seen[-1] < 3 << 20, seen
    assert model_phase(lab)["Bytes"] >= 3 << 20


def a_publication_is_told_when_it_ends(lab: Lab) -> None:
    """It takes three seconds over the link; the next report that is due anyway would come up to ten seconds after it."""
    lab.wait_component("slow")
    begin = time.monotonic()

    def everywhere() -> bool:
        artifacts = lab.own("DescribeCaches", EndpointName="slow")["Artifacts"]
        return len(artifacts) == 2 and all(artifact["InStore"] and artifact["InVolume"] for artifact in artifacts)

    lab.until(everywhere, "image and model to be in the store and on the volume", REPORT_EVERY_S)
    print(f"({time.monotonic() - begin:.1f} s) ", end="")


def it_leaves_nothing(lab: Lab) -> None:
    lab.delete_endpoint("slow")
    lab.wait_clean()


def main() -> int:
    with Lab(link_mbit=LINK_MBIT) as lab:
        return run_cases([a_download_shows_its_bytes_while_it_runs, a_publication_is_told_when_it_ends, it_leaves_nothing], lab)


if __name__ == "__main__":
    sys.exit(main())
