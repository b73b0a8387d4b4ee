"""The link to the next chapter, at a page's end, asks that chapter's question.

The question is the first paragraph of a chapter, under its title. A link to any page, sent to
others, shows the page's first paragraph too (sphinxext-opengraph reads it from the metadata).
"""

from html import escape

from docutils import nodes
from markupsafe import Markup

BEGINNING = "og:description"


def note_beginning(app, doctree):
    first = next(doctree.findall(nodes.paragraph)).astext()
    app.env.metadata[app.env.docname][BEGINNING] = escape(" ".join(first.split()))


def ask(app, pagename, templatename, context, doctree):
    _, _, following = app.builder.relations.get(pagename, (None, None, None))
    if following and following.startswith("notebooks/"):
        question = app.env.metadata[following][BEGINNING]
        context["next_title"] = Markup(
            f'{context["next"]["title"]}<span class="next-question">{question}</span>'
        )
