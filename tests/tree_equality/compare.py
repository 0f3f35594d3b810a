"""compare.py EXPECTED.json ACTUAL.json: exits 1 and prints the first differences of two listings of list_tree.py."""

import json
import sys

SHOWN_MAX = 20


def differences(expected, actual):
    for path in sorted(expected.keys() | actual.keys()):
        if path not in actual:
            yield f"{path!r}: missing; expected {expected[path]}"
        elif path not in expected:
            yield f"{path!r}: should not be there: {actual[path]}"
        else:
            for field in sorted(expected[path].keys() | actual[path].keys()):
                want, have = expected[path].get(field), actual[path].get(field)
                if want != have:
                    yield f"{path!r}: {field} is {have}; expected {want}"


def main():
    with open(sys.argv[1]) as expected, open(sys.argv[2]) as actual:
        found = list(differences(json.load(expected), json.load(actual)))
    for line in found[:SHOWN_MAX]:
        print(line)
    if len(found) > SHOWN_MAX:
        print(f"... and {len(found) - SHOWN_MAX} more")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
