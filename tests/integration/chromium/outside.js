// What reaches beyond the window to the right, or beyond the box that holds it; letters that are cut on purpose are named
// by a title.
(() => {
  document.querySelectorAll("details").forEach((item) => { item.open = true; });
  const found = [];
  for (const item of document.querySelectorAll("body *")) {
    if (item.closest(".unseen, .skip, thead, title, .swatch") || !item.checkVisibility()) continue;
    const box = item.getBoundingClientRect();
    if (box.width === 0 || item.closest("svg a svg, svg g svg")) continue;
    if (box.right > innerWidth + 1 || box.left < -1) found.push(item.outerHTML.slice(0, 120));
    const cut = item instanceof HTMLElement && item.scrollWidth > item.clientWidth + 1 && !item.title;
    if (cut && getComputedStyle(item).display !== "inline") found.push(`cut: ${item.outerHTML.slice(0, 120)}`);
  }
  return found;
})()
