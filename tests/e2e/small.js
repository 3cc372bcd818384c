// What can be touched, outside of sentences, and is too small for a thumb: 44 px for Revert and Cancel, 24 px for the
// rest. A tick box is as large as its label.
() => {
  const TOUCHED = [
    "button, select, textarea, summary, input:not([type=hidden])",
    ".btn, .tool, .mainnav a, .menu-item, .line > a",
  ].join();
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length;
  const measured = (node) => {
    const boxes = [node, ...(node.labels ?? [])].map((one) => one.getBoundingClientRect());
    const side = (from, to) => Math.max(...boxes.map((box) => box[to])) - Math.min(...boxes.map((box) => box[from]));
    const name = node.innerText || node.ariaLabel || node.labels?.[0]?.innerText || node.dataset.n || node.name;
    const least = /^(Revert|Cancel)/.test(name.trim()) ? 44 : 24;
    return { name: name.trim(), least, width: side("left", "right"), height: side("top", "bottom") };
  };
  const small = ({ least, width, height }) => Math.min(width, height) < least - 0.1;
  return [...document.querySelectorAll(TOUCHED)].filter(isShown).map(measured).filter(small);
}
