"use strict";
// Where the keyboard is: what opens over the page closes again, and the focus outlives what is renewed around it.
(() => {
  const POPS = "details:is(.menu, .ask, .term)", WITHIN = "a[href], button, input, select, textarea, summary, [tabindex]";
  const isOpen = (pop) => pop.open;

  // ---- what lies over the page: closed by Escape, and when the pointer or the focus goes elsewhere -------------------
  function closeOthers(target) {
    for (const pop of [...document.querySelectorAll(POPS)].filter(isOpen)) if (!pop.contains(target)) pop.open = false;
  }
  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    const pop = event.key === "Escape" && [...document.querySelectorAll(POPS)].find(isOpen);
    if (!pop) return;
    if (pop.contains(document.activeElement)) pop.querySelector("summary").focus();
    pop.open = false;
  });

  // ---- what scrolls sideways shows the whole of what the keyboard has reached: browsers are content with a part -----
  document.addEventListener("focusin", ({ target }) => {
    const box = target.closest(".scroller");
    if (!box || box === target || !target.matches(":focus-visible")) return;
    const { scrollPaddingLeft, scrollPaddingRight } = getComputedStyle(box), room = (text) => parseFloat(text) || 4;
    const seen = box.getBoundingClientRect(), { left, right } = target.getBoundingClientRect();
    const over = right - (seen.right - room(scrollPaddingRight)), under = left - (seen.left + room(scrollPaddingLeft));
    if (over > 0) box.scrollLeft += Math.min(over, Math.max(under, 0));
    else if (under < 0) box.scrollLeft += under;
  });

  // ---- what is renewed: the focus goes to the same thing in the new part, or else to where it begins ----------------
  const sign = (node) => node.id || `${node.tagName} ${node.getAttribute("href") ?? node.getAttribute("aria-label") ?? node.textContent}`;
  const focusable = (part) => [...part.querySelectorAll(WITHIN)];
  let held = null;

  // Tells which of those that look alike it is: a machine's page leads to the same version from more than one place.
  function hold(part) {
    const node = document.activeElement;
    if (!part.contains(node) || node === part) return null;
    const alike = focusable(part).filter((one) => sign(one) === sign(node));
    return { sign: sign(node), place: alike.indexOf(node), from: alike.length };
  }

  function giveBack({ sign: wanted, place, from }, part) {
    if (document.activeElement !== document.body) return;
    const alike = focusable(part).filter((one) => sign(one) === wanted);
    const node = alike[Math.max(0, place + alike.length - from)] ?? alike[0] ?? start(part);
    node.focus({ preventScroll: true });
  }

  function start(part) {
    const node = part.querySelector("h1, h2, h3") ?? part;
    node.tabIndex = -1;
    return node;
  }

  document.addEventListener("htmx:beforeSwap", (event) => { held = hold(event.detail.target); });
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target } = event.detail;
    if (held) giveBack(held, target.isConnected ? target : document.getElementById(target.id) ?? document.getElementById("main"));
    held = null;
  });

  // For what is renewed without htmx.
  globalThis.renewKeepingFocus = (part, change) => {
    const before = hold(part);
    change();
    if (before) giveBack(before, part);
  };
})();
