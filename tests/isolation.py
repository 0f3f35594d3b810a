#!/usr/bin/env python3
"""What two accounts with endpoints of the same image on one control plane have of each other: nothing. Keys, store prefixes, volumes,
registries, model folders, networks; and what is left of an endpoint that is deleted."""

from __future__ import annotations

import base64
import binascii
import shutil
import subprocess
import sys
from pathlib import Path

from lab import BINARY, Lab, run_cases
from scaleout import datacenter
from scaleout.client import ApiError
from scaleout.shell import DIE_WITH_PARENT, output_of

ONE, OTHER = "111111111111", "222222222222"
PRIVATE_PORT = 5001
HUB_PORT = 7443
LOGIN = {"username": "one", "password": "the password of one"}
LOGIN_BCRYPT = "$2b$05$abcdefghijklmnopqrstuuIhC/3ofBKJJ7iqMQF/r5rT874phD9vK"  # of that password
STORE_URL = f"https://{datacenter.STORE}:{datacenter.STORE_PORT}"


class Tenants(Lab):
    """Account ONE with a registry login and a model folder that account OTHER has not; both with endpoint "same" in service."""

    def __init__(self) -> None:
        super().__init__()
        public = {"host": f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}", "plain_http": True}
        private = {"host": f"{datacenter.REGISTRY}:{PRIVATE_PORT}", "plain_http": True}
        bucket = {"endpoint_url": f"http://{datacenter.MODELS}:{datacenter.MODELS_PORT}"}
        self.folders = {account: self.work / f"models-of-{account}" for account in (ONE, OTHER)}
        self.settings = {"agents": {"port": HUB_PORT}, "accounts": {
            ONE: {"registries": [public, {**private, **LOGIN}], "s3": bucket, "model_folders": [str(self.folders[ONE])]},
            OTHER: {"registries": [public, private], "s3": bucket, "model_folders": [str(self.folders[OTHER])]}}}

    def prepare(self) -> None:
        for account, folder in self.folders.items():
            (folder / "real").mkdir(parents=True)
            (folder / "real/weights").write_text(f"weights of {account}")
        (self.folders[OTHER] / "link").symlink_to(self.folders[ONE] / "real")
        config = self.work / "private.yml"
        (self.work / "htpasswd").write_text(f"{LOGIN['username']}:{LOGIN_BCRYPT}\n")
        config.write_text(
            "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.work / 'registry'}}}}}\n"
            f"auth: {{htpasswd: {{realm: private, path: {self.work / 'htpasswd'}}}}}\n"
            f"http: {{addr: '{datacenter.REGISTRY}:{PRIVATE_PORT}'}}\n")
        self.center.serve("private", datacenter.REGISTRY, PRIVATE_PORT, ["docker-registry", "serve", config])

    def endpoint_record(self, account: str) -> dict:
        return self.plane.records()[f"endpoint/{account}/same"]

    def key_of(self, account: str) -> bytes:
        """The endpoint's key, from the server's state and its master key. GCM's first block of text is CTR's second."""
        sealed = bytes.fromhex(self.endpoint_record(account)["wrapped_key"].removeprefix("v1:"))
        master = (self.plane.root / "master.key").read_bytes()
        command = ["openssl", "enc", "-d", "-aes-256-ctr", "-K", master.hex(), "-iv", sealed[:12].hex() + "00000002"]
        return subprocess.run(command, input=sealed[12:-16], capture_output=True, check=True).stdout

    def key_file(self, account: str) -> Path:
        path = self.work / f"{account}.key"
        path.touch(mode=0o600)
        path.write_bytes(self.key_of(account))
        return path

    def instances_of(self, account: str) -> list[dict]:
        with self.account(account):
            return self.instances("same")

    def credential(self, instance: dict) -> Path:
        return self.plane.root / "instances" / instance["InstanceId"] / "disk/lib/zeropull/identity/credential.pem"

    def store_answers(self, credential: Path | None, path: str) -> str:
        """The HTTP status of a GET in the served store with a certificate; "000" where TLS fails."""
        shown = ["--cert", credential, "--key", credential] if credential else []
        authority = self.plane.root / "authority/ca.pem"
        command = self.center.inside(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", authority,
                                      *shown, STORE_URL + path])
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30).stdout

    def fails(self, name: str, **options: object) -> str:
        """The reason for which a component of OTHER's endpoint fails."""
        self.create_component(name, "same", **options)
        reason = self.wait_component(name, "Failed", timeout_s=60)["FailureReason"]
        self.call("delete_inference_component", InferenceComponentName=name)
        self.until(lambda: self.is_gone("describe_inference_component", InferenceComponentName=name), f"{name} to be gone")
        self.call("delete_model", ModelName=name)
        return reason

    def files_with(self, words: list[bytes]) -> list[str]:
        """Files of the server's state folder, instances' disks included, that hold one of the words."""
        found = []
        for path in self.plane.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [str(path) for word in words if word in content]
        return found


def each_account_has_an_endpoint_of_the_same_name_and_image(lab: Tenants) -> None:
    private = f"{datacenter.REGISTRY}:{PRIVATE_PORT}/serve:1"
    for account, image in ((ONE, private), (OTHER, lab.image())):
        with lab.account(account):
            lab.create_endpoint("same")
            lab.create_component("same", "same", copies=2, image=image)
    for account in (ONE, OTHER):
        with lab.account(account):
            lab.wait_component("same")

            def on_volume() -> bool:
                artifacts = lab.own("DescribeCaches", EndpointName="same")["Artifacts"]
                return {"image", "model"} <= {artifact["Kind"] for artifact in artifacts if artifact["InVolume"]}

            lab.until(on_volume, "image and model to be complete on the endpoint's volume")


def no_call_reaches_the_other_accounts_endpoint(lab: Tenants) -> None:
    with lab.account(ONE):
        lab.create_endpoint("mine", instances=1, instances_max=1)
    with lab.account(OTHER):
        assert lab.is_gone("describe_endpoint", EndpointName="mine")
        for call in (lambda: lab.invoke("mine", "x"), lambda: lab.own("DescribeTimeline", EndpointName="mine"),
                     lambda: lab.own("GetLogs", EndpointName="mine"), lambda: lab.call("delete_endpoint", EndpointName="mine")):
            try:
                answer = call()
            except ApiError as error:
                assert "mine" in str(error), error
            else:
                raise AssertionError(f"answered: {answer}")
    with lab.account(ONE):
        lab.delete_endpoint("mine")


def keys_prefixes_and_volumes_are_separate(lab: Tenants) -> None:
    uids = {account: lab.endpoint_record(account)["uid"] for account in (ONE, OTHER)}
    keys = {account: lab.key_file(account) for account in (ONE, OTHER)}
    assert keys[ONE].read_bytes() != keys[OTHER].read_bytes() and len(keys[ONE].read_bytes()) == 32
    names = []
    for account in (ONE, OTHER):
        store = lab.plane.root / "store" / uids[account]
        names.append({path.name for path in store.rglob("*") if path.is_file()})
    assert names[0] and names[1] and not names[0] & names[1], "the same image has the same names in both prefixes"
    for account in (ONE, OTHER):
        stranger = OTHER if account == ONE else ONE
        for place in (str(lab.plane.root / "volumes" / uids[account]), f"store:{lab.plane.root / 'store' / uids[account]}"):
            output_of([BINARY, "image", "verify", place, "--key-file", keys[account]])
            done = subprocess.run([BINARY, "image", "verify", place, "--key-file", keys[stranger]], capture_output=True, text=True)
            assert done.returncode != 0, f"{place} was read with another endpoint's key: {done.stdout}"


def the_store_answers_an_instance_for_its_own_endpoint_alone(lab: Tenants) -> None:
    uids = {account: lab.endpoint_record(account)["uid"] for account in (ONE, OTHER)}
    packs = {account: next(path.name for path in (lab.plane.root / "store" / uid / "packs").rglob("*") if path.is_file())
             for account, uid in uids.items()}
    for account in (ONE, OTHER):
        credential = lab.credential(lab.instances_of(account)[0])
        for whose in (ONE, OTHER):
            expected = "200" if whose == account else "403"
            for path in (f"/v1/objects/{uids[whose]}/packs/{packs[whose]}", f"/v1/list?folder={uids[whose]}"):
                status = lab.store_answers(credential, path)
                assert status == expected, f"{status} for an instance of {account} that asks for {path} of {whose}"
        assert lab.store_answers(credential, "/v1/list") == "403"
    assert lab.store_answers(None, f"/v1/list?folder={uids[ONE]}") in ("000", "401")


def a_released_instance_has_nothing_of_its_certificate(lab: Tenants) -> None:
    uid = lab.endpoint_record(ONE)["uid"]
    with lab.account(ONE):
        lab.scale("same", 3)
        lab.wait_component("same")
        stolen = {instance["InstanceId"]: lab.work / f"{instance['InstanceId']}.pem" for instance in lab.instances("same")}
        assert len(stolen) == 2
        for instance in lab.instances("same"):
            shutil.copy(lab.credential(instance), stolen[instance["InstanceId"]])
            assert lab.store_answers(stolen[instance["InstanceId"]], f"/v1/list?folder={uid}") == "200"
        lab.scale("same", 2)
        lab.wait_component("same")
        lab.until(lambda: len(lab.instances("same")) == 1, "the idle instance to be released")
        left = lab.instances("same")[0]["InstanceId"]
    for instance, credential in stolen.items():
        assert lab.store_answers(credential, f"/v1/list?folder={uid}") == ("200" if instance == left else "401")


def no_instance_has_another_accounts_model_folders(lab: Tenants) -> None:
    for account, another in ((ONE, OTHER), (OTHER, ONE)):
        for instance in lab.instances_of(account):
            root = f"/proc/{lab.plane.first_process(instance['InstanceId'])}/root"
            assert Path(f"{root}{lab.folders[account]}/real/weights").exists(), "its own folder is there"
            assert not Path(f"{root}{lab.folders[another]}").exists(), "another account's folder is in an instance"


def what_is_another_accounts_or_the_machines_own_is_refused(lab: Tenants) -> None:
    private = f"{datacenter.REGISTRY}:{PRIVATE_PORT}/serve"
    digest = lab.plane.records()[f"component/{ONE}/same"]["specs"][0]["container"]["resolved_image"].partition("@")[2]
    assert digest.startswith("sha256:")
    folder = lab.folders[ONE]
    denied = "nothing may be fetched from there"
    cases = {
        "image-tag": ({"image": f"{private}:1", "model": ""}, "asks for a user and a password"),
        "image-digest": ({"image": f"{private}@{digest}", "model": ""}, "asks for a user and a password"),
        "image-loopback": ({"image": "127.0.0.1:5000/serve:1", "model": ""}, denied),
        "image-metadata": ({"image": "169.254.169.254/serve:1", "model": ""}, denied),
        "folder": ({"model": f"file://{folder}/real/"}, "below none of the folders"),
        "folder-dots": ({"model": f"file://{lab.folders[OTHER]}/../{folder.name}/real/"}, '"." or ".."'),
        "folder-link": ({"model": f"file://{lab.folders[OTHER]}/link/"}, "a symbolic link leads out of"),
        "model-loopback": ({"model": "https://127.0.0.1/model.tar.gz"}, denied),
        "model-metadata": ({"model": "https://169.254.169.254/latest/meta-data/model.tar.gz"}, denied),
        "model-mapped": ({"model": "https://[::ffff:169.254.169.254]/model.tar.gz"}, denied),
        "model-control": ({"model": f"https://10.201.0.1:{HUB_PORT}/model.tar.gz"}, denied),
        "model-store": ({"model": f"{STORE_URL}/v1/list"}, denied),
    }
    with lab.account(OTHER):
        for name, (options, words) in cases.items():
            reason = lab.fails(name, **options)
            assert words in reason.lower(), f"{name}: {reason}"
            assert "weights of" not in reason
        lab.create_component("own", "same", model=f"file://{lab.folders[OTHER]}/real/")
        lab.wait_component("own")
        weights = lab.invoke("same", "GET /file?/opt/ml/model/weights", component="own")
        assert weights.strip() == f"weights of {OTHER}", "its own folder is open to an account"
        lab.call("delete_inference_component", InferenceComponentName="own")
        lab.until(lambda: lab.is_gone("describe_inference_component", InferenceComponentName="own"), "own to be gone")


def a_copy_reaches_nothing_but_itself(lab: Tenants) -> None:
    mine = lab.instances_of(ONE)[0]
    copies = [record for key, record in lab.plane.records().items() if key.startswith("copy/") and record["component"] == "same"]
    there = [copy["address"] for copy in copies if copy["account"] == OTHER]
    beside = [copy["address"] for copy in copies if copy["account"] == ONE]
    assert len(there) == 2 and len(beside) == 2 and all(there) and all(beside), copies
    assert all(address.startswith(mine["Address"] + ":") for address in beside), beside
    inside = ["nsenter", f"--net=/proc/{lab.plane.first_process(mine['InstanceId'])}/ns/net"]
    listener = subprocess.Popen([*DIE_WITH_PARENT, *inside, sys.executable, "-m", "http.server", "9090"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        targets = {"the instance": f"{mine['Address']}:9090", "the instance's bridge": "172.31.255.1:9090",
                   "the control plane": f"10.201.0.1:{HUB_PORT}", "the store": f"{datacenter.STORE}:{datacenter.STORE_PORT}",
                   "the registry": f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}",
                   "the bucket": f"{datacenter.MODELS}:{datacenter.MODELS_PORT}", "metadata": "169.254.169.254:80"}
        targets |= {f"copy {address} elsewhere": address for address in there}
        targets |= {f"copy {address} by the instance": address for address in beside}

        def answers(target: str) -> bool:
            probe = lab.center.inside(["bash", "-c", f"exec 3<>/dev/tcp/{target.replace(':', '/')}"])
            return subprocess.run(probe, stderr=subprocess.DEVNULL, timeout=10).returncode == 0

        lab.until(lambda: answers(targets["the instance"]), "the listener on the instance", 10)
        for what in ("the control plane", "the store", "the registry", "the bucket"):
            assert answers(targets[what]), f"{what} is not where the test looks for it"
        with lab.account(ONE):
            assert lab.ask("same", "/connect?127.0.0.1:8080") == "open", "a copy reaches itself"
            for what, target in targets.items():
                assert lab.ask("same", f"/connect?{target}") != "open", f"{what} at {target} is reached"
            own = [f"172.31.255.{slot}" for slot in range(2, 8)]
            reached = lab.ask("same", "/connect?" + ",".join(f"{address}:8080" for address in own)).split(",")
            assert len(reached) == len(own) and reached.count("open") == 1, f"not itself alone: {reached}"
    finally:
        listener.kill()
        listener.wait()


def after_a_delete_nothing_is_left_and_the_name_starts_anew(lab: Tenants) -> None:
    record, key = lab.endpoint_record(ONE), lab.key_of(ONE)
    wrapped = record["wrapped_key"].encode()
    forms = [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key).rstrip(b"="),
             base64.urlsafe_b64encode(key).rstrip(b"="), binascii.hexlify(key, " "), wrapped, wrapped.upper()]
    assert lab.files_with([wrapped]), "the search finds what is there"
    assert not lab.files_with([key, key.hex().encode()]), "the key lies unwrapped on a disk"
    with lab.account(ONE):
        lab.delete_endpoint("same")
        assert not lab.files_with(forms), "a key is left"
        for kind in ("store", "volumes"):
            assert not (lab.plane.root / kind / record["uid"]).exists(), f"{kind} is left"
        assert not [name for name in lab.plane.records() if record["uid"] in name or name.startswith(f"endpoint/{ONE}/")]
        lab.call("delete_endpoint_config", EndpointConfigName="same")
        lab.call("delete_model", ModelName="same")
        lab.deploy("same", image=f"{datacenter.REGISTRY}:{PRIVATE_PORT}/serve:1")
        copy = next(entry for entry in lab.timeline("same") if entry["Kind"] == "copy")
        sources = {phase["Name"]: phase["Source"] for phase in copy["Phases"] if "Source" in phase}
        assert sources["image"] == "registry" and sources["model"] == "origin", sources
        assert lab.endpoint_record(ONE)["uid"] != record["uid"] and lab.key_of(ONE) != key
    with lab.account(OTHER):
        assert "still" in lab.invoke("same", "still"), "the other account's endpoint serves on"


def main() -> int:
    with Tenants() as lab:
        return run_cases([
            each_account_has_an_endpoint_of_the_same_name_and_image,
            no_call_reaches_the_other_accounts_endpoint,
            keys_prefixes_and_volumes_are_separate,
            the_store_answers_an_instance_for_its_own_endpoint_alone,
            a_released_instance_has_nothing_of_its_certificate,
            no_instance_has_another_accounts_model_folders,
            what_is_another_accounts_or_the_machines_own_is_refused,
            a_copy_reaches_nothing_but_itself,
            after_a_delete_nothing_is_left_and_the_name_starts_anew,
        ], lab)


if __name__ == "__main__":
    sys.exit(main())
