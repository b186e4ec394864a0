"""The clients of a drill. Runs inside a container of the environment: `python -m altis_local.drill.workload`.

It acts as WordPress and its visitors do and writes down every operation before it begins and when it ends, one JSON
line each, on standard output. It knows no control plane and judges nothing.
"""
