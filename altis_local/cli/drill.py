"""drill: written with the drills."""

import typer

app = typer.Typer(no_args_is_help=True, help="Not there yet.")


@app.callback()
def main() -> None:
    """Nothing yet."""
