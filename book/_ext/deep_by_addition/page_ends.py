"""The link to the next chapter, at a page's end, asks that chapter's question.

The question is the first paragraph of a chapter, under its title. How long the chapter takes, which
the cover tells, stands below it. A link to any page, sent to
others, shows the page's first paragraph too (sphinxext-opengraph reads it from the metadata).
"""

from html import escape

from docutils import nodes
from markupsafe import Markup

BEGINNING = "og:description"


def note_beginning(app, doctree):
    paragraphs = [paragraph.astext() for paragraph in doctree.findall(nodes.paragraph)]
    facts = app.env.metadata[app.env.docname]
    facts[BEGINNING] = escape(" ".join(paragraphs[0].split()))
    for text in paragraphs:
        if text.startswith("Time ") and " to read" in text:
            facts["minutes"] = text.removeprefix("Time ").partition(" to read")[0]


def ask(app, pagename, templatename, context, doctree):
    context["author"] = app.config.author.replace("The ", "the ", 1)  # the theme says "By" before
    _, _, following = app.builder.relations.get(pagename, (None, None, None))
    if following and following.startswith("notebooks/"):
        question = app.env.metadata[following][BEGINNING]
        context["next_title"] = Markup(
            f'{context["next"]["title"]}<span class="next-question">{question}</span>'
        )
