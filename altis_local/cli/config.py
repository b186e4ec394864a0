"""config: what is configured, whether it is right, what can be, and the whole as a compose file."""

from __future__ import annotations

import json as encoder
import sys
from pathlib import Path
from typing import Any

import typer

from altis_local.cli.lifecycle import Json
from altis_local.cli.show import environment, print_json
from altis_local.cli.tables import columns
from altis_local.environment.previewing import preview
from altis_local.naming import environment_name
from altis_local.settings import Settings, load

_HEADING = """\
# {name} as a plain compose file, by `altis-local config compose`. `altis-local build` makes its images; then
# `docker compose -f FILE up --wait` serves the site. It has no control plane: the first db member is the writer and
# the first redis member the primary for good, and nobody heals, scales or fails over. The passwords are placeholders,
# the certificate is signed by nobody.
"""

app = typer.Typer(no_args_is_help=True, help="The configuration: altis-local.yml, environment, flags.")


@app.command()
def effective(json: Json = False) -> None:
    """Every key with its value and where it was set."""
    loaded = load(Path.cwd())
    values: dict[str, Any] = loaded.settings.model_dump(mode="json")
    values["name"] = environment_name()
    if json:
        print_json({"settings": values, "origins": dict(loaded.origins), "files": [str(f) for f in loaded.files]})
        return
    rows = [(key, _shown(value), loaded.origins.get(key, "default")) for key, value in values.items()]
    print(columns(("KEY", "VALUE", "FROM"), rows))


def _shown(value: Any) -> str:
    return "as before, or the default" if value is None else value if isinstance(value, str) else encoder.dumps(value)


@app.command()
def validate(json: Json = False) -> None:
    """Check configuration and compose files; every problem at once, with its line."""
    loaded = load(Path.cwd())
    preview(environment_name(), loaded)
    files = [str(file) for file in loaded.files]
    if json:
        print_json({"valid": True, "files": files})
    else:
        print(f"valid: {', '.join(files) or 'no configuration here, defaults apply'}")


@app.command()
def schema() -> None:
    """The JSON schema of altis-local.yml, for editors."""
    encoder.dump(Settings.model_json_schema(), sys.stdout, indent=2)
    print()


@app.command()
def compose() -> None:
    """The whole environment as a plain compose file that runs by itself: without control, with placeholder secrets."""
    import yaml  # noqa: PLC0415 - of all commands only this one writes YAML

    name = environment().name
    document = preview(name, load(Path.cwd()))
    print(_HEADING.format(name=name), end="")
    yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=True)
