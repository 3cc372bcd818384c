"use strict";
// What one can do with a log: choices that are remembered, lines that are copied, keys, and word of the end.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const $ = (id) => document.getElementById(id), { view } = log, { copyText } = window;

  // ---- choices --------------------------------------------------------------------------------------------------------
  function remembered(box, name, apply) {
    const kept = localStorage.getItem(`dlstack.${name}`);
    if (kept !== null) box.checked = kept === "1";
    box.addEventListener("change", () => { localStorage.setItem(`dlstack.${name}`, box.checked ? "1" : "0"); apply?.(); });
    apply?.();
  }

  function withTimes() {
    log.classList.toggle("times", $("log-times").checked);
    const address = new URL($("log-raw").href);
    address.search = $("log-times").checked ? "?view=1&times=1" : "?view=1";
    $("log-raw").href = address.href;
  }
  remembered($("log-times"), "times", withTimes);
  remembered($("log-wrap"), "wraps", () => log.classList.toggle("wraps", $("log-wrap").checked));
  remembered($("log-keys"), "keys");
  if ($("log-follow").checked && !location.hash) remembered($("log-follow"), "follow");

  // ---- lines that were picked -----------------------------------------------------------------------------------------
  const nameOf = ({ first, until }) => (until > first ? `L${first}-L${until}` : `L${first}`);

  log.addEventListener("click", (event) => {
    const number = Number(event.target.closest(".line > a")?.dataset.n);
    if (!number) return;
    event.preventDefault();
    const from = event.shiftKey && view.marked ? view.marked.first : number;
    view.mark(Math.min(from, number), Math.max(from, number));
    $("log-follow").checked = false;
    history.replaceState(null, "", `#${nameOf(view.marked)}`);
  });

  function showPicked(picked) {
    $("log-pick").hidden = !picked;
    if (picked) $("log-picked").textContent = nameOf(picked);
  }
  document.addEventListener("dlstack:marked", (event) => showPicked(event.detail));
  showPicked(view.marked);

  $("log-copy-link").addEventListener("click", (event) => {
    const { pathname } = location, { first } = view.marked;
    copyText(`${location.origin}${pathname}?line=${first}#${nameOf(view.marked)}`, event.currentTarget);
  });
  $("log-copy-text").addEventListener("click", async (event) => {
    const button = event.currentTarget, { first, until } = view.marked;
    const content = await log.gaps.fetchLines(first, until);
    copyText([...content.children].map((line) => line.textContent).join("\n"), button);
  });

  // ---- keys -----------------------------------------------------------------------------------------------------------
  const keys = {
    f: () => $("log-follow").click(),
    "/": () => $("log-search").elements.q.focus(),
    n: () => log.search.nextError(1),
    p: () => log.search.nextError(-1),
    g: () => view.goToStart(),
    G: () => view.goToEnd(),
    "?": () => {
      if (document.activeElement === document.body) log.focus({ preventScroll: true }); // where a closed dialog leads back to
      $("log-help").showModal();
    },
  };
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !$("log-keys").checked) return;
    if (target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]")) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  $("log-help-open").addEventListener("click", () => $("log-help").showModal());

  // ---- word of the end ------------------------------------------------------------------------------------------------
  const bell = $("log-notify");
  if (!bell) return;
  if (!("Notification" in window)) bell.hidden = true;
  bell.addEventListener("click", async () => {
    const wanted = bell.getAttribute("aria-pressed") !== "true";
    const given = !wanted || (await Notification.requestPermission()) === "granted";
    bell.setAttribute("aria-pressed", String(wanted && given));
    bell.lastElementChild.textContent = given ? (wanted ? "Will notify" : "Notify me") : "The browser refused";
  });
  document.addEventListener("dlstack:ended", (event) => {
    if (bell.getAttribute("aria-pressed") !== "true") return;
    new Notification(event.detail.title, { body: event.detail.message, icon: $("favicon").href, tag: `dlstack-${event.detail.id}` });
    bell.hidden = true;
  });
})();
