"use strict";
// What every page gets on top of plain links and forms: current times, buttons that are pressed once, and word of a
// server that does not answer.
(() => {
  const units = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];

  function rounded(seconds) {
    const [, size, word] = units.find(([limit]) => seconds < limit);
    return `${Math.floor(seconds / size)} ${word}`;
  }

  function exact(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 60) return `${seconds.toFixed(0)} s`;
    const [big, small, size] = seconds < 3600 ? ["min", "s", 60] : ["h", "min", 3600];
    const rest = Math.floor((seconds % size) / (size / 60));
    return `${Math.floor(seconds / size)} ${big}${rest ? ` ${rest} ${small}` : ""}`;
  }

  // The reader's clock may be wrong: times count from the server's, which the page carries in its Date header.
  let offset = 0;
  const now = () => Date.now() + offset;
  document.addEventListener("dlstack:clock", (event) => { offset = event.detail * 1000 - Date.now(); });

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function renew() {
    for (const time of document.querySelectorAll("time[data-time]")) {
      const at = new Date(time.dateTime), seconds = Math.max(0, (now() - at) / 1000);
      if (!time.dataset.local) {
        time.title = full.format(at);
        time.dataset.local = "1";
        if (time.dataset.time === "clock") put(time, short.format(at));
      }
      if (time.dataset.time === "since") put(time, rounded(seconds));
      if (time.dataset.time === "ago") put(time, seconds < 10 ? "just now" : `${rounded(seconds)} ago`);
    }
    for (const clock of document.querySelectorAll("[data-since]")) {
      put(clock, exact(Math.max(0, now() / 1000 - Number(clock.dataset.since))));
    }
  }
  renew();
  setInterval(renew, 1000);
  document.addEventListener("htmx:afterSwap", renew);

  // A second press would be refused by the server; this spares the reader that page.
  document.addEventListener("submit", (event) => {
    if (!("once" in event.target.dataset)) return;
    setTimeout(() => event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-once] button").forEach((button) => { button.disabled = false; });
  });

  // What scripts do by themselves needs no button.
  document.querySelectorAll("[data-nojs]").forEach((element) => { element.hidden = true; });

  // Nothing is replaced under somebody who is selecting text in it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const chosen = getSelection();
    if ("live" in event.target.dataset && !chosen.isCollapsed && event.target.contains(chosen.anchorNode)) {
      event.detail.shouldSwap = false;
    }
  });

  const offline = document.getElementById("offline");
  let heard = now();
  function lost() {
    if (!offline || !offline.hidden) return;
    document.getElementById("offline-since").textContent = new Date(heard).toLocaleTimeString();
    offline.hidden = false;
  }
  function found() {
    heard = now();
    if (offline) offline.hidden = true;
  }
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError", "dlstack:lost"]) document.addEventListener(name, lost);
  for (const name of ["htmx:afterOnLoad", "dlstack:found"]) document.addEventListener(name, found);
  // A session that ended answers with the sign-in page: go there rather than show it inside this one.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const address = event.detail.xhr.responseURL;
    if (address && new URL(address).pathname === "/sign-in/") { event.preventDefault(); location.reload(); }
  });
})();
