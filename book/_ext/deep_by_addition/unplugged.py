"""A page needs nothing from outside its own folder.

Mathematics becomes native MathML, by latex2mathml, so that no page loads MathJax from a
network. Thebe, which would fetch its code and needs a server, is left out, and so is the code of
cards, grids and tabs (sphinx-design) where a page has none.
"""

import re

import latex2mathml.converter
from docutils import nodes
from sphinx.util.math import get_node_equation_number


def visit_inline(self, node):
    self.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(latex2mathml.converter.convert(node.astext(), display="block"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def leave_out_unused(app, pagename, templatename, context, doctree):
    unused = ["thebe"]
    if not re.search(r"\bsd-", context.get("body", "")):
        unused += ["sphinx-design", "design-tabs"]
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context[kind]
            if not any(name in f"{file.filename}{file.attributes.get('body')}" for name in unused)
        ]
