"use strict";
// Brings a running operation to its page: one EventSource carries the lines, the steps and the state, is opened again
// after the last line seen, and is closed while nobody looks.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const PAGE = 2000, HIDDEN_MS = 15000;
  const $ = (id) => document.getElementById(id);
  const { stream, state: stateUrl, icons } = log.dataset, { view } = log, link = $("log-link"), told = $("log-told");
  let live = log.dataset.live === "1", ended = !live, source = null, tries = 0, timer = 0, hiddenTimer = 0, announced = 0;

  // ---- state ----------------------------------------------------------------------------------------------------------
  const iconOf = { queued: "running", running: "running", succeeded: "succeeded", failed: "failed" };

  function showState(document_) {
    document.title = document_.title;
    $("favicon").href = `${icons}${iconOf[document_.state] ?? "stopped"}.svg`;
    document.dispatchEvent(new CustomEvent("dlstack:clock", { detail: document_.now }));
    const head = `${document_.state}|${document_.message}|${document_.cancelling}`;
    if (log.dataset.head !== head) htmx.trigger("#head", "dlstack:state");
    log.dataset.head = head;
    if (document_.final && !ended) document.dispatchEvent(new CustomEvent("dlstack:ended", { detail: document_ }));
    ended ||= document_.final;
    const text = document_.final ? `${document_.state}. ${document_.message}` : document_.step;
    if (text && text !== told.textContent && (document_.final || Date.now() - announced > 10000)) {
      told.textContent = text;
      announced = Date.now();
    }
  }

  function showLink(word, what) {
    link.textContent = word;
    link.dataset.what = what;
  }

  // ---- the stream -----------------------------------------------------------------------------------------------------
  function open() {
    if (!live || source) return;
    const mine = source = new EventSource(`${stream}?from=${view.last}`);
    mine.onopen = () => { tries = 0; showLink("Catching up…", "lost"); document.dispatchEvent(new Event("dlstack:found")); };
    mine.addEventListener("live", () => showLink("Live", "live"));
    mine.addEventListener("log", (event) => view.take(event.data));
    mine.addEventListener("gap", (event) => view.takeGap(JSON.parse(event.data)));
    mine.addEventListener("steps", (event) => renewKeepingFocus($("steps"), () => { $("steps").innerHTML = event.data; }));
    mine.addEventListener("state", (event) => showState(JSON.parse(event.data)));
    mine.addEventListener("done", end);
    mine.onerror = () => {
      showLink("Reconnecting…", "lost");
      // The browser itself retries a broken connection, with the last line's number; not one that was refused.
      if (mine.readyState === EventSource.CLOSED) again();
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  function again() {
    close();
    clearTimeout(timer);
    tries += 1;
    const wait = Math.min(15000, 500 * 2 ** Math.min(tries, 5)) * (1 + 0.3 * Math.random());
    timer = setTimeout(async () => {
      if (tries > 2) await poll();
      open();
    }, wait);
  }

  // Where no stream is to be had, the stored log is read instead.
  async function poll() {
    try {
      const content = await log.gaps.fetchLines(view.last + 1, view.last + PAGE);
      view.take([...content.children].map((line) => line.outerHTML).join(""));
      await pollState();
    } catch {
      document.dispatchEvent(new Event("dlstack:lost"));
    }
  }

  async function pollState() {
    const answer = await fetch(stateUrl);
    if (answer.ok && !answer.redirected) showState(await answer.json());
  }

  function end() {
    live = false;
    close();
    view.end();
    showLink("", "");
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    clearInterval(hiddenTimer);
    if (!live) return;
    if (document.hidden) {
      hiddenTimer = setTimeout(() => { close(); hiddenTimer = setInterval(pollState, 30000); }, HIDDEN_MS);
    } else {
      open();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });

  if (!live) return;
  showLink("Connecting…", "lost");
  open();
})();
