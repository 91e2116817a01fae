"""The directive `example-files`: every file of examples/, its title and its code."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[2] / "examples"


def example_files() -> list[Path]:
    """Return the examples in the order of their numbers."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def title_and_rest(path: Path) -> tuple[str, str]:
    """Return the first sentence of an example's docstring, and the rest of it."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or path.name
    title, _, rest = text.partition("\n")
    return title.strip().rstrip("."), rest.strip()


class ExampleFiles(SphinxDirective):
    """A section for each example."""

    has_content = False
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        sections: list[nodes.Node] = []
        for path in example_files():
            self.env.note_dependency(str(path))
            title, rest = title_and_rest(path)
            name = f"example-{path.stem.replace('_', '-')}"
            code = path.read_text("utf-8").split('"""', 2)[2].strip("\n")
            section = nodes.section("", nodes.title(title, title), ids=[name], names=[name])
            section += nodes.paragraph("", "", nodes.literal("", f"examples/{path.name}"))
            if rest:
                section += nodes.literal_block(rest, rest, language="text")
            section += nodes.literal_block(code, code, language="python")
            sections.append(section)
        return sections


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("example-files", ExampleFiles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
