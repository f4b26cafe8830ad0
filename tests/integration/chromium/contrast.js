// Every text that can be seen, held against what is painted beneath its middle: those below 4.5:1 (WCAG 2, AA) are told.
(() => {
  document.querySelectorAll("details").forEach((item) => { item.open = true; });
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => {
    const alpha = top[3] + below[3] * (1 - top[3]);
    const mixed = [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / (alpha || 1));
    return [...mixed, alpha];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const shape = (item) => item instanceof SVGGeometryElement;
  const paint = (item) => {
    const style = getComputedStyle(item);
    if (shape(item)) return style.fill === "none" ? [0, 0, 0, 0] : rgba(style.fill);
    return item instanceof SVGElement ? [0, 0, 0, 0] : rgba(style.backgroundColor);
  };
  const ground = (x, y) => {
    let colour = [0, 0, 0, 0];
    for (const item of document.elementsFromPoint(x, y)) {
      colour = over(colour, paint(item));
      if (colour[3] > 0.999) return colour;
    }
    return over(colour, rgba(getComputedStyle(document.body).backgroundColor));
  };
  // The window is as high as the page was; what has been unfolded may be further down.
  const weak = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (!node.data.trim() || holder.closest(".unseen, .skip, thead, svg title") && !holder.closest("svg text")) {
      if (!holder.closest("thead") || !node.data.trim()) continue;
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    const first = holder.closest("svg") ? holder.getBoundingClientRect() : range.getClientRects()[0];
    if (!first || first.width < 2 || first.height < 2 || getComputedStyle(holder).visibility === "hidden") continue;
    window.scrollTo(0, Math.max(0, first.top + scrollY - 200));
    const box = holder.closest("svg") ? holder.getBoundingClientRect() : range.getClientRects()[0];
    const x = box.left + Math.min(box.width / 2, 4), y = box.top + box.height / 2;
    if (x < 0 || x > innerWidth || y < 0 || y > innerHeight) continue;
    if (holder.closest("thead") && document.elementsFromPoint(x, y).indexOf(holder) < 0) continue;
    const style = getComputedStyle(holder);
    const below = ground(x, y);
    const text = over(rgba(holder instanceof SVGElement ? style.fill : style.color), below);
    const found = ratio(text, below);
    seen += 1;
    if (found < 4.5) weak.push({ text: node.data.trim().slice(0, 60), ratio: found, text_colour: text, below });
  }
  window.scrollTo(0, 0);
  return { seen, weak };
})()
