// What is wider than the page scrolls in its own box: let the keyboard reach it there.
(() => {
  const BOXES = ".diagram, div.math, .pst-scrollable-table-container, .rh-table";
  const reach = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
})();

// The search would read each page that it finds, for an excerpt. From a file it may not.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
