"""The lectures' folder, made once from the notebooks' saved outputs."""

import pytest
import slides
from talk import LECTURES, Talk

TALKS = sorted(LECTURES.glob("[0-9]*.md"))


@pytest.fixture(scope="session")
def lectures(made_once):
    return made_once("lectures", slides.make_lectures)


@pytest.fixture(scope="session", params=TALKS, ids=lambda path: path.stem)
def talk(request):
    return Talk(request.param)
