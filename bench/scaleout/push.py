"""Pushes an OCI layout to a registry over plain HTTP: python3 -m scaleout.push LAYOUT HOST:PORT REPOSITORY TAG

A program of its own because it runs inside the datacenter's network namespace. Blobs that the registry has are not sent again.
"""

from __future__ import annotations

import http.client
import json
import sys
import urllib.parse
from pathlib import Path


def expect(connection: http.client.HTTPConnection, wanted: tuple[int, ...], method: str, url: str, body=None,
           headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    """One request; its response, read to the end. Exits with the registry's words on any other status."""
    connection.request(method, url, body=body, headers=headers or {})
    response = connection.getresponse()
    text = response.read()
    if response.status not in wanted:
        raise SystemExit(f"push: {method} {url}: {response.status} {response.reason}: {text[:500]!r}")
    return response


def push_blob(connection: http.client.HTTPConnection, repository: str, descriptor: dict, layout: Path) -> None:
    digest = descriptor["digest"]
    if expect(connection, (200, 404), "HEAD", f"/v2/{repository}/blobs/{digest}").status == 200:
        return
    location = expect(connection, (202,), "POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    target = urllib.parse.urlsplit(location)
    query = "&".join(part for part in (target.query, urllib.parse.urlencode({"digest": digest})) if part)
    with open(layout / "blobs" / digest.replace(":", "/"), "rb") as blob:
        expect(connection, (201,), "PUT", f"{target.path}?{query}", blob,
               {"Content-Length": str(descriptor["size"]), "Content-Type": "application/octet-stream"})


def main(layout: Path, host: str, repository: str, tag: str) -> None:
    connection = http.client.HTTPConnection(host, timeout=120, blocksize=1 << 20)
    manifest_descriptor = json.loads((layout / "index.json").read_text())["manifests"][0]
    manifest_bytes = (layout / "blobs" / manifest_descriptor["digest"].replace(":", "/")).read_bytes()
    manifest = json.loads(manifest_bytes)
    for descriptor in (manifest["config"], *manifest["layers"]):
        push_blob(connection, repository, descriptor, layout)
    headers = {"Content-Type": manifest["mediaType"]}
    expect(connection, (201,), "PUT", f"/v2/{repository}/manifests/{tag}", manifest_bytes, headers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
