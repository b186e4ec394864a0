"""Sizes of pictures, read from their first bytes."""

from __future__ import annotations

import struct

import pytest

from altis_local.fidelity.probes.images import frames, measured

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s2I", 13, b"IHDR", 400, 300) + b"\x08\x03"
GIF = b"GIF89a" + struct.pack("<2H", 60, 40) + b"\x00" * 3 + b"\x21\xf9\x04\x00" * 3
EXIF = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0.."
JPEG = b"\xff\xd8" + EXIF + b"\xff\xc4\x00\x04.." + b"\xff\xc2" + struct.pack(">HB2H", 11, 8, 300, 400) + b"\x01" * 9
LOSSY = b"RIFF....WEBPVP8 " + b"\0" * 10 + struct.pack("<2H", 400, 300)
LOSSLESS = b"RIFF....WEBPVP8L....\x2f" + struct.pack("<I", 399 | 299 << 14)
EXTENDED = b"RIFF....WEBPVP8X" + b"\0" * 8 + (399).to_bytes(3, "little") + (299).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (PNG, ("png", 400, 300)),
        (GIF, ("gif", 60, 40)),
        (JPEG, ("jpeg", 400, 300)),
        (LOSSY, ("webp", 400, 300)),
        (LOSSLESS, ("webp", 400, 300)),
        (EXTENDED, ("webp", 400, 300)),
        (b"<html>", ("", 0, 0)),
        (b"", ("", 0, 0)),
        (JPEG[:20], ("jpeg", 0, 0)),
    ],
    ids=["png", "gif", "progressive jpeg behind exif", "webp", "lossless", "extended", "html", "nothing", "cut"],
)
def test_sizes(data: bytes, wanted: tuple[str, int, int]) -> None:
    assert measured(data) == wanted


def test_frames() -> None:
    assert frames(GIF) == 3
    assert frames(JPEG) == 0
