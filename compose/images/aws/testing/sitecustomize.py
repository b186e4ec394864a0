"""A slow disk, for tests: mounted into the image, it makes every commit of the S3 journal take its time.

An answer that is sent before its commit is then out for long enough to be caught by a kill.
"""

import time

from altis_s3.journal import Journal

SECONDS = 0.02
_write = Journal._write


def _write_slowly(self, rows):
    time.sleep(SECONDS)  # noqa: TID251 - a disk, not a wait
    _write(self, rows)


Journal._write = _write_slowly
