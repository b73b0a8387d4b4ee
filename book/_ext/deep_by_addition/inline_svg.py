"""Diagrams stand in the page itself, so that they follow its theme.

An image file can't see whether the page is dark. The directive ``diagram`` draws one of those in
resnet_helpers.classroom.diagrams, by its name, with a caption. Those that notebooks drew are taken
in from the files that MyST-NB writes.
"""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from resnet_helpers.classroom import diagrams


def inline(svg):
    return nodes.raw("", f'<div class="diagram">{svg}</div>', format="html")


class DiagramDirective(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        draw = getattr(diagrams, self.arguments[0], None)
        if draw is None:
            raise self.error(f"no function {self.arguments[0]!r} in {diagrams.__name__}")
        figure = nodes.figure("", inline(draw().svg()))
        caption, _ = self.state.inline_text(" ".join(self.content), self.lineno)
        figure += nodes.caption("", "", *caption)
        return [figure]


def take_in_outputs(app, doctree):
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.env.relfn2path(image["uri"], app.env.docname)[1])
        if path.suffix == ".svg" and "jupyter_execute" in path.parts:
            image.replace_self(inline(path.read_text("utf-8")))
