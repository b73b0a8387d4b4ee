"""What all figures share: the same module runs with a kernel and, in a page, without one."""

import base64
import functools
import html
import io
import json
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
from PIL import Image

HERE = Path(__file__).parent
EXPORT = "export default { render };"


@functools.cache
def read(name):
    """A text file that lies beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


class Figure(anywidget.AnyWidget):
    """An interactive figure.

    With a kernel anywidget runs it. In a page the same module mounts itself, with the state that
    it had when the notebook was saved. Without JavaScript (GitHub, print) a still picture stands
    there.

    A subclass names the file of its module, ``source``, and its ``anchor`` for links, and defines
    its state as traitlets tagged ``sync=True``, how to draw the still picture, ``still``, and
    what to say in its place, ``alt``. Whatever the module needs from the package is a traitlet
    too: computed here, never a second time in JavaScript, but where a slider must answer at once.
    """

    source = anchor = alt = ""
    _css = read("figures.css")

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "source" in cls.__dict__:  # traitlets makes subclasses of its own, too
            cls._esm = f"{read('kit.js')}\n{read(cls.source)}"

    def still(self):
        """The matplotlib figure that stands where no script runs."""
        raise NotImplementedError

    def state(self):
        """What the module reads by ``model.get``: the figure's own traitlets, by name."""
        own = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
        return {name: getattr(self, name) for name in sorted(own) if not name.startswith("_")}

    def page_html(self):
        """The figure as HTML that needs no kernel and nothing from elsewhere."""
        module = self._esm.replace(EXPORT, "")
        # "</" would end the script inside a string of JavaScript.
        state = json.dumps(self.state()).replace("</", "<\\/")
        return (
            f"<style>{self._css}</style>"
            f'<div class="rh-figure" id="{self.anchor}">{self._still_html()}</div>'
            f"<script>(() => {{\n{module}\n{read('page.js')}\n"
            f"mount(document.currentScript.previousElementSibling, {state});\n}})();</script>"
        )

    def _still_html(self):
        drawn, small, figure = io.BytesIO(), io.BytesIO(), self.still()
        figure.savefig(drawn, dpi=80)
        plt.close(figure)
        # 256 colours are enough for a still, in a third of the bytes.
        Image.open(drawn).convert("RGB").quantize(256).save(small, "png", optimize=True)
        data = base64.b64encode(small.getvalue()).decode()
        source = f"data:image/png;base64,{data}"
        return f'<img class="rh-still" src="{source}" alt="{html.escape(self.alt)}">'

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        text = {"text/plain": self.anchor, "text/html": self.page_html()}
        return {**data, **text}, metadata
