"""What is made of MySQL's answers."""

from __future__ import annotations

import pytest

from altis_local.clients.mysql_queries import receiver

UNREACHED = (
    "Error reconnecting to source 'altis_replica@10.0.0.1:3306'. This was attempt 1/86400. Message: Lost connection"
)
PURGED = "Got fatal error 1236 from source when reading data from binary log"
APPLIER = "Could not execute Write_rows event on table wordpress.wp_posts; Duplicate entry '1'"


@pytest.mark.parametrize(
    ("receiving", "applying", "error"),
    [
        ("", "", ""),
        (UNREACHED, "", ""),
        (UNREACHED, APPLIER, APPLIER),
        (PURGED, "", PURGED),
        ("", APPLIER, APPLIER),
    ],
)
def test_a_source_that_cannot_be_reached_is_no_error_of_the_member(receiving: str, applying: str, error: str) -> None:
    row = {
        "Source_Host": "10.0.0.1",
        "Replica_IO_Running": "No",
        "Replica_SQL_Running": "Yes",
        "Retrieved_Gtid_Set": "",
        "Seconds_Behind_Source": None,
        "Last_IO_Error": receiving,
        "Last_SQL_Error": applying,
    }
    found = receiver([row])
    assert found is not None
    assert found.error == error
