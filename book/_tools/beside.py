"""Links between a chapter's page and its talk, where both are there."""

import re

FROM_PAGE = ' <a class="lecture" href="../{}/{}.html">Lecture</a>'
# The lectures are copied to a stick without the book, and a page opened by file: can't ask whether
# another is there. A picture of the book can be asked for: if it comes, the links show themselves.
PROBE = (
    '<img hidden alt="" src="../_static/favicon.svg" onload="'
    "document.querySelectorAll('.beside').forEach((link) => { link.hidden = false; })\">"
)


def to_chapter(talk):
    """For the page of all lectures: a link to a talk's chapter that is hidden until PROBE comes."""
    page = f"../notebooks/{talk.chapter.path.stem}.html"
    return f'<a class="beside" hidden href="{page}">Chapter {int(talk.number)} of the book</a>'


def link_pages(folder):
    """Lead from each chapter's page that was built beside the lectures to its talk, if any."""
    for page in sorted((folder.parent / "notebooks").glob("[0-9]*.html")):
        text = page.read_text("utf-8")
        link = FROM_PAGE.format(folder.name, page.name[:2])
        new = text.replace(link, "")
        if (folder / f"{page.name[:2]}.html").is_file():
            new = re.sub(r'(?s)(<p class="links"[^>]*>.*?)(?=</p>)', rf"\1{link}", new, count=1)
        if new != text:
            page.write_text(new, "utf-8")
