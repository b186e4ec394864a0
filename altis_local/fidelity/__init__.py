"""Does an environment behave as Altis Cloud does? Rows of a contract as data, and probes that ask a running one.

A client of the environment like any other, above `environment` and beside `drill`; the command line calls `run`.
"""
