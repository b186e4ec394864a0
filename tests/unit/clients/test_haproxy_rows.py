"""HAProxy's tables, as HAProxy 3.0 printed them (columns left out)."""

from __future__ import annotations

import pytest

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
SESSION = (
    "{id}: proto=tcpv4 src=10.0.0.9:46 fe=db-writer be={backend} srv={server} ts=00 epoch=0 age=2s calls=1 rate=0 "
    "cpu=0 lat=0 rq[f=8h,i=0,an=00h,ax=] rp[f=8h,i=0,an=00h,ax=] scf=[8,0h,fd=12,rex=8h,wex=] "
    "scb=[{state},1h,fd=13,rex=8h,wex=] exp=7h59m rc=0 c_exp="
)


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


@pytest.mark.parametrize(
    ("session", "is_cut"),
    [
        ({"backend": "db-writer", "server": "db-1", "state": 8}, True),
        ({"backend": "db-writer", "server": "db-1", "state": 5}, False),
        ({"backend": "db-writer", "server": "db-2", "state": 8}, False),
        ({"backend": "db-reader", "server": "db-1", "state": 8}, False),
    ],
    ids=["established", "connecting", "another server", "another backend"],
)
def test_only_established_sessions_of_the_server_are_cut(session: dict[str, object], is_cut: bool) -> None:
    text = SESSION.format(id="0x7fc09f855c00", **session)
    assert haproxy_rows.established(text, "db-writer", ["db-1"]) == (("0x7fc09f855c00",) if is_cut else ())
