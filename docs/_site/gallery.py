"""The directive `skeleton-gallery`: every registered joint convention with its picture, tree, parts and source."""

from __future__ import annotations

from html import escape
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import msclr
from msclr.skeletons import anatomy
from msclr.skeletons.spec import SkeletonSpec

from .picture import HEIGHT, WIDTH, draw, is_hand, part_of

GROUPS = ("In the image plane", "In space", "Hands")


def group_of(spec: SkeletonSpec) -> str:
    """Say under which heading a convention stands."""
    if is_hand(spec):
        return "Hands"
    return "In the image plane" if spec.dims == 2 else "In space"


def card(spec: SkeletonSpec) -> str:
    """Make the small picture that leads to a convention."""
    return (
        f'<a class="card" href="#{anchor(spec)}"><svg class="skeleton" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'aria-hidden="true"><use href="#picture-{spec.id}" width="{WIDTH:g}" height="{HEIGHT:g}"/></svg>'
        f"<span>{escape(spec.id)}</span></a>"
    )


def anchor(spec: SkeletonSpec) -> str:
    """Name the place of a convention in the page."""
    return f"skeleton-{spec.id.replace('_', '-')}"


def entry(spec: SkeletonSpec) -> str:
    """Describe one convention: picture, facts and the tree of its joints."""
    facts = [
        ("Joints", f"{spec.num_joints}, {spec.dims}D"),
        ("Unit", f"{spec.unit}; up {spec.up}"),
        ("Also known as", ", ".join(spec.aliases)),
        ("Source", spec.source),
        ("Notes", spec.notes),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts if text)
    opened = " open" if spec.num_joints <= 40 else ""
    return (
        f'<div class="convention"><div class="picture">{draw(spec)}</div><div class="facts">'
        f"<p><b>{escape(spec.title)}</b></p><dl>{rows}</dl></div></div>"
        f'<details class="tree"{opened}><summary>Tree of joints</summary>{tree(spec)}</details>'
    )


def tree(spec: SkeletonSpec) -> str:
    """Write the tree as nested lists; a chain of single children stands in one line."""
    children: dict[int, list[int]] = {joint: [] for joint in range(spec.num_joints)}
    for child, parent in spec.edges:
        children[parent].append(child)

    def branch(joint: int) -> str:
        chain = [joint]
        while len(children[chain[-1]]) == 1:
            chain.append(children[chain[-1]][0])
        labels = (
            f'<span class="joint {part_of(spec, each)}"><i>{each}</i> {escape(spec.joints[each])}</span>'
            for each in chain
        )
        below = "".join(branch(each) for each in children[chain[-1]])
        return f"<li>{' → '.join(labels)}{f'<ul>{below}</ul>' if below else ''}</li>"

    return f"<ul>{''.join(branch(root) for root in spec.roots)}</ul>"


class SkeletonGallery(SphinxDirective):
    """A section for each group of conventions, and in it one for each convention."""

    has_content = False
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        specs = [msclr.get_skeleton(name) for name in msclr.list_skeletons()]
        legend = "".join(f'<span class="joint part-{part}">{part.replace("_", " ")}</span>' for part in anatomy.PARTS)
        made: list[nodes.Node] = [_html(f'<p class="legend">{legend}</p>')]
        for group in GROUPS:
            members = [spec for spec in specs if group_of(spec) == group]
            section = _section(f"{group} ({len(members)})", f"group-{group.lower().replace(' ', '-')}")
            section += _html(f'<div class="cards">{"".join(map(card, members))}</div>')
            for spec in members:
                section += [_section(spec.id, anchor(spec), _html(entry(spec)))]
            made.append(section)
        return made


def _section(title: str, identifier: str, *content: nodes.Node) -> nodes.section:
    return nodes.section("", nodes.title(title, title), *content, ids=[identifier], names=[identifier])


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("skeleton-gallery", SkeletonGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
