"""Every command line and configuration file of Zeropull that the demo uses, in one place."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from scaleout import datacenter, recipe
from scaleout.datacenter import Datacenter
from scaleout.instance import CONTAINERD_SOCKET, Instance
from scaleout.shell import DemoError, step, wait_until

AGENT_SOCKET = "/run/zeropull/agent.sock"
INSTALLED = "/opt/zeropull/bin/zeropull"  # on an instance
REGISTRY = f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}"
STORE_URL = f"https://{datacenter.STORE}:{datacenter.STORE_PORT}"

# What an operator adds to containerd's configuration.
CONTAINERD_CONFIG = f"""
[proxy_plugins.zeropull]
  type = "snapshot"
  address = "{AGENT_SOCKET}"
"""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint's cache as the operator's machine holds it: key, cache volume, store and what a client of the store needs."""

    binary: Path
    home: Path

    @property
    def key(self) -> Path: return self.home / "endpoint.key"

    @property
    def volume(self) -> Path: return self.home / "volume"

    @property
    def store(self) -> Path: return self.home / "store"

    @property
    def grants(self) -> Path: return self.home / "store.tokens"  # the server's: who may do what

    @property
    def token(self) -> Path: return self.home / "store.token"  # the instances'

    @property
    def certificates(self) -> Path: return self.home / "certificates"

    @property
    def authority(self) -> Path: return self.certificates / "cert.pem"  # the server's own: it is self-signed


def convert(endpoint: Endpoint, center: Datacenter, target: str, what: str) -> None:
    """The image from the registry into `target` (a folder, or store:FOLDER), inside the datacenter, without a link limit."""
    reference = f"docker://{REGISTRY}/{recipe.REPOSITORY}:{recipe.TAG}"
    with step(f"zeropull image convert to {what}"):
        center.run([endpoint.binary, "image", "convert", "--from", reference, "--to", target, "--key-file", endpoint.key,
                    "--plain-http"], timeout_s=600)


def prepare_volume(endpoint: Endpoint, center: Datacenter) -> None:
    convert(endpoint, center, str(endpoint.volume), "a cache volume")


def prepare_store(endpoint: Endpoint, center: Datacenter) -> None:
    convert(endpoint, center, f"store:{endpoint.store}", "the encrypted store")
    token = secrets.token_hex(16)
    for path, text in ((endpoint.grants, f"{token} read *\n"), (endpoint.token, f"{token}\n")):
        path.write_text(text)
        path.chmod(0o600)
    center.serve("store", datacenter.STORE, datacenter.STORE_PORT,
                 [endpoint.binary, "store", "serve", "--dir", endpoint.store, "--token-file", endpoint.grants,
                  "--listen", f"{datacenter.STORE}:{datacenter.STORE_PORT}", "--cert-dir", endpoint.certificates])


def agent_config(with_key: bool, with_volume: bool, with_store: bool) -> str:
    config: dict = {"root": "/var/lib/zeropull", "socket": AGENT_SOCKET, "registries": {"plain_http": [REGISTRY]}}
    if with_key:
        config["key_file"] = "/run/zeropull/endpoint.key"
    if with_volume:
        config["volumes"] = ["/volume"]
    if with_store:
        config["stores"] = [{"url": STORE_URL, "token_file": "/run/zeropull/store.token", "ca_file": "/run/zeropull/ca.pem",
                             "publish": False}]
    return json.dumps(config, indent=2)


def start_agent(instance: Instance, endpoint: Endpoint, with_volume: bool = False, with_store: bool = False) -> None:
    """Gives the instance its configuration and secrets, as whatever launches a machine does, and starts the agent on it."""
    with_key = with_volume or with_store
    if with_key:
        instance.write_file("/run/zeropull/endpoint.key", endpoint.key.read_bytes())
    if with_store:
        instance.write_file("/run/zeropull/store.token", endpoint.token.read_bytes())
        instance.write_file("/run/zeropull/ca.pem", endpoint.authority.read_bytes())
    instance.write_file("/run/zeropull/agent.json", agent_config(with_key, with_volume, with_store))
    agent = instance.spawn("agent", [INSTALLED, "agent", "--config", "/run/zeropull/agent.json"])

    def listens() -> bool:
        if agent.poll() is not None:
            raise DemoError(f"the agent ended with code {agent.returncode}")
        return instance.inner_path(AGENT_SOCKET).exists()

    wait_until(listens, "the instance's agent")


def run_command() -> list[str]:
    """Starts the demo's container on an instance, with the image's own command."""
    return [INSTALLED, "run", "--image", datacenter.image_reference(), "--plain-http", "--agent", AGENT_SOCKET, "--containerd",
            CONTAINERD_SOCKET]
