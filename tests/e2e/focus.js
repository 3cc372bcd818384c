// What is not right about the keyboard's focus on this page: one line for each element, none where all is well.
() => {
  const REACHED = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable], iframe, object";
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }), known = new Map();

  function colour(text) {
    if (!known.has(text)) {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = text;
      brush.fillRect(0, 0, 1, 1);
      known.set(text, [...brush.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(text);
  }

  function luminance([red, green, blue]) {
    const [r, g, b] = [red, green, blue].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }

  function behind(element) {
    for (let place = element; place; place = place.parentElement) {
      const found = colour(getComputedStyle(place).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255, 255];
  }

  const nameOf = (element) => `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}.${element.className?.baseVal ?? element.className} “${(element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 30)}”`;

  // How much of the ring no box that hides what sticks out cuts away: each of its four sides counts.
  function sidesShown(element, width, offset) {
    const out = width + offset, rects = [...element.getClientRects()].filter((rect) => rect.width && rect.height);
    const left = Math.min(...rects.map((rect) => rect.left)) - out, right = Math.max(...rects.map((rect) => rect.right)) + out;
    const top = Math.min(...rects.map((rect) => rect.top)) - out, bottom = Math.max(...rects.map((rect) => rect.bottom)) + out;
    const sides = [true, true, true, true];
    const fixed = () => getComputedStyle(element).position === "fixed";
    for (let box = element.parentElement; box && box !== document.body && !fixed(); box = box.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(box), area = box.getBoundingClientRect(), slack = 0.6;
      if (overflowX !== "visible") {
        sides[0] &&= left + width > area.left + slack && left + slack >= area.left;
        sides[1] &&= right - width < area.right - slack && right - slack <= area.right;
      }
      if (overflowY !== "visible") {
        sides[2] &&= top + slack >= area.top;
        sides[3] &&= bottom - slack <= area.bottom;
      }
    }
    return sides.filter(Boolean).length;
  }

  function isCovered(element) {
    const rect = [...element.getClientRects()].find((one) => one.width && one.height);
    const x = (Math.max(rect.left, 0) + Math.min(rect.right, innerWidth)) / 2, y = (Math.max(rect.top, 0) + Math.min(rect.bottom, innerHeight)) / 2;
    const met = document.elementFromPoint(x, y);
    return met && !element.contains(met) && !met.contains(element) && !met.closest("label")?.contains(element) ? met : null;
  }

  function wrongWith(element) {
    const before = getComputedStyle(element).boxShadow;
    element.focus();
    if (document.activeElement !== element) return "does not take the focus";
    if (!element.matches(":focus-visible")) return "does not show that it has the focus";
    const { outlineStyle, outlineWidth, outlineOffset, outlineColor, boxShadow } = getComputedStyle(element);
    const width = parseFloat(outlineWidth), offset = parseFloat(outlineOffset);
    if (outlineStyle === "none" || width < 2 || colour(outlineColor)[3] < 255) return boxShadow === before ? `has no ring: ${outlineStyle} ${outlineWidth}` : "has a shadow and no ring";
    const against = contrast(colour(outlineColor), behind(offset < 0 ? element : element.parentElement ?? element));
    if (against < 3) return `has a ring with a contrast of ${against.toFixed(2)} only`;
    const shown = sidesShown(element, width, offset);
    if (shown < 4) return `has a ring of which ${shown} sides are seen`;
    const over = isCovered(element);
    return over ? `lies below ${nameOf(over)}` : "";
  }

  const wrong = [];
  // Backwards: so the page scrolls upwards, below what sticks to its top.
  for (const element of [...(document.querySelector("dialog:modal") ?? document).querySelectorAll(REACHED)].reverse()) {
    if (element.tabIndex < 0 || element.disabled || element.type === "hidden") continue;
    const opened = [];
    for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      if (!fold.open && fold.querySelector("summary") !== element) { fold.open = true; opened.push(fold); }
    }
    if (element.checkVisibility({ visibilityProperty: true })) {
      const told = wrongWith(element);
      if (told) wrong.push(`${nameOf(element)} ${told}`);
    }
    for (const fold of opened) fold.open = false;
  }
  document.activeElement.blur();
  scrollTo(0, 0);
  return wrong;
}
