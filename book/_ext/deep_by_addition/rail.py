"""One list beside the page: the chapters on a trunk, and under the present one its sections."""

import re


def configure(app, config):
    """The theme's second list would wrap each name, and its buttons stand elsewhere with words."""
    config.html_theme_options |= {
        "secondary_sidebar_items": [],
        "use_fullscreen_button": False,
        "use_download_button": False,
        "use_repository_button": False,
        "use_issues_button": False,
        "launch_buttons": {},
        "home_page_in_toc": False,
    }


def add_sections(app, pagename, templatename, context, doctree):
    """Put the sections of a page under its name, and the chapter's number over its title."""
    if "body" in context:
        context["body"] = re.sub(
            r"<h1>(Chapter \d+)\. ",
            r'<h1><span class="label">\1<span class="unseen">. </span></span>',
            context["body"],
            count=1,
        )
    if "generate_toctree_html" in context:
        names, sections = context["generate_toctree_html"], sections_of(context.get("toc", ""))
        context["generate_toctree_html"] = lambda *args, **options: re.sub(
            r'(<a class="current reference internal" href="#">.*?</a>)',
            lambda found: found[1] + sections,
            str(names(*args, **options)),
            count=1,
            flags=re.S,
        )


def sections_of(toc):
    """The list within the list that holds only the page's title."""
    inner = re.search(r"<ul>\s*<li>.*?</a>\s*(<ul.*</ul>)\s*</li>\s*</ul>", toc, re.S)
    return inner[1].replace("<ul", '<ul class="sections"', 1) if inner else ""
