"""The headline figures of altis-local, measured on this machine: `make bench`, or `python -m benchmarks`.

One module for each kind of figure; `catalogue` lists them, `runner` measures run by run into results/, and `page`
renders RESULTS.md. Like a drill, a benchmark is a client of the product: it measures the commands that people type.
"""
