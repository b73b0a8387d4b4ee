"""The cover: a curve that the reader draws and then sees, and the chapters as blocks on a trunk.

The directive ``cover`` stands under the book's question. Its curves come from recorded runs. The
script cover.js takes the place of the still picture. The trunk is filled in when all chapters have
been read: their questions, and how long each takes.
"""

import json
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from resnet_helpers.experiments import load_recording, runs_of

SHOWN = {"plain20": ("plain", 20), "plain56": ("plain", 56), "residual56": ("residual", 56)}
WORDS = {"plain20": "20 layers", "plain56": "56 layers", "residual56": "56 with +"}
STYLES = {
    "plain20": "stroke: var(--plain); stroke-dasharray: 1 7",
    "plain56": "stroke: var(--plain)",
    "residual56": "stroke: var(--residual)",
}
TRUNK = "<!-- the trunk -->"
START = """\
<div class="cover-start">
<p>Residual networks rest on one line, {formula}. Here you measure it yourself.</p>
<p><a class="start" href="../notebooks/01_degradation.html">Start with chapter 1</a></p>
<ul class="doors">
<li><a href="reading.html">Read</a> how the pages ask and answer</li>
<li><a href="running.html">Run</a> it on a laptop or on Colab</li>
<li><a href="teaching.html">Teach</a> from it</li>
<li><a href="../search.html">Search</a></li>
</ul>
</div>"""
FORMULA = (
    '<span class="unbroken"><math><mi>H</mi><mo stretchy="false">(</mo><mi>x</mi>'
    '<mo stretchy="false">)</mo><mo>=</mo><mi>F</mi><mo stretchy="false">(</mo><mi>x</mi>'
    '<mo stretchy="false">)</mo><mo>+</mo><mi>x</mi></math></span>'
)
DRAW = """\
<figure class="draw" data-curves='{data}'>
<figcaption aria-live="polite"><strong>Deeper, and worse: but not with one +.</strong>
<span>{alt}</span></figcaption>
{still}
<div class="row" hidden><label>It ends at <input type="number" min="1" max="99" inputmode="numeric"
 aria-label="Your guess: at how many per cent the 56 layers end"> %</label>
<button type="button" class="go">Show what happened</button>
<button type="button" class="plus">Now add one +</button>
<button type="button" class="again">Draw again</button></div>
</figure>"""


def curves():
    """The training error in % after each epoch, by name: the mean of the seeds."""
    recorded = load_recording("degradation-cifar10-long")
    found = {}
    for name, key in SHOWN.items():
        histories = [
            [row["train_error"] for row in run["history"]] for run in runs_of(recorded, *key)
        ]
        epochs = zip(*histories, strict=True)
        found[name] = [round(100 * sum(errors) / len(errors), 1) for errors in epochs]
    return found


def still(found):
    """The picture that stands where no script runs."""
    last = len(found["plain20"]) - 1
    parts = ['<line x1="34" x2="434" y1="268" y2="268" stroke="var(--line)"/>']
    for name, errors in found.items():
        points = " ".join(
            f"{34 + 400 * i / last:.1f},{268 - 2.55 * e:.1f}" for i, e in enumerate(errors)
        )
        height = 268 - 2.55 * errors[-1] + 5
        color = "residual" if name == "residual56" else "plain-ink"
        parts.append(
            f'<polyline points="{points}" style="fill: none; stroke-width: 3; {STYLES[name]}"/>'
        )
        parts.append(
            f'<text x="446" y="{height:.0f}" style="fill: var(--{color})">'
            f"{WORDS[name]}: {errors[-1]} %</text>"
        )
    return (
        f'<svg viewBox="0 0 570 290" role="img" aria-label="{escape(alt_of(found))}">'
        f"{''.join(parts)}</svg>"
    )


def alt_of(found):
    ends = {name: errors[-1] for name, errors in found.items()}
    return (
        f"Training error on CIFAR-10 after {len(found['plain20'])} epochs: a plain network of 20 "
        f"layers ends at {ends['plain20']} %, one of 56 layers at {ends['plain56']} %; 56 layers "
        f"whose blocks add their input to their output end at {ends['residual56']} %."
    )


class CoverDirective(SphinxDirective):
    def run(self):
        found = curves()
        draw = DRAW.format(data=json.dumps(found), alt=alt_of(found), still=still(found))
        parts = START.format(formula=FORMULA), draw, TRUNK
        return [nodes.raw("", part, format="html") for part in parts]


def load(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    if TRUNK in body:
        app.add_js_file("cover.js", loading_method="defer")
        context["body"] = body.replace(TRUNK, trunk(app, pagename))


def trunk(app, pagename):
    """The chapters as blocks, each with its question and its time, and how they are checked."""
    contents = app.env.get_doctree(pagename).findall(addnodes.toctree)
    entries = [entry for toctree in contents for entry in toctree["entries"]]
    blocks, claims = [], 0
    for title, name in entries:
        if name.startswith("notebooks/"):
            facts = app.env.metadata[name]
            claims += facts["claims"]
            link = app.builder.get_relative_uri(pagename, name)
            blocks.append(
                f'<li><a href="{link}">{escape(title.partition(" ")[2])}</a>'
                f"<span>{facts['og:description']}</span>"
                f'<span class="meta">{escape(facts.get("minutes", ""))}</span></li>'
            )
    return (
        f'<ol class="trunk">{"".join(blocks)}</ol>'
        f'<p class="checked">{claims} sentences of the chapters are checked by a machine each time '
        "these run: if one is false, its chapter stops, and "
        '<a href="status.html">this build says so</a>. The curves above are recorded runs on '
        "CIFAR-10, the mean of three seeds.</p>"
    )
