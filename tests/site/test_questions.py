"""Questions to check oneself by, and predictions with choices and fields."""

import html
import itertools
import re

import nbformat
import pytest
from browsing import is_too_wide
from contents import ASKING, CHAPTERS, ROOT
from looks import barriers_but_colours, barriers_of

PAGE = CHAPTERS[2]
TEACHERS = "book/questions"
ANSWER = re.compile(
    r'<details(?: class="(right)")?>\n<summary>([^\n]+)</summary>\n\n(.+?)\n+</details>', re.S
)


def cells_of(name):
    return nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells


def checks_of(name):
    """A chapter's questions, each with its answers: "right" or "", a text and a reason."""
    return {
        cell.source.split("\n\n")[0].removeprefix("**Check yourself.** "): ANSWER.findall(
            cell.source
        )
        for cell in cells_of(name)
        if cell.id.endswith("-check")
    }


def letters(text):
    return re.sub("<.*?>", "", text)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_has_three_questions_with_one_right_answer_that_neither_place_nor_length_tells(
    name,
):
    asked = checks_of(name)
    assert len(asked) == 3
    places, longest = [], []
    for question, answers in asked.items():
        assert len(answers) == 3, question
        kinds = [kind for kind, *_ in answers]
        assert kinds.count("right") == 1, question
        places.append(kinds.index("right"))
        lengths = [len(letters(text)) for _, text, _ in answers]
        longest.append(max(lengths) == lengths[places[-1]])
        for _, _, reason in answers:
            assert 20 < len(reason) < 260, reason
            # The question stands on the teacher's page, too.
            assert not re.search(r"\]\(|[Ff]igure \d", reason), reason
    assert len(set(places)) > 1
    assert not all(longest)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_predictions_choices_are_few_and_its_labels_short(name):
    for cell in cells_of(name):
        form = cell.metadata.get("predict")
        if form is None:
            continue
        assert len(re.findall(ASKING, cell.source)) == 1, cell.id
        assert set(form) <= {"choices", "fields"} and form, cell.id
        lists = form.get("choices", {})
        groups = lists if isinstance(lists, dict) else {"": lists}
        assert all(1 < len(set(words)) == len(words) < 7 for words in groups.values()), cell.id
        labels = [*groups, *itertools.chain(*groups.values()), *form.get("fields", [])]
        assert all(len(label) <= 28 for label in labels), cell.id


def test_the_teachers_page_holds_every_question_with_its_answers_and_reasons(book):
    page = (book / f"{TEACHERS}.html").read_text()
    text = " ".join(
        html.unescape(re.sub("<.*?>", "", page)).replace("’", "'").replace("\u202f", " ").split()
    )
    for name in CHAPTERS:
        for question, answers in checks_of(name).items():
            told = [question, *(part for _, *parts in answers for part in parts)]
            for part in told:
                plain = re.sub(r"<.*?>|[*`$]", "", part)
                assert " ".join(plain.split()[:5]) in text, part
    count = 3 * sum(len(checks_of(name)) for name in CHAPTERS)
    assert len(re.findall(r'<details open(?: class="right")?>', page)) == count
    assert page.count('class="check"') == count / 3


@pytest.mark.browser
def test_an_answer_opened_by_keyboard_says_in_words_whether_it_is_right(page):
    page.set_viewport_size({"width": 390, "height": 900})
    question = page.get_by_role("group", name=re.compile("^check yourself", re.I)).first
    looks = {}
    for answer in question.locator("details").all():
        reason = answer.locator("p")
        assert not reason.is_visible()
        answer.locator("summary").focus()
        page.keyboard.press("Enter")
        assert reason.is_visible()
        right = "right" in (answer.get_attribute("class") or "")
        assert reason.inner_text().startswith("Right." if right else "Not so.")
        looks[right] = answer.locator("summary").evaluate(
            """(e) => { const ring = getComputedStyle(e, "::before");
                return [ring.borderColor, ring.content.split(" / ")[0], ring.width]; }"""
        )
    # Neither by its words nor by the mark in its ring is it told by colour alone.
    assert looks[True][0] != looks[False][0] and looks[True][1] != looks[False][1]
    assert looks[True][2] == looks[False][2] == "14px"
    assert barriers_of(page) == []
    assert not is_too_wide(page)
    box = question.locator("summary").first.bounding_box()
    assert box["height"] >= 44


@pytest.mark.browser
def test_on_paper_all_answers_can_be_read(page):
    page.emulate_media(media="print")
    heights = page.evaluate(
        """() => [...document.querySelectorAll(".check details p")]
            .filter((reason) => reason.checkVisibility())
            .map((reason) => reason.getBoundingClientRect().height)"""
    )
    page.emulate_media(media="screen")
    assert len(heights) == 9 and min(heights) > 10


@pytest.mark.browser
def test_choices_and_fields_are_answered_by_keyboard_and_stay(page):
    page.set_viewport_size({"width": 390, "height": 900})
    form = page.locator("form:has(.choices):has(.field)").last
    chosen = form.get_by_role("radio", name="depthwise")
    field = form.get_by_label("times slower")
    form.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert chosen.is_checked()
    ground = chosen.evaluate("(e) => getComputedStyle(e.parentElement).backgroundColor")
    other = form.get_by_role("radio").first
    assert ground != other.evaluate("(e) => getComputedStyle(e.parentElement).backgroundColor")
    page.keyboard.press("Tab")
    assert field.evaluate("(e) => e === document.activeElement")
    box = field.bounding_box()
    assert box["width"] >= 67 and box["height"] >= 44
    assert chosen.bounding_box()["height"] >= 40
    page.keyboard.type("20")
    assert barriers_but_colours(page) == []
    assert not is_too_wide(page)
    page.keyboard.press("Enter")
    said = page.locator("p.said", has_text="You wrote: depthwise · times slower: 20")
    assert said.count() == 1
    for _ in range(20):  # a browser writes what it keeps a moment later
        page.wait_for_timeout(200)
        page.reload(wait_until="load")
        if said.count():
            break
    assert said.is_visible()


@pytest.mark.browser
def test_an_empty_form_isnt_taken_for_an_answer(page):
    forms = page.locator("form:has(.choices)")
    before = forms.count()
    forms.first.get_by_text("Write it down").click()
    assert forms.count() == before
    assert page.evaluate("document.activeElement.type") == "radio"
