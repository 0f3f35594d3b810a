"""The scale-out demo: how long a brand-new machine takes from "start this container" to the container's first output.

`./demo` runs this package (python3 -m scaleout, with bench/ on PYTHONPATH). It needs root, Debian's packages of the group `run`,
and nothing outside Python's standard library. Where to start reading: `__main__.py` is the story, `instance.py` the machine that
is started, `datacenter.py` the services that it reaches over its limited link, `runs.py` the ways that are compared, `measure.py`
what is timed, `zeropull.py` every command line of ours.
"""
