// What has the focus: its name; its outline, how well that stands out from what lies behind it, and how many of its
// sides are cut off; and which of five places within what is on screen of it are really its own.
() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const style = getComputedStyle(node), parents = [];
  for (let one = node.parentElement; one; one = one.parentElement) parents.push(one);
  const boxes = [...node.getClientRects()].filter((one) => one.width && one.height);
  const box = boxes[0] ?? node.getBoundingClientRect();

  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  const isOwn = ([x, y]) => {
    const found = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
    return Boolean(found) && (node.contains(found) || (found.contains(node) && !found.closest(".topbar")));
  };

  const offset = parseFloat(style.outlineOffset), reach = offset + parseFloat(style.outlineWidth);
  const isCutting = (one) => {
    const { overflowX, overflowY } = getComputedStyle(one);
    return one !== document.body && one !== document.documentElement && (overflowX !== "visible" || overflowY !== "visible");
  };
  const cutBy = (one) => {
    const edge = one.getBoundingClientRect();
    const beyond = [edge.left - box.left, edge.top - box.top, box.right - edge.right, box.bottom - edge.bottom];
    return beyond.filter((side) => side + reach > 0.5).length;
  };

  const light = (colour) => {
    const parts = colour.match(/[\d.]+/g).slice(0, 3).map((one) => Number(one) / 255);
    const [r, g, b] = parts.map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const paper = (one) => getComputedStyle(one).backgroundColor;
  const behind = [...(offset < 0 ? [node] : []), ...parents].find((one) => !/, 0\)$/.test(paper(one))) ?? document.body;
  const [dark, bright] = [light(style.outlineColor), light(paper(behind))].sort((a, b) => a - b);

  const name = node.ariaLabel || node.labels?.[0]?.innerText || node.innerText || node.name || node.tagName;
  return {
    name: name.trim().replace(/\s+/g, " ").slice(0, 80),
    role: node.tagName.toLowerCase(),
    id: node.id,
    place: [...document.getElementsByTagName("*")].indexOf(node),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: bright / dark,
    cut: Math.max(0, ...parents.filter(isCutting).map(cutBy)),
    shown: Math.min(right - left, bottom - top),
    own: [[0.5, 0.5], [0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]].map(isOwn),
  };
}
