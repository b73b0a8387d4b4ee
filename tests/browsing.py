"""What the tests of pages and of figures ask of a browser."""

from axe_playwright_python.sync_playwright import Axe

# The time from an event to a finished layout, in milliseconds, for fifteen moves of a figure's
# first slider, or of its radio buttons where it has none.
RESPONSE = """async (figure) => {
    const slider = figure.querySelector("input[type=range]");
    const radios = [...figure.querySelectorAll("input[type=radio]")];
    const times = [];
    for (let k = 0; k < 15; k++) {
        const started = performance.now();
        if (slider) {
            const [low, high] = [Number(slider.min), Number(slider.max)];
            slider.value = low + (k % (high - low + 1));
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        } else {
            radios[k % radios.length].click();
        }
        figure.getBoundingClientRect();  // the layout is part of the response
        times.push(performance.now() - started);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
    return times;
}"""


def slow_down(page, rate=4):
    """Let the page's processor seem so many times slower."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})


def barriers(page, **rules):
    """What axe finds to keep readers out: its serious and critical violations, as text.

    Its rules can be switched off by name, with _ for -: ``color_contrast=False``.
    """
    options = {
        "resultTypes": ["violations"],
        "preload": False,  # a page from a file may not read its style sheets once more
        "rules": {name.replace("_", "-"): {"enabled": on} for name, on in rules.items()},
    }
    return [
        f"{found['help']}: {found['nodes'][0]['html'][:120]}"
        for found in Axe().run(page, options=options).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
