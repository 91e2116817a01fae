"""msclr skeletons: the joint conventions msclr knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command

if TYPE_CHECKING:
    from msclr.skeletons.spec import SkeletonSpec


@click.command(cls=Command)
@click.argument("name", default="*")
@click.argument("file", required=False)
def skeletons(name: str, file: str | None) -> None:
    """List joint conventions, show one, or check your own.

    \b
    msclr skeletons                    all that are known
    msclr skeletons "openpose*"        those whose id fits a pattern
    msclr skeletons coco_17            one, by id or alias
    msclr skeletons check mine.yaml    your own, in a JSON or YAML file
    """
    from msclr.skeletons.registry import get_skeleton, list_skeletons

    if (name == "check") != (file is not None):
        raise click.UsageError("'check' takes a file, and nothing else does: msclr skeletons check FILE")
    if file is not None:
        from msclr.skeletons.files import load_skeleton_file

        for line in describe(load_skeleton_file(file)):
            click.echo(line)
        return
    if not any(sign in name for sign in "*?["):
        for line in describe(get_skeleton(name)):
            click.echo(line)
        return
    for id in list_skeletons(name):
        spec = get_skeleton(id)
        click.echo(f"{id:<28} {spec.num_joints:>3} joints  {spec.dims}D  {spec.title}".rstrip())


def describe(spec: SkeletonSpec) -> Iterator[str]:
    """Yield the lines that show a convention: facts first, then the tree of joints."""
    yield f"{spec.id}: {spec.title}" if spec.title else spec.id
    yield f"{spec.num_joints} joints, {spec.dims}D, unit {spec.unit}, up {spec.up}"
    for label, text in (
        ("aliases", ", ".join(spec.aliases)),
        ("centre", ", ".join(spec.center)),
        ("source", spec.source),
        ("notes", spec.notes),
    ):
        if text:
            yield f"{label}: {' '.join(text.split())}"
    yield "joints (number, name, and anatomical name where it differs):"
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(spec.parents):
        children.setdefault(parent, []).append(joint)
    waiting = [(root, 1) for root in reversed(children.get(-1, []))]
    while waiting:
        joint, depth = waiting.pop()
        anatomical = spec.anatomy[joint]
        note = "" if anatomical == spec.joints[joint] else f"  ({anatomical or 'not in the anatomical vocabulary'})"
        yield f"{joint:>4} {'  ' * depth}{spec.joints[joint]}{note}"
        waiting.extend((child, depth + 1) for child in reversed(children.get(joint, [])))
