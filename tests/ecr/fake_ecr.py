"""fake_ecr.py ADDRESS API_PORT REGISTRY_PORT OBJECTS_PORT UPSTREAM FOLDER: Amazon ECR in front of a plain registry, as far as a
pull sees it.

The API gives out authorization tokens to requests whose whole Authorization header is what botocore's SigV4Auth makes of them. The
registry takes the tokens by Basic authorization and passes on to UPSTREAM; blobs it redirects to the object store, which, as S3
does, refuses a request that brings another authorization than its URL's.

FOLDER/key.json is the only key that it knows: {"id", "secret", "session"}. FOLDER/rules.json, read at each request:

    token_s   how long a token is taken
    told_s    how long the API says that it is
    refuse    how many requests with a good token are answered 403 nevertheless
    slow_s    the wait before a manifest's answer

FOLDER/events.jsonl has a line for each thing that happened: {"what": "token" | "bad signature" | "served" | "expired" | "refused" |
"no login" | "object" | "object refused"}.
"""

from __future__ import annotations

import base64
import datetime
import http.client
import http.server
import json
import secrets
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-west-1"
TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
SKEW_MAX_S = 300
KEPT = ("content-type", "docker-content-digest", "content-length")


class Shared:
    address: str
    objects_port: int
    upstream: str
    folder: Path
    key: dict[str, str]
    lock = threading.Lock()
    tokens: dict[str, float] = {}  # password -> until when it is taken
    refused = 0

    @classmethod
    def rules(cls) -> dict:
        return json.loads((cls.folder / "rules.json").read_text())

    @classmethod
    def note(cls, what: str, **more: object) -> None:
        with cls.lock, open(cls.folder / "events.jsonl", "a") as out:
            out.write(json.dumps({"what": what, **more}) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: int, code: str, message: str, **headers: str) -> None:
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(),
                    {"content-type": "application/json", **headers})

    def pass_on(self) -> None:
        upstream = http.client.HTTPConnection(Shared.upstream, timeout=60)
        headers = {name: ", ".join(self.headers.get_all(name)) for name in ("Accept", "Range") if name in self.headers}
        upstream.request(self.command, self.path, headers=headers)
        response = upstream.getresponse()
        body = response.read()
        upstream.close()
        kept = {name.lower(): value for name, value in response.getheaders() if name.lower() in (*KEPT, "content-range")}
        self.answer(response.status, body, kept)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the events say it."""


class Api(Handler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wrong = self.what_is_wrong(body)
        if wrong:
            Shared.note("bad signature", why=wrong)
            self.answer(400, json.dumps({"__type": "InvalidSignatureException", "message": wrong}).encode())
            return
        rules = Shared.rules()
        password = secrets.token_hex(16)
        with Shared.lock:
            Shared.tokens[password] = time.monotonic() + rules["token_s"]
        Shared.note("token")
        entry = {"authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
                 "expiresAt": time.time() + rules["told_s"], "proxyEndpoint": "https://example.invalid"}
        self.answer(200, json.dumps({"authorizationData": [entry]}).encode(), {"content-type": "application/x-amz-json-1.1"})

    def what_is_wrong(self, body: bytes) -> str:
        """"" for a request that botocore's signer would have signed as it is."""
        given = self.headers.get("Authorization", "")
        stamp = self.headers.get("X-Amz-Date", "")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        for needed in ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"):
            if needed not in names:
                return f"{needed} is not signed"
        if self.headers["X-Amz-Target"] != TARGET or self.headers["X-Amz-Security-Token"] != Shared.key["session"] or json.loads(body) != {}:
            return "another call, or another session"
        then = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(time.time() - then.timestamp()) > SKEW_MAX_S:
            return f"signed at {stamp}"
        request = AWSRequest(method="POST", url=f"http://{self.headers['Host']}{self.path}", data=body,
                             headers={name: self.headers[name] for name in names if name != "host"})
        request.context["timestamp"] = stamp
        signer = SigV4Auth(Credentials(Shared.key["id"], Shared.key["secret"], Shared.key["session"]), "ecr", REGION)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        expected = (f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={';'.join(names)}, "
                    f"Signature={signer.signature(text, request)}")
        return "" if given == expected else f"{given} instead of {expected}"


class Registry(Handler):
    def do_GET(self) -> None:
        password = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode().removeprefix("AWS:")
        until = Shared.tokens.get(password)
        if until is None:
            Shared.note("no login")
            self.fail(401, "UNAUTHORIZED", "Not Authorized",
                      **{"WWW-Authenticate": 'Basic realm="https://ecr.invalid/",service="ecr.amazonaws.com"'})
            return
        if time.monotonic() > until:
            Shared.note("expired")
            self.fail(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
            return
        rules = Shared.rules()
        with Shared.lock:
            refuse = Shared.refused < rules["refuse"]
            Shared.refused += refuse
        if refuse:
            Shared.note("refused")
            self.fail(403, "DENIED", "User is not authorized")
            return
        Shared.note("served", path=self.path)
        if "/blobs/" in self.path:
            self.answer(307, b"", {"location": f"http://{Shared.address}:{Shared.objects_port}{self.path}?X-Amz-Signature=abc"})
            return
        time.sleep(rules["slow_s"])
        self.pass_on()

    do_HEAD = do_GET


class Objects(Handler):
    def do_GET(self) -> None:
        if "Authorization" in self.headers or "X-Amz-Signature" not in self.path:
            Shared.note("object refused")
            self.answer(400, b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>")
            return
        Shared.note("object")
        self.path = urlsplit(self.path).path
        self.pass_on()


def main() -> None:
    address, api, registry, objects, upstream, folder = sys.argv[1:]
    Shared.address, Shared.objects_port, Shared.upstream, Shared.folder = address, int(objects), upstream, Path(folder)
    Shared.key = json.loads((Shared.folder / "key.json").read_text())
    for port, handler in ((objects, Objects), (registry, Registry)):
        server = http.server.ThreadingHTTPServer((address, int(port)), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    http.server.ThreadingHTTPServer((address, int(api)), Api).serve_forever()


if __name__ == "__main__":
    main()
