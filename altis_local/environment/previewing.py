"""What a first start would make of a configuration, without an engine: for `config` and `images`.

Called by the command line. It builds nothing and looks for no free port or block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altis_local.clients import builder, compose_model
from altis_local.environment import allocation, definition
from altis_local.environment.paths import compose_files, fixture_site, shipped, user_paths
from altis_local.environment.rendering import compose_document
from altis_local.errors import UsageError
from altis_local.model.spec import Service
from altis_local.settings import Loaded


def preview(name: str, loaded: Loaded) -> Mapping[str, Any]:
    """The environment as a compose document. Raises UsageError for whatever is wrong with the configuration."""
    found = services(loaded)
    if "control" not in found:
        raise UsageError("compose/ has no service control", hint="the checkout is incomplete")
    # The block that environments take last.
    *_, block = allocation.blocks()
    ground = definition.Ground(name, str(block), loaded.settings.port or allocation.FIRST_SITE_PORT, found)
    return compose_document(definition.compose_spec(loaded.settings, ground, previous=None, secrets=definition.KEEP))


def services(loaded: Loaded) -> Mapping[str, Service]:
    """Every role as compose/ and the configuration have it, with the images that `start` would use."""
    cache = user_paths().cache
    model = compose_model.load(compose_files(loaded.folder), cache)
    overrides = {str(role): image for role, image in loaded.settings.images.items()}
    options = builder.ImageOptions(shipped() / "scripts", cache, loaded.settings.project or fixture_site(), overrides)
    return model.with_images(builder.tags_of(model.builds, options))
