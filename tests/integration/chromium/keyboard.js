// Counts what is to be reached by keyboard, in the order of the page; focused() then tells where the focus is and whether
// that can be seen: an outline, or a stroke that is not there otherwise.
(() => {
  const all = [...document.querySelectorAll("a[href], summary, [tabindex='0']")].filter((item) => item.checkVisibility());
  const look = (item) => {
    const parts = [item, ...item.querySelectorAll("rect, circle, line")];
    return parts.map((part) => {
      const style = getComputedStyle(part);
      return [style.outlineStyle, style.outlineWidth, style.stroke, style.strokeWidth].join();
    }).join(";");
  };
  const plain = all.map(look);
  globalThis.focused = () => {
    const item = document.activeElement, number = all.indexOf(item);
    return { number, name: item.outerHTML.slice(0, 100), shown: number >= 0 && look(item) !== plain[number] };
  };
  return all.length;
})()
