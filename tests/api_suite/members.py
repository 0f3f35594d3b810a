"""Walks the members of an operation's input in botocore's own model, for the suites that show that none is accepted and ignored."""
import copy
import pathlib
import re

import botocore


def paths(value, at=""):
    """The members that a request has, as "ProductionVariants[].VariantName"."""
    found = set()
    if isinstance(value, dict):
        for name, below in value.items():
            found |= {f"{at}.{name}".lstrip(".")} | paths(below, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list):
        for below in value:
            found |= paths(below, at + "[]")
    return found


def sample(shape):
    """A value that botocore lets pass, with required members alone."""
    if shape.type_name == "structure":
        names = list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else shape.required_members
        return {name: sample(shape.members[name]) for name in names}
    if shape.type_name == "list":
        return [sample(shape.member)]
    if shape.type_name == "map":
        return {"K": sample(shape.value)}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "a" * max(1, shape.metadata.get("min", 0))
    if shape.type_name == "boolean":
        return True
    return max(1, shape.metadata.get("min", 0))


def with_member(request, path, value):
    """The request with the value at the path, in the first element of each list; None where the request has no such parent."""
    changed = copy.deepcopy(request)
    at = changed
    *parents, last = path.split(".")
    for part in parents:
        name, lists = part.removesuffix("[]"), part.endswith("[]")
        if name not in at:
            return None
        at = at[name][0] if lists else at[name]
    at[last] = value
    return changed


def documented(service=""):
    """The refused members by the page for users: of SageMaker, or of another service by its name there."""
    page = (pathlib.Path(__file__).parents[2] / "docs/api-members.md").read_text()
    prefix = service + ":" if service else ""
    return {f"{operation} {path}" for operation, path in re.findall(
        rf"^\| {prefix}(\w+) \| `([\w.\[\]]+)` \|", page, re.MULTILINE)}


def refused_members(test, client, operation, requests, code="ValidationException"):
    """Sends a variant of the requests with each member that the model has and none of them; the names of these, each refused with its
    name. Below a refused member nothing more is asked: there is nothing to accept."""
    accepted = set().union(*(paths(request) for request in requests))
    call = getattr(client, botocore.xform_name(operation))
    refused = set()

    def walk(shape, at):
        if shape.type_name == "list":
            return walk(shape.member, at + "[]")
        if shape.type_name != "structure":
            return
        for name, member in shape.members.items():
            path = f"{at}.{name}".lstrip(".")
            if path in accepted:
                walk(member, path)
                continue
            changed = next((one for request in requests if (one := with_member(request, path, sample(member)))), None)
            test.assertIsNotNone(changed, f"{operation}: no case has the parent of {path}")
            test.refused(f"Member {path.replace('[]', '[0]')} is not supported by Zeropull: ", call, code=code, **changed)
            refused.add(f"{operation} {path}")

    walk(client.meta.service_model.operation_model(operation).input_shape, "")
    return refused
