"""The server under test, from ZP_API, and clients of it. Works with old and current boto3."""
import json
import os
import secrets
import unittest

import boto3
import botocore.config
import botocore.exceptions

TOLD = json.loads(os.environ["ZP_API"])
URL = TOLD["url"]
OWN, FOREIGN = TOLD["keys"]
REGION = "us-east-1"

IMAGE = os.environ.get("ZP_API_IMAGE", "registry.test/lmi:v15")  # one that a real fleet can start


def client(key=OWN, service="sagemaker", **changes):
    keys = {"aws_access_key_id": key["id"], "aws_secret_access_key": key["secret"], **changes}
    config = botocore.config.Config(retries={"max_attempts": 0})
    return boto3.client(service, endpoint_url=URL, region_name=REGION, config=config, **keys)


def unique(prefix):
    return f"{prefix}-{secrets.token_hex(4)}"


def arn(kind, name, account=OWN["account"]):
    return f"arn:aws:sagemaker:{REGION}:{account}:{kind}/{name}"


class ServiceTest(unittest.TestCase):
    """Names of what a test makes are unique, and what it made is deleted, so that the suite may run against a server in use."""

    @classmethod
    def setUpClass(cls):
        cls.api = client()
        cls.scaling = client(service="application-autoscaling")
        cls.metrics = client(service="cloudwatch")

    def refused(self, text, call, code="ValidationException", **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        self.assertIn(text, error["Message"])
        return caught.exception.response

    def make_model(self, name=None, **changes):
        name = name or unique("model")
        self.api.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE},
                              ExecutionRoleArn="arn:aws:iam::111122223333:role/inference", **changes)  # old clients ask for a role
        self.addCleanup(self.quietly, self.api.delete_model, ModelName=name)
        return name

    def make_config(self, model=None, **changes):
        """Without a model: of inference components, on no instance to begin with."""
        name = unique("config")
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.g6.2xlarge", **changes}
        if model:
            variant.update(ModelName=model, InitialInstanceCount=1)
        else:
            variant.setdefault("ManagedInstanceScaling", {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2})
        self.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.addCleanup(self.quietly, self.api.delete_endpoint_config, EndpointConfigName=name)
        return name

    def make_endpoint(self, config=None, name=None, **changes):
        name = name or unique("endpoint")
        self.api.create_endpoint(EndpointName=name, EndpointConfigName=config or self.make_config(), **changes)
        self.addCleanup(self.quietly, self.api.delete_endpoint, EndpointName=name)
        return name

    def make_component(self, endpoint, copies=0, model=None, **changes):
        name = unique("component")
        specification = {
            "ModelName": model or self.make_model(),
            "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024},
        }
        arguments = {"Specification": specification, "VariantName": "AllTraffic", "RuntimeConfig": {"CopyCount": copies}, **changes}
        self.api.create_inference_component(InferenceComponentName=name, EndpointName=endpoint, **arguments)
        return name

    def wait(self, waiter, name):
        self.api.get_waiter(waiter).wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    @staticmethod
    def quietly(call, **arguments):
        try:
            call(**arguments)
        except botocore.exceptions.ClientError:
            pass
