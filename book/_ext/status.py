"""Sphinx extension: the page that says how each chapter fared when this book was built.

The directive ``chapter-status`` becomes a table of the chapters: how long each ran, how many of
its claims held, how many exercises it has; and a line with the versions that it ran with.
"""

import platform
from importlib.metadata import version

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

PACKAGES = ("torch", "torchvision", "numpy", "matplotlib", "jupyter-book")
HEAD = ("chapter", "run time", "claims that hold", "exercises")


class StatusNode(nodes.General, nodes.Element):
    """Stands for the table until all chapters have been read."""


class StatusDirective(SphinxDirective):
    def run(self):
        return [StatusNode()]


def count(app, doctree):
    """Note how many claims a chapter's outputs show, and how many exercises it has."""
    lines = [
        line
        for block in doctree.findall(nodes.literal_block)
        if "output" in block["classes"] or "sentences" in block["classes"]
        for line in block.astext().splitlines()
    ]
    titles = [title.astext() for title in doctree.findall(nodes.title)]
    app.env.metadata[app.env.docname] |= {
        "claims": sum(line.startswith("✓ ") for line in lines),
        "exercises": sum(title.startswith("Exercise ") for title in titles),
    }


class FillStatus(SphinxPostTransform):
    default_priority = 8  # before the references are resolved

    def run(self):
        for node in self.document.findall(StatusNode):
            node.replace_self([self.table(), self.versions()])

    def table(self):
        chapters = sorted(name for name in self.env.found_docs if name.startswith("notebooks/"))
        rows = [self.row(name) for name in chapters]
        facts = [self.env.metadata[name] for name in chapters]
        claims, exercises = (sum(fact[key] for fact in facts) for key in ("claims", "exercises"))
        seconds = [self.seconds(name) for name in chapters]
        whole = "" if None in seconds else f"{sum(seconds):.0f} s"
        rows.append(
            [nodes.strong("", "all"), *map(nodes.Text, (whole, str(claims), str(exercises)))]
        )
        return _table(rows)

    def row(self, name):
        title = self.env.titles[name].astext()
        link = make_refnode(self.app.builder, self.env.docname, name, None, nodes.Text(title))
        seconds, facts = self.seconds(name), self.env.metadata[name]
        time = "not run by this build" if seconds is None else f"{seconds:.0f} s"
        return [link, *map(nodes.Text, (time, str(facts["claims"]), str(facts["exercises"])))]

    def seconds(self, name):
        ran = NbMetadataCollector.get_exec_data(self.env, name)
        return ran and ran["runtime"]

    def versions(self):
        of_packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return nodes.paragraph("", f"Built with Python {platform.python_version()}, {of_packages}.")


def _table(rows):
    group = nodes.tgroup("", cols=len(HEAD))
    group += [nodes.colspec(colwidth=1) for _ in HEAD]
    group += nodes.thead("", _row([nodes.Text(words) for words in HEAD]))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group)


def _row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app):
    app.add_node(StatusNode)
    app.add_directive("chapter-status", StatusDirective)
    # After sentence_outputs has marked the blocks, and before the doctree is kept.
    app.connect("doctree-read", count, priority=600)
    app.add_post_transform(FillStatus)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
