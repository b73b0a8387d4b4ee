"""A page that isn't a notebook shows an interactive figure, by the directive ``figure-widget``.

Its argument is the figure's name; each line of its content sets a name of the state, ``depth: 20``.
What it writes is what a notebook keeps of the figure. The page loads the script as for those.
"""

import json

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from resnet_helpers.figures import FIGURES
from resnet_helpers.plotting import use_style


class FigureDirective(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        kinds = {figure.name: figure for figure in FIGURES}
        kind = kinds.get(self.arguments[0])
        if kind is None:
            raise self.error(f"no figure {self.arguments[0]!r}: choose one of {', '.join(kinds)}")
        use_style()
        state = {}
        for line in self.content:
            name, _, value = line.partition(":")
            state[name.strip()] = json.loads(value)
        return [nodes.raw("", kind(**state).page_html(), format="html")]
