"""Debian's boto3 and AWS CLI, which know endpoints and not inference components."""
import json
import os
import subprocess
import unittest

from service import OWN, REGION, URL, ServiceTest, arn, unique


class OldBoto3(ServiceTest):
    def test_an_endpoint_comes_and_goes(self):
        model = self.make_model()
        endpoint = self.make_endpoint(self.make_config(model))
        self.assertEqual(self.api.describe_endpoint(EndpointName=endpoint)["EndpointArn"], arn("endpoint", endpoint))
        self.assertIn(model, [one["ModelName"] for one in self.api.list_models(NameContains=model)["Models"]])
        self.api.delete_endpoint(EndpointName=endpoint)
        self.wait("endpoint_deleted", endpoint)

    def test_errors_are_understood(self):
        self.refused("Could not find endpoint", self.api.describe_endpoint, EndpointName="absent")


class Cli(ServiceTest):
    def aws(self, *arguments, check=True):
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": OWN["id"], "AWS_SECRET_ACCESS_KEY": OWN["secret"],
                       "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", URL, "--output", "json", "sagemaker", *arguments], env=environment,
                              capture_output=True, text=True, timeout=60, check=False)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout) if done.stdout else None
        return done

    def test_models_by_the_command_line(self):
        name = unique("cli")
        made = self.aws("create-model", "--model-name", name, "--primary-container", "Image=r.test/a:1,ModelDataUrl=s3://b/m.tar.gz",
                        "--execution-role-arn", "arn:aws:iam::111122223333:role/inference", "--tags", "Key=team,Value=ml")
        self.assertEqual(made["ModelArn"], arn("model", name))
        self.assertEqual(self.aws("describe-model", "--model-name", name)["PrimaryContainer"]["Image"], "r.test/a:1")
        self.assertEqual(self.aws("list-tags", "--resource-arn", made["ModelArn"])["Tags"], [{"Key": "team", "Value": "ml"}])
        self.assertEqual(len(self.aws("list-models", "--name-contains", name)["Models"]), 1)
        self.aws("delete-model", "--model-name", name)
        failed = self.aws("describe-model", "--model-name", name, check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("An error occurred (ValidationException) when calling the DescribeModel operation: Could not find model",
                      failed.stderr)

    def test_waiting_by_the_command_line(self):
        name = self.make_endpoint(self.make_config(self.make_model()))
        self.api.delete_endpoint(EndpointName=name)
        self.aws("wait", "endpoint-deleted", "--endpoint-name", name)


if __name__ == "__main__":
    unittest.main()
