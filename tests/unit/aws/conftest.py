"""The pure parts of the aws image's plugin, imported from where the image takes them. They need no LocalStack."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "compose" / "images" / "aws"))
