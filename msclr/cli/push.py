"""msclr push: publish a model folder on the Hugging Face Hub."""

from __future__ import annotations

import click

from msclr.cli.options import Command, printable


@click.command(cls=Command)
@click.argument("folder")
@click.argument("repository")
@click.option("--public", is_flag=True, help="Let everybody see the model; by default only you can.")
@click.option("--exist-ok", is_flag=True, help="Also add a commit to a repository that exists already.")
@click.option("--message", metavar="TEXT", help="Of the commit.")
def push(folder: str, repository: str, public: bool, exist_ok: bool, message: str | None) -> None:
    """Verify a model folder and publish it on the Hugging Face Hub, as the private REPOSITORY owner/name.

    The token is the one of `hf auth login` or of the variable HF_TOKEN; it is no option, because everybody on a
    computer can see the options of a program.
    """
    from msclr.hub.push import push_to_hub

    pushed = push_to_hub(folder, repository, private=not public, exist_ok=exist_ok, message=message)
    click.echo(printable(pushed.url))
    click.echo(f'msclr.load_pretrained("{pushed}")')
