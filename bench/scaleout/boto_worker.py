"""A boto3 client as a process of its own, in the network namespace that the control plane is in: one JSON line a call and an answer.

    {"service": "sagemaker", "operation": "create_model", "arguments": {..}}  ->  {"answer": {..}} or {"error": {"code", "message"}}

Streams become lists of their pieces, bodies text. Run by client.py with the demo's virtual environment.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def plain(answer: dict) -> dict:
    """What JSON can carry of an answer."""
    answer.pop("ResponseMetadata", None)
    body = answer.get("Body")
    if hasattr(body, "read"):
        answer["Body"] = body.read().decode()
    elif body is not None:
        answer["Body"] = [event["PayloadPart"]["Bytes"].decode() for event in body]
    return json.loads(json.dumps(answer, default=lambda value: value.timestamp()))


def main() -> None:
    clients: dict = {}
    config = Config(read_timeout=900, retries={"max_attempts": 0})
    for line in sys.stdin:
        call = json.loads(line)
        service = call["service"]
        client = clients.get(service) or clients.setdefault(service, boto3.client(service, config=config))
        try:
            result = {"answer": plain(getattr(client, call["operation"])(**call["arguments"]))}
        except ClientError as error:
            result = {"error": {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}}
        except BotoCoreError as error:
            result = {"error": {"code": type(error).__name__, "message": str(error)}}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
