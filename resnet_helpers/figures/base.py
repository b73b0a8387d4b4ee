"""What all figures share: the same module runs with a kernel and, in a page, without one."""

import functools
import html
import io
import json
import re
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
import traitlets
from PIL import Image

from resnet_helpers._pictures import data_uri

HERE = Path(__file__).parent
EXPORT = "export default { render };"
FIGURES = []  # every figure's class, filled as their modules are imported


@functools.cache
def read(name):
    """A text file that lies beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


def png_source(image):
    """A PIL image as an address that holds the whole image."""
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return data_uri(file.getvalue(), "image/png")


def _joined(name):
    """A figure's module and those that it imports as one, since none can import from a notebook."""
    figure = read(f"{name}.js")
    beside = dict.fromkeys(re.findall(r'from "\./(\w+)\.js";', figure))
    figure = re.sub(r'import (\{[^}]*\}) from "\./(\w+)\.js";', r"const \1 = \2;", figure)
    return "\n\n".join((*map(_closed, beside), figure))


def _closed(name):
    """A module's text as one constant, which holds what the module exports."""
    text = read(f"{name}.js")
    names = ", ".join(re.findall(r"^export (?:function|const) (\w+)", text, re.MULTILINE))
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const {name} = (() => {{\n{text}\nreturn {{ {names} }};\n}})();"


class Figure(anywidget.AnyWidget):
    """An interactive figure.

    With a kernel anywidget runs its module. A notebook keeps its state and a still picture, no
    code: the picture stands where no script runs (GitHub, print), and a page of the book loads
    the module from its own folder. It takes the picture's place there, with the state kept.

    A subclass in NAME.py says its ``name``, which gives its module, NAME.js, and its ``anchor``
    for links, figure-NAME. It defines:

    - its state, traitlets tagged ``sync=True``: Bool, Enum, Int with both bounds, or a List of
      these. Their values go to JavaScript, where no link can set another;
    - what else the module needs from the package, as the default of ``data``: computed here, and
      never a second time in JavaScript, but where a slider must answer at once;
    - how to draw the still picture, ``still``, and what to say in its place, ``alt``.
    """

    name = anchor = alt = ""
    data = traitlets.Dict().tag(sync=True)
    allowed = traitlets.Dict().tag(sync=True)
    _css = read("figures.css")
    # The widgets of Colab (ipywidgets 7) have this method, and would show no HTML.
    _ipython_display_ = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:  # traitlets makes subclasses of its own, too
            cls.anchor = f"figure-{cls.name}"
            cls._esm = _joined(cls.name)
            FIGURES.append(cls)

    @traitlets.default("allowed")
    def _allowed(self):
        shared = {*anywidget.AnyWidget.class_trait_names(), "data", "allowed"}
        return {
            name: _values(trait)
            for name, trait in sorted(self.traits(sync=True).items())
            if name not in shared and not name.startswith("_")
        }

    @classmethod
    def page_script(cls):
        """A script that draws all figures of this name in a page, once the page has been read."""
        module = cls._esm.replace(EXPORT, f'kit.mount("{cls.name}", render);')
        return f"(() => {{\n{module}}})();\n"

    def still(self):
        """The matplotlib figure that stands where no script runs."""
        raise NotImplementedError

    def state(self):
        """What the module reads by ``model.get``, by name."""
        return {name: getattr(self, name) for name in (*self.allowed, "allowed", "data")}

    def page_html(self):
        """What a notebook keeps, and a page shows until its script has run."""
        # In quotes of one kind, since JSON is full of the other.
        state = json.dumps(self.state(), ensure_ascii=False)
        state = html.escape(state, quote=False).replace("'", "&#39;")
        return (
            f'<div class="rh-figure" id="{self.anchor}" data-figure="{self.name}" '
            f"data-state='{state}'>{self._still_html()}</div>"
        )

    def _still_html(self):
        drawn, figure = io.BytesIO(), self.still()
        figure.savefig(drawn, dpi=80)
        plt.close(figure)
        # 256 colours are enough for a still, in a third of the bytes.
        source = png_source(Image.open(drawn).convert("RGB").quantize(256))
        return f'<img class="rh-still" src="{source}" alt="{html.escape(self.alt)}">'

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        text = {"text/plain": self.anchor, "text/html": self.page_html()}
        return {**data, **text}, metadata


def _values(trait):
    """Which values a trait may have, or each of a list's members."""
    if isinstance(trait, traitlets.List):
        (each,) = _values(trait._trait).values()
        return {"each": each, "least": trait._minlen, "most": trait._maxlen}
    if isinstance(trait, traitlets.Bool):
        return {"values": [False, True]}
    if isinstance(trait, traitlets.Enum):
        return {"values": list(trait.values)}
    return {"values": [None] * trait.allow_none + list(range(trait.min, trait.max + 1))}
