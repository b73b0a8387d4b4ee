// Mounts a figure in a page, where no kernel answers. Python puts it after the module's text.

/** Take over what a link says of the figure's STATE. It may have been cut, or typed by hand. */
function follow(link, anchor, state) {
  const [name, query] = link.split("?");
  if (name !== anchor || !query) return false;
  for (const [key, text] of new URLSearchParams(query)) {
    try { if (STATE.includes(key)) state[key] = JSON.parse(text); } catch { /* no JSON: as it was */ }
  }
  return true;
}

function mount(el, state) {
  if (follow(location.hash.slice(1), el.id, state)) el.scrollIntoView();
  const heard = {};
  const model = {
    anchor: el.id,
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; (heard[`change:${name}`] ?? []).forEach((f) => f()); },
    save_changes() {},
    on: (event, f) => (heard[event] ??= []).push(f),
    off() {},
  };
  el.replaceChildren();
  render({ model, el });
}
