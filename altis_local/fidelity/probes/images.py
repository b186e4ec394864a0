"""Pictures for probes of uploads and Tachyon: made once in the sandbox, kept in S3, gone with the run. And their sizes.

Not probes; `tach`, `s3` and `cdn` use them.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass

from altis_local.fidelity.asking import php, s3
from altis_local.fidelity.finding import CannotTell
from altis_local.fidelity.world import World

WIDTH, HEIGHT = 400, 300
FRAMES = 3

_MAKE = r"""
    $folder = wp_upload_dir()['basedir'] . '/%s';
    $image = new Imagick();
    $image->newPseudoImage( 400, 300, 'plasma:' );
    $image->setImageFormat( 'jpeg' );
    $image->setImageCompressionQuality( 85 );
    $jpeg = $image->getImageBlob();
    $image->setImageFormat( 'png' );
    $png = $image->getImageBlob();
    $exif = "Exif\0\0II*\0" . pack( 'VvvvVvvV', 8, 1, 0x0112, 3, 1, 6, 0, 0 );
    $turned = substr( $jpeg, 0, 2 ) . "\xFF\xE1" . pack( 'n', strlen( $exif ) + 2 ) . $exif . substr( $jpeg, 2 );
    $gif = new Imagick();
    foreach ( [ 'red', 'lime', 'blue' ] as $colour ) {
        $gif->newImage( 60, 40, $colour );
        $gif->setImageFormat( 'gif' );
        $gif->setImageDelay( 20 );
    }
    $files = [ 'a.jpg' => $jpeg, 'a.png' => $png, 'turned.jpg' => $turned, 'a.gif' => $gif->getImagesBlob(), 'private.jpg' => $jpeg ];
    foreach ( $files as $name => $bytes ) {
        if ( ! file_put_contents( "$folder/$name", $bytes ) ) {
            return null;
        }
    }
    return [ strlen( $jpeg ), base64_encode( substr( $jpeg, 0, 400 ) ) ];
"""


@dataclass(frozen=True, slots=True)
class Held:
    """Pictures below uploads/<folder>/: a.jpg (400x300), a.png, turned.jpg (orientation 6), a.gif (3 frames) and
    private.jpg, which nobody may read."""

    folder: str
    length: int
    head: bytes

    def is_jpeg(self, data: bytes) -> bool:
        """Whether this is a.jpg, by its length and its beginning."""
        return len(data) == self.length and data.startswith(self.head)


def images(world: World) -> Held:
    """The pictures of this run."""

    def make() -> Held:
        folder = world.token()
        world.later(lambda: wipe(world, f"uploads/{folder}/"))
        made = php(world, _MAKE % folder)
        if not made:
            raise CannotTell("S3 did not take the pictures")
        s3(world, "PUT", f"/uploads/{folder}/private.jpg?acl", x_amz_acl="private")
        return Held(folder, int(made[0]), base64.b64decode(made[1]))

    return world.shared("images", make)


def wipe(world: World, prefix: str) -> None:
    """Remove every version of what begins with the prefix."""
    listed = s3(world, "GET", f"?versions=&prefix={prefix}").text
    for key, version in re.findall(r"<Key>([^<]+)</Key>\s*<VersionId>([^<]+)</VersionId>", listed):
        s3(world, "DELETE", f"/{key}?versionId={version}")


def measured(data: bytes) -> tuple[str, int, int]:
    """Format, width and height of a picture; ("", 0, 0) for what is none."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return ("png", *struct.unpack(">2I", data[16:24]))
    if data[:4] == b"GIF8":
        return ("gif", *struct.unpack("<2H", data[6:10]))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ("webp", *_webp(data))
    if data[:2] == b"\xff\xd8":
        return ("jpeg", *_jpeg(data))
    return "", 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    """From the frame header (SOF0 to SOF15 but DHT, JPG and DAC)."""
    at = 2
    while at + 9 < len(data):
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">2H", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack("<2H", data[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return 0, 0


def frames(data: bytes) -> int:
    """Pictures of a GIF, by their graphic control extensions."""
    return data.count(b"\x21\xf9\x04") if data[:4] == b"GIF8" else 0
