"""HAProxy's tables, as HAProxy 3.0 printed them (columns left out)."""

from __future__ import annotations

from altis_local.clients import haproxy_rows
from altis_local.model.state import Proxy, ProxyServer

STAT = """\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,
db-writer,FRONTEND,,,0,0,0,0,OPEN,
cache,FRONTEND,,,0,0,800,0,OPEN,
db-writer,db-1,1,1,4,9,,12,no check,
db-writer,db-2,0,0,2,2,,2,DOWN,
db-writer,db-3,0,0,0,0,,0,MAINT,
admin,FRONTEND,,,1,1,32,1,OPEN,
admin,self,0,0,1,1,,1,no check,
"""
STATES = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight
4 db-writer 1 db-1 10.0.0.1 2 4 1
4 db-writer 2 db-2 10.0.0.2 0 12 1
4 db-writer 3 db-3 10.0.0.3 0 5 1
8 admin 1 self - 2 0 1
"""


def test_modes_are_what_was_ordered_and_the_runtime_api_is_no_traffic() -> None:
    assert haproxy_rows.proxy("endpoints-a", STAT, STATES) == Proxy(
        "endpoints-a",
        (
            ProxyServer("db-writer", "db-1", "ready", True, 5),
            ProxyServer("db-writer", "db-2", "drain", False, 2),
            ProxyServer("db-writer", "db-3", "maint", False, 0),
        ),
        frozenset({"db-writer"}),
    )
