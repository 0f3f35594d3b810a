"""InvokeEndpoint and InvokeEndpointWithResponseStream through a current boto3 against a copy of tests/serve_payload.c: ZP_INVOKE names
an endpoint with a component of the same name that serves it, on a server with real instances."""
import os
import time
import unittest

import boto3
import botocore.config
import botocore.exceptions
from service import OWN, REGION, URL, ServiceTest, unique

NAME = os.environ["ZP_INVOKE"]


class Invocations(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = botocore.config.Config(retries={"max_attempts": 0})
        cls.runtime = boto3.client("sagemaker-runtime", endpoint_url=URL, region_name=REGION, aws_access_key_id=OWN["id"],
                                   aws_secret_access_key=OWN["secret"], config=config)

    def invoke(self, body, **changes):
        return self.runtime.invoke_endpoint(**{"EndpointName": NAME, "InferenceComponentName": NAME, "Body": body, **changes})

    def stream(self, body):
        answer = self.runtime.invoke_endpoint_with_response_stream(EndpointName=NAME, InferenceComponentName=NAME, Body=body)
        self.assertEqual(answer["ContentType"], "text/x-parts")
        return answer["Body"]

    def error(self, call, *arguments, **named):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*arguments, **named)
        return caught.exception.response

    def test_an_answer_is_of_the_copy_that_is_named_as_its_variant(self):
        answer = self.invoke(b"hello")
        self.assertTrue(answer["Body"].read().endswith(b" hello"))
        self.assertEqual(answer["InvokedProductionVariant"], "all")

    def test_a_chunked_answer_is_a_body_to_invoke_endpoint(self):
        answer = self.invoke(b"chunks 3")
        self.assertEqual(answer["Body"].read(), b"part 0;part 1;part 2;")
        self.assertEqual(answer["ContentType"], "text/x-parts")

    def test_parts_of_a_stream_come_when_the_copy_sends_them(self):
        begin = time.monotonic()
        parts, times = [], []
        for event in self.stream(b"chunks 6"):
            parts.append(event["PayloadPart"]["Bytes"])
            times.append(time.monotonic() - begin)
        self.assertEqual(b"".join(parts), b"".join(b"part %d;" % i for i in range(6)))
        self.assertGreater(times[-1] - times[0], 0.3, "the first part waited for the last")

    def test_a_stream_that_breaks_ends_with_an_error(self):
        parts = []
        with self.assertRaises(botocore.exceptions.EventStreamError) as caught:
            for event in self.stream(b"cut 2"):
                parts.append(event["PayloadPart"]["Bytes"])
        self.assertEqual(b"".join(parts), b"part 0;part 1;")
        self.assertEqual(caught.exception.response["Error"]["Code"], "ModelStreamError")

    def test_a_cut_answer_is_never_whole(self):
        with self.assertRaises((botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError)):
            self.invoke(b"cut 2")["Body"].read()

    def test_what_the_copy_refuses_is_a_model_error_with_its_words(self):
        response = self.error(self.invoke, b"status 418")
        self.assertEqual(response["Error"]["Code"], "ModelError")
        self.assertEqual(response["OriginalStatusCode"], 418)
        self.assertEqual(response["OriginalMessage"], "as asked")

    def test_what_is_not_there_is_said(self):
        for changes in ({"EndpointName": unique("absent")}, {"InferenceComponentName": unique("absent")}):
            self.assertEqual(self.error(self.invoke, b"x", **changes)["Error"]["Code"], "ValidationError")


if __name__ == "__main__":
    unittest.main()
