"""Endpoints that stay in Creating: tests/api_server.cc leaves those that are named "stuck..." there."""
import unittest

from service import ServiceTest, arn, unique


class StuckEndpoints(ServiceTest):
    def test_an_endpoint_that_is_stuck_is_deleted_and_not_updated(self):
        config = self.make_config()
        name = self.make_endpoint(config, unique("stuck"))
        component = self.make_component(name)
        self.refused(f'Cannot update in-progress endpoint "{arn("endpoint", name)}".', self.api.update_endpoint, EndpointName=name,
                     EndpointConfigName=config)
        self.api.delete_endpoint(EndpointName=name)
        self.wait("endpoint_deleted", name)
        self.refused("Could not find inference component", self.api.describe_inference_component, InferenceComponentName=component)


if __name__ == "__main__":
    unittest.main()
