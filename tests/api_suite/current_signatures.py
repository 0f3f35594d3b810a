"""Who is let in, with requests that no SDK would send; and Zeropull's own operations, which no SDK knows."""
import datetime
import hashlib
import hmac
import json
import unittest
import urllib.error
import urllib.request

from service import FOREIGN, OWN, REGION, URL, ServiceTest, client


def signed(target, body, key=OWN, secret=None, time=None, service="sagemaker", signed_names=("content-type", "host", "x-amz-date", "x-amz-target")):
    """A request signed by the steps of the reference."""
    time = time or datetime.datetime.now(datetime.timezone.utc)
    stamp = time.strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": "application/x-amz-json-1.1", "host": URL.split("//")[1], "x-amz-date": stamp, "x-amz-target": target}
    names = ";".join(signed_names)
    lines = "".join(f"{name}:{headers[name]}\n" for name in signed_names)
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{REGION}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    digest = lambda secret_key, text: hmac.new(secret_key, text.encode(), "sha256").digest()
    derived = ("AWS4" + (secret or key["secret"])).encode()
    for part in scope.split("/"):
        derived = digest(derived, part)
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={key['id']}/{scope}, SignedHeaders={names}, "
                                f"Signature={digest(derived, to_sign).hex()}")
    return headers


def send(headers, body):
    request = urllib.request.Request(URL + "/", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


class Signatures(ServiceTest):
    BODY = b"{}"

    def expect(self, code, headers, body=BODY):
        status, answer = send(headers, body)
        self.assertEqual(answer["__type"], code, answer)
        self.assertIn(status, (400, 403))

    def test_a_good_signature_is_let_in(self):
        self.assertEqual(send(signed("SageMaker.ListModels", self.BODY), self.BODY)[0], 200)

    def test_bad_ones_are_not(self):
        target = "SageMaker.ListModels"
        good = signed(target, self.BODY)
        self.expect("InvalidSignatureException", signed(target, self.BODY, secret="wrong"))
        self.expect("InvalidSignatureException", good, b"{ }")
        self.expect("InvalidSignatureException", {**good, "x-amz-target": "SageMaker.ListEndpoints"})
        self.expect("UnrecognizedClientException", signed(target, self.BODY, {"id": "AKIANOBODY", "secret": "x"}))
        self.expect("MissingAuthenticationTokenException", {k: v for k, v in good.items() if k != "authorization"})
        self.expect("IncompleteSignatureException", {**good, "authorization": "AWS4-HMAC-SHA256 Credential=x"})
        self.expect("InvalidSignatureException", signed(target, self.BODY, service="monitoring"))
        self.expect("InvalidSignatureException", signed(target, self.BODY, signed_names=("host", "x-amz-date")))
        for minutes in (-16, 16):
            skewed = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
            self.expect("InvalidSignatureException", signed(target, self.BODY, time=skewed))

    def test_boto3_reports_them(self):
        self.refused("signature", client(aws_secret_access_key="wrong").list_models, "InvalidSignatureException")
        self.refused("", client(aws_access_key_id="AKIANOBODY").list_models, "UnrecognizedClientException")

    def test_unknown_operations_and_bodies_that_are_not_json(self):
        status, answer = send(signed("SageMaker.CreateTrainingJob", self.BODY), self.BODY)
        self.assertEqual((status, answer["__type"]), (404, "UnknownOperationException"))
        for body in (b"{", b"[]", b'{"ModelName": 5}', b"\xff", b"[" * 10000):
            self.expect("SerializationException", signed("SageMaker.DescribeModel", body), body)

    def test_our_own_operations(self):
        call = lambda name, given, key=OWN: send(signed(f"Zeropull.{name}", json.dumps(given).encode(), key), json.dumps(given).encode())
        endpoint = self.make_endpoint()
        self.assertEqual(call("ListInstances", {"EndpointName": endpoint}), (200, {"Instances": []}))
        self.assertEqual(call("DescribeTimeline", {"EndpointName": endpoint})[1]["Entries"], [])
        self.assertEqual(call("GetLogs", {"EndpointName": endpoint}), (200, {"Copies": []}))
        for name in ("ListInstances", "DescribeTimeline", "GetLogs"):
            status, answer = call(name, {"EndpointName": endpoint}, FOREIGN)
            self.assertEqual(answer["__type"], "ValidationException")
            self.assertIn("Could not find endpoint", answer["message"])


if __name__ == "__main__":
    unittest.main()
