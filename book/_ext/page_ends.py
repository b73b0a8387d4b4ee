"""Sphinx extension: the link to the next chapter, at a page's end, asks that chapter's question.

The question is the first paragraph of a chapter, under its title.
"""

from docutils import nodes
from markupsafe import Markup, escape


def note_question(app, doctree):
    if app.env.docname.startswith("notebooks/"):
        first = next(doctree.findall(nodes.paragraph))
        app.env.metadata[app.env.docname]["question"] = first.astext()


def ask(app, pagename, templatename, context, doctree):
    _, _, following = app.builder.relations.get(pagename, (None, None, None))
    question = app.env.metadata.get(following, {}).get("question")
    if question:
        title = context["next"]["title"]
        context["next_title"] = Markup(
            f'{title}<span class="next-question">{escape(question)}</span>'
        )


def setup(app):
    app.connect("doctree-read", note_question)
    app.connect("html-page-context", ask)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
