"""Drills: break a running environment on purpose and judge what its clients saw.

A drill is a client like any other; control does not know that it is being drilled. Import from the submodules: this
package stays empty, because the workload's container imports it and has to start fast.
"""
