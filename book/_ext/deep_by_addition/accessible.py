"""Mend what keeps some readers out of Sphinx's own pages.

A list of references says that it is a list, but not that its entries are items of it.
"""


def make_entries_items(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
