"""A page needs nothing from outside its own folder.

Mathematics becomes native MathML, by math-core, so that no page loads MathJax from a network.
Thebe, which would fetch its code and needs a server, is left out, and so is the code of cards,
grids and tabs (sphinx-design) where a page has none, and the marks of code that has the colour
of code anyway.
"""

import re

from docutils import nodes
from math_core import LatexToMathML
from sphinx.util.math import get_node_equation_number

CONVERTER = LatexToMathML()
# Pygments' names, modules, punctuation and white space: half of the weight of a page's code.
AS_THE_REST = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')


def mathml(node, displaystyle):
    # A figure in a page names only the entities of XML; this one is invisible.
    formula = CONVERTER.convert_with_local_state(node.astext(), displaystyle=displaystyle)
    return formula.replace("&ApplyFunction;", "\u2061")


def keep_with_stop(app, doctree, docname):
    """Bind a formula to the mark behind it, so that no line begins with a full stop."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(nodes.Text, descend=False, siblings=True)
        mark = after and re.match(r"[.,;:?!)’]+", after.astext())
        if mark and formula.parent.index(after) == formula.parent.index(formula) + 1:
            bound = nodes.inline("", "", formula.deepcopy(), classes=["unbroken"])
            bound += nodes.Text(mark[0])
            after.parent.replace(after, nodes.Text(after.astext()[mark.end() :]))
            formula.replace_self(bound)


def visit_inline(self, node):
    self.body.append(mathml(node, False))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(mathml(node, True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def leave_out_unused(app, pagename, templatename, context, doctree):
    body = context["body"] = AS_THE_REST.sub(r"\1", context.get("body", ""))
    unused = ["thebe"]
    if not re.search(r"\bsd-", body):
        unused += ["sphinx-design", "design-tabs"]
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context[kind]
            if not any(name in f"{file.filename}{file.attributes.get('body')}" for name in unused)
        ]
