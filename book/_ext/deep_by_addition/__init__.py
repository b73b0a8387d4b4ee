"""Sphinx extension: what the book's pages need beyond Jupyter Book.

Each module beside this one does one thing. This one connects them: which of them answers to which
event of Sphinx, and in what order, stands here and nowhere else.
"""

from . import (
    accessible,
    api,
    card,
    cells,
    cover,
    exercises,
    figure_scripts,
    fonts,
    icons,
    inline_svg,
    live_figure,
    page_ends,
    palette,
    quantities,
    questions,
    rail,
    reading_aids,
    sentence_outputs,
    small_pictures,
    status,
    terms,
    unplugged,
)

# Events in the order in which Sphinx sends them. Its own handlers have the priority 500.
HANDLERS = [
    ("config-inited", 500, card.configure),
    ("config-inited", 500, rail.configure),
    ("builder-inited", 500, small_pictures.allow_webp),
    # Before the pages, which name each script with a sum over its text.
    ("builder-inited", 500, figure_scripts.write),
    ("source-read", 500, api.add_modules),
    ("source-read", 500, questions.collect),
    # Before Sphinx collects the images.
    ("doctree-read", 400, inline_svg.take_in_outputs),
    ("doctree-read", 400, small_pictures.convert_outputs),
    # Before anything is moved.
    ("doctree-read", 450, cells.add_anchors),
    ("doctree-read", 500, sentence_outputs.mark),
    ("doctree-read", 500, page_ends.note_beginning),
    # It counts in the blocks that sentence_outputs has marked.
    ("doctree-read", 600, status.count),
    ("doctree-read", 600, quantities.align),
    # Before the aids, which hold back the paragraph that follows a cell.
    ("doctree-read", 650, questions.frame),
    ("doctree-read", 700, reading_aids.add),
    ("doctree-read", 750, exercises.frame),
    ("doctree-read", 800, quantities.bind),
    ("doctree-resolved", 500, status.add_notice),
    ("doctree-resolved", 500, terms.link),
    ("doctree-resolved", 500, unplugged.keep_with_stop),
    ("html-page-context", 500, page_ends.ask),
    ("html-page-context", 500, figure_scripts.load),
    ("html-page-context", 500, cover.load),
    ("html-page-context", 500, accessible.make_entries_items),
    # After the theme has said how it lists the pages, and other extensions their scripts.
    ("html-page-context", 900, rail.add_sections),
    ("html-page-context", 900, unplugged.leave_out_unused),
    ("build-finished", 500, icons.write_sheet),
    ("build-finished", 500, palette.write_sheet),
    ("build-finished", 500, fonts.write_sheet),
    ("build-finished", 500, card.write),
]


def setup(app):
    app.add_html_math_renderer(
        "mathml", (unplugged.visit_inline, None), (unplugged.visit_block, None)
    )
    app.add_directive("cover", cover.CoverDirective)
    app.add_directive("diagram", inline_svg.DiagramDirective)
    app.add_directive("figure-widget", live_figure.FigureDirective)
    app.add_directive("chapter-status", status.StatusDirective)
    app.add_node(status.StatusNode)
    app.add_node(reading_aids.Folded, html=(reading_aids.visit_folded, reading_aids.depart_folded))
    app.add_node(questions.Question, html=(questions.visit_question, questions.depart_question))
    app.add_post_transform(status.FillStatus)
    app.add_css_file(icons.SHEET)
    app.add_css_file(palette.SHEET)
    app.add_css_file(fonts.SHEET)
    for event, priority, handler in HANDLERS:
        app.connect(event, handler, priority)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
