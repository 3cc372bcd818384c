"use strict";
// Finding lines in the whole log, which the server does: next and previous hit, and next and previous error.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const $ = (id) => document.getElementById(id), { view } = log, form = $("log-search"), hits = $("log-hits"), told = $("log-hit");
  let found = null, index = 0;

  async function ask(query, words) {
    const answer = await fetch(`${form.dataset.url}?${query}`);
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    found = { ...await answer.json(), query, words, at: view.last };
  }

  function say() {
    const { lines, complete, searched, words } = found, more = complete ? "" : "+";
    const where = complete ? "" : ` up to line ${searched.toLocaleString()}`;
    hits.hidden = false;
    told.textContent = lines.length ? `${words} ${index + 1} of ${lines.length}${more}` : `No ${words.toLowerCase()}${where}`;
    $("log-next").disabled = $("log-previous").disabled = lines.length < 2;
  }

  function go(to) {
    const { lines } = found;
    if (lines.length) {
      index = (to + lines.length) % lines.length;
      const { n } = lines[index];
      view.mark(n);
      history.replaceState(null, "", `#L${n}`);
      view.goTo(n);
    }
    say();
  }

  async function attempt(work) {
    try {
      await work();
    } catch {
      hits.hidden = false;
      told.textContent = "The server does not answer.";
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const q = form.elements.q.value;
    if (!q) { hits.hidden = true; return; }
    const query = new URLSearchParams({ q }).toString();
    if (found?.query === query && found.at === view.last) { go(index + 1); return; }
    attempt(async () => { await ask(query, "Hit"); go(0); });
  });
  form.elements.q.addEventListener("keydown", (event) => { if (event.key === "Escape") log.focus(); });
  $("log-next").addEventListener("click", () => go(index + 1));
  $("log-previous").addEventListener("click", () => go(index - 1));

  function nextError(step) {
    return attempt(async () => {
      const known = found?.query === "errors=1" && found.at === view.last;
      if (!known) await ask("errors=1", "Error");
      go(known ? index + step : step > 0 ? 0 : -1);
    });
  }
  $("log-error").addEventListener("click", (event) => {
    event.preventDefault();
    attempt(async () => { await ask("errors=1", "Error"); go(0); });
  });

  // Steps and found lines are links to their place in the log; here it is on this page already.
  document.addEventListener("click", (event) => {
    const number = Number(event.target.closest("a[data-line]")?.dataset.line);
    if (!number || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    view.mark(number);
    history.replaceState(null, "", `#L${number}`);
    view.goTo(number);
  });

  log.search = { nextError };
})();
