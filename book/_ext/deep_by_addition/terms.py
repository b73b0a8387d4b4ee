"""Each term of the glossary is a link where a chapter first uses it, with its meaning at hand."""

import re

from docutils import nodes

from .reading_aids import Folded

GLOSSARY = "book/glossary"
# Where a link would be in the way, or unseen.
CLOSED = (nodes.title, nodes.literal, nodes.literal_block, nodes.math, nodes.reference, Folded)


def link(app, doctree, docname):
    if not docname.startswith("notebooks/"):
        return
    address = app.builder.get_relative_uri(docname, GLOSSARY)
    texts = [text for text in doctree.findall(nodes.Text) if not _is_closed(text)]
    for term, (anchor, meaning) in _glossary(app.env).items():
        words = re.compile(rf"\b{re.escape(term)}s?\b", re.IGNORECASE)
        for place, text in enumerate(texts):
            if found := words.search(text):
                where = {"refuri": f"{address}#{anchor}", "reftitle": meaning}
                texts[place : place + 1] = _make_link(text, found, where)
                break


def _glossary(env):
    """Each term's anchor and meaning, the longest terms first: "batch" is in "batch norm"."""
    items = env.get_doctree(GLOSSARY).findall(nodes.definition_list_item)
    told = {
        name: (term["ids"][0], item[-1].astext().replace("\n", " "))
        for item in items
        for term in item.findall(nodes.term)
        for name in term.astext().split(", ")
    }
    return dict(sorted(told.items(), key=lambda entry: -len(entry[0])))


def _is_closed(node):
    while node.parent is not None:
        node = node.parent
        if isinstance(node, CLOSED):
            return True
    return False


def _make_link(text, found, where):
    """Put a link where a term was found; returns the texts that are left around it."""
    reference = nodes.reference("", found[0], internal=True, classes=["term"], **where)
    around = nodes.Text(text[: found.start()]), nodes.Text(text[found.end() :])
    text.parent.replace(text, [part for part in (around[0], reference, around[1]) if part.astext()])
    return [part for part in around if part]
