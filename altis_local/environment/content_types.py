"""Which Content-Type a file of uploads gets: WordPress's own table, so that an import serves what an upload would.

Pure; called by `uploading`. What WordPress does not allow as an upload but files may be (SVG, fonts) goes by the
platform-independent table of Python.
"""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_MICROSOFT = "application/vnd.ms"

_WORDPRESS = {
    "image/jpeg": "jpg jpeg jpe", "image/gif": "gif", "image/png": "png", "image/bmp": "bmp", "image/tiff": "tiff tif",
    "image/webp": "webp", "image/avif": "avif", "image/x-icon": "ico", "image/heic": "heic", "image/heif": "heif",
    "image/heic-sequence": "heics", "image/heif-sequence": "heifs",
    "video/x-ms-asf": "asf asx", "video/x-ms-wmv": "wmv", "video/x-ms-wmx": "wmx", "video/x-ms-wm": "wm",
    "video/avi": "avi", "video/divx": "divx", "video/x-flv": "flv", "video/quicktime": "mov qt",
    "video/mpeg": "mpeg mpg mpe", "video/mp4": "mp4 m4v", "video/ogg": "ogv", "video/webm": "webm",
    "video/x-matroska": "mkv", "video/3gpp": "3gp 3gpp", "video/3gpp2": "3g2 3gp2",
    "text/plain": "txt asc c cc h srt", "text/csv": "csv", "text/tab-separated-values": "tsv",
    "text/calendar": "ics", "text/richtext": "rtx", "text/css": "css", "text/html": "htm html", "text/vtt": "vtt",
    "application/ttaf+xml": "dfxp",
    "audio/mpeg": "mp3 m4a m4b", "audio/aac": "aac", "audio/x-realaudio": "ra ram", "audio/wav": "wav",
    "audio/ogg": "ogg oga", "audio/flac": "flac", "audio/midi": "mid midi", "audio/x-ms-wma": "wma",
    "audio/x-ms-wax": "wax", "audio/x-matroska": "mka",
    "application/rtf": "rtf", "application/javascript": "js", "application/pdf": "pdf",
    "application/x-shockwave-flash": "swf", "application/java": "class", "application/x-tar": "tar",
    "application/zip": "zip", "application/x-gzip": "gz gzip", "application/rar": "rar",
    "application/x-7z-compressed": "7z", "application/x-msdownload": "exe",
    "application/msword": "doc", f"{_MICROSOFT}-powerpoint": "pot pps ppt", f"{_MICROSOFT}-write": "wri",
    f"{_MICROSOFT}-excel": "xla xls xlt xlw", f"{_MICROSOFT}-access": "mdb", f"{_MICROSOFT}-project": "mpp",
    f"{_OFFICE}.wordprocessingml.document": "docx", f"{_OFFICE}.wordprocessingml.template": "dotx",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx", f"{_OFFICE}.spreadsheetml.template": "xltx",
    f"{_OFFICE}.presentationml.presentation": "pptx", f"{_OFFICE}.presentationml.slideshow": "ppsx",
    f"{_OFFICE}.presentationml.template": "potx", f"{_OFFICE}.presentationml.slide": "sldx",
    "application/oxps": "oxps", f"{_MICROSOFT}-xpsdocument": "xps",
    f"{_OPEN}.text": "odt", f"{_OPEN}.presentation": "odp", f"{_OPEN}.spreadsheet": "ods", f"{_OPEN}.graphics": "odg",
    f"{_OPEN}.chart": "odc", f"{_OPEN}.database": "odb", f"{_OPEN}.formula": "odf",
    "application/wordperfect": "wp wpd", "application/vnd.apple.keynote": "key",
    "application/vnd.apple.numbers": "numbers", "application/vnd.apple.pages": "pages",
}  # fmt: skip
"""Source: wp_get_mime_types() of WordPress 6. Type -> endings."""

_BY_ENDING = {ending: kind for kind, endings in _WORDPRESS.items() for ending in endings.split()}
# Without the system's own files: the same everywhere.
_FALLBACK = mimetypes.MimeTypes(filenames=())


def content_type(name: str) -> str:
    """The type of a file by its name's ending; UNKNOWN where nothing is known of it."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    return _BY_ENDING.get(ending) or _FALLBACK.guess_type(f"x.{ending}", strict=False)[0] or UNKNOWN
