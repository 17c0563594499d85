"""A typer program that does nothing: what every start-up is measured against."""

from typing import Annotated

import typer

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def build(project: str, *, output: Annotated[str, typer.Option("--output", "-o")] = "") -> None:
    """Do nothing."""
    typer.echo(project + output)


@app.command()
def schema() -> None:
    """Do nothing, too: a program with one command has no subcommands."""


if __name__ == "__main__":
    app()
