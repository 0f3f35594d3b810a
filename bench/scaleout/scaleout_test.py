"""Tests of what could go wrong in the demo without anybody noticing: figures, counters, layers, mount detection."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

from scaleout import cgroups, chart, endpoint_runs, growth_runs, layers, report, wire, zeropull
from scaleout.endpoint_runs import CopyMeasured, EndpointMeasured
from scaleout.growth_runs import Answer, GrowthMeasured
from scaleout.measure import ROOTFS_MOUNT, Measured
from scaleout.recipe import Image


def measured(image_ready_s: float, wire_bytes: int = 7) -> Measured:
    return Measured(image_ready_s, image_ready_s + 1, 3.0, image_ready_s + 1, wire_bytes, 11)


class ReportTest(unittest.TestCase):
    image = Image(Path("layout"), "sha256:00", 4_000_000, 9_000_000)

    def make(self) -> dict:
        return report.report(500, "host/demo:1", self.image,
                             {"containerd-pull": [measured(9.0), measured(1.0, 2**53 + 1), measured(4.0)],
                              "zeropull-volume": [measured(0.08)]})

    def test_takes_the_median_and_keeps_every_round(self) -> None:
        entry = self.make()["runs"][0]
        self.assertEqual((entry["image_ready_s"], entry["first_output_s"], entry["image_wire_bytes"]), (4.0, 5.0, 7))
        self.assertEqual([one["image_ready_s"] for one in entry["rounds"]], [9.0, 1.0, 4.0])
        self.assertEqual(entry["rounds"][1]["image_wire_bytes"], 2**53 + 1)

    def test_median_of_two_rounds_of_bytes_is_a_whole_number(self) -> None:
        entry = report.run_entry("x", [measured(1, 4), measured(2, 9)])
        self.assertEqual(json.dumps(entry["image_wire_bytes"]), "6")

    def test_a_run_without_rounds_is_null_not_zero(self) -> None:
        entry = report.run_entry("x", [])
        self.assertTrue(all(entry[field] is None for field in report.FIELDS))
        self.assertIn("-", report.table({**self.make(), "runs": [entry]}, "containerd-pull"))

    def test_has_the_documented_keys(self) -> None:
        value = json.loads(json.dumps(self.make()))
        self.assertEqual(set(value), {"schema", "link_mbit", "image", "runs"})
        self.assertEqual(set(value["image"]), {"ref", "compressed_bytes", "unpacked_bytes"})
        self.assertEqual(set(value["runs"][0]), {"name", "image_ready_s", "first_output_s", "model_s", "end_to_end_s",
                                                 "image_wire_bytes", "model_wire_bytes", "rounds"})

    def test_table_compares_with_the_baseline_of_the_same_report(self) -> None:
        text = report.table(self.make(), "containerd-pull")
        line = next(line for line in text.splitlines() if line.startswith("zeropull-volume"))
        self.assertIn("80 ms", line)
        self.assertIn("50.00x", line)
        self.assertIn("4.00 s (1.00 - 9.00 s)", text)

    def test_table_without_the_baseline_claims_no_ratio(self) -> None:
        value = self.make()
        value["runs"] = value["runs"][1:]
        self.assertNotIn("x  ", report.table(value, "containerd-pull").splitlines()[-1])


class WireTest(unittest.TestCase):
    def test_reads_bytes_by_source_from_what_nft_prints(self) -> None:
        text = json.dumps({"nftables": [
            {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
            {"counter": {"family": "inet", "name": "registry", "table": "wire", "packets": 3, "bytes": 459496820}},
            {"counter": {"family": "inet", "name": "store", "table": "wire", "packets": 0, "bytes": 0}}]})
        self.assertEqual(wire.parse(text), {"registry": 459496820, "store": 0})

    def test_every_source_has_a_counter_and_a_rule(self) -> None:
        rules = wire.ruleset({"registry": "10.0.0.1", "store": "10.0.0.2"})
        for name, address in (("registry", "10.0.0.1"), ("store", "10.0.0.2")):
            self.assertIn(f"counter {name} {{ }}", rules)
            self.assertIn(f"ip saddr {address} counter name {name}", rules)


class MountTest(unittest.TestCase):
    def test_sees_a_containers_root_and_nothing_else(self) -> None:
        task = "/run/containerd/io.containerd.runtime.v2.task/default/demo"
        self.assertRegex(f"90 80 0:7 / {task}/rootfs rw,relatime - overlay overlay rw", ROOTFS_MOUNT)
        self.assertNotRegex(f"90 80 0:7 / {task}/rootfs/proc rw - proc proc rw", ROOTFS_MOUNT)
        self.assertNotRegex("90 80 0:7 / /run/containerd rw - tmpfs tmpfs rw", ROOTFS_MOUNT)


class CgroupsTest(unittest.TestCase):
    def test_finds_both_versions_and_no_other_mount(self) -> None:
        found = cgroups.hierarchies("35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                                    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
                                    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n")
        self.assertEqual([(str(one.mount_point), one.is_v2) for one in found],
                         [("/sys/fs/cgroup/memory", False), ("/sys/fs/cgroup/unified", True)])


def grown(name: str, detect_s: float, end_to_end_s: float) -> GrowthMeasured:
    spans = {"image": (detect_s, detect_s + 0.05), "start": (detect_s + 0.05, end_to_end_s)}
    return GrowthMeasured(name, detect_s, spans, {"image": "volume"}, end_to_end_s, 0, 1, {}, {}, "it grew")


class EndpointTest(unittest.TestCase):
    def third(self, image_s: float, model_s: float, received: int, model_source: str) -> CopyMeasured:
        return CopyMeasured(3, True, {"image": image_s, "model": model_s}, {"image": "store", "model": model_source}, 1, 1,
                            {"store": received // 2, "models": received // 2}, 9.0)

    def remarks(self, third: CopyMeasured) -> str:
        return endpoint_runs.remarks([EndpointMeasured("run", 1000, [third] * 3, 4.0)])

    def test_link_use_is_of_all_bytes_in_the_longer_of_both_phases(self) -> None:
        third = self.third(8.0, 5.0, 800_000_000, "origin")
        self.assertEqual(third.link_use(1000), 0.8)
        self.assertEqual(self.remarks(third), "copy 3 of run used 80% of its link while image and model came and took 1.25 times as "
                                              "long for its model as a download alone")

    def test_a_copy_that_fetched_nothing_has_no_link_use(self) -> None:
        third = self.third(0.002, 0.003, 5000, "volume")
        self.assertIsNone(third.link_use(1000))
        self.assertEqual(self.remarks(third), "")


class GrowthTest(unittest.TestCase):
    def test_every_run_has_an_entry_and_one_that_was_not_made_is_null(self) -> None:
        entries = growth_runs.entries([grown("high-resolution", 30.0, 60.0), grown("everything", 4.0, 15.0)])
        self.assertEqual([entry["name"] for entry in entries], ["baseline", "high-resolution", "image-cache", "everything"])
        self.assertEqual([entry["saved"] for entry in entries], [None, 0.0, None, 0.75])
        self.assertEqual(set(entries[0].values()) - {"baseline"}, {None})
        self.assertLess(set(entries[0]), set(entries[1]))

    def test_lengths_are_of_the_phases_and_absent_ones_are_null(self) -> None:
        entry = grown("everything", 4.0, 15.0).entry()
        self.assertEqual((entry["image_s"], entry["start_s"], entry["model_s"], entry["failed"]), (0.05, 10.95, None, 1))

    def test_latencies_are_of_what_was_answered(self) -> None:
        answers = [Answer(0, wait, "host", None) for wait in (0.5, 0.6, 9.0)] + [Answer(0, 60, None, "no capacity")]
        self.assertEqual(growth_runs.latency_of(answers), {"median": 0.6, "p95": 9.0, "max": 9.0})
        self.assertEqual(growth_runs.latency_of([]), {})

    def test_bars_and_drawing_have_every_run_at_its_length(self) -> None:
        runs = [grown("high-resolution", 30.0, 60.0), grown("everything", 4.0, 15.0)]
        bars = chart.text_bars(runs, width=60).splitlines()
        self.assertEqual(bars[1].count("█"), 30)
        drawing = xml.etree.ElementTree.fromstring(chart.svg(runs, "a < b", "c"))
        widths = [float(rect.get("width")) for rect in drawing.iter("{http://www.w3.org/2000/svg}rect") if rect.get("fill") == chart.COLOURS["detect"]]
        self.assertAlmostEqual(widths[0] / widths[1], 7.5, places=1)


class LayersTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name, "root")
        (self.root / "etc").mkdir(parents=True)
        (self.root / "var/log").mkdir(parents=True)
        (self.root / "etc/kept").write_text("kept")
        (self.root / "etc/changed").write_text("before")
        (self.root / "etc/deleted").write_text("x")

    def layer(self, before: dict) -> tuple[dict, dict[str, tarfile.TarInfo], int]:
        path = Path(self.folder.name, "layer.tar")
        after, unpacked = layers.write_layer(str(self.root), before, path)
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
            return after, {member.name: member for member in tar.getmembers()}, unpacked

    def test_second_layer_holds_only_what_changed_and_whiteouts(self) -> None:
        tree, members, _ = self.layer({})
        self.assertIn("etc/kept", members)
        (self.root / "etc/changed").write_text("after, longer")
        (self.root / "etc/deleted").unlink()
        (self.root / "etc/new").write_text("1234567")
        os.link(self.root / "etc/new", self.root / "etc/same")
        _, members, unpacked = self.layer(tree)
        self.assertEqual(set(members), {"etc/changed", "etc/.wh.deleted", "etc/new", "etc/same"})
        self.assertTrue(members["etc/same"].islnk())
        self.assertEqual(unpacked, len("after, longer") + len("1234567"))

    def test_leaves_out_what_a_build_leaves_behind_and_keeps_its_folder(self) -> None:
        (self.root / "var/log/dpkg.log").write_text("noise")
        _, members, _ = self.layer({})
        self.assertIn("var/log", members)
        self.assertNotIn("var/log/dpkg.log", members)

    def test_no_time_is_later_than_the_epoch_of_the_recipe(self) -> None:
        _, members, _ = self.layer({})
        self.assertLessEqual(max(member.mtime for member in members.values()), layers.SOURCE_DATE_EPOCH)

    def test_refuses_to_install_into_this_machines_own_root(self) -> None:
        with self.assertRaises(SystemExit):
            layers.install("/", ["hello"])
        with self.assertRaises(SystemExit):
            layers.install(str(self.root), ["hello"])


class AgentConfigTest(unittest.TestCase):
    def test_a_new_instance_without_cache_gets_no_key_volume_or_store(self) -> None:
        config = json.loads(zeropull.agent_config(with_key=False, with_volume=False, with_store=False))
        self.assertFalse({"key_file", "volumes", "stores"} & config.keys())


if __name__ == "__main__":
    unittest.main()
