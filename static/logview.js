"use strict";
// The log of one operation: lines are appended as they come (logstream.js brings them), each once, and nothing moves
// under a reader who has scrolled up.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const CHUNK = 250, CAP_FOLLOWING = 5000, CAP_READING = 20000, PAGE = 2000, NEAR = 40;
  const $ = (id) => document.getElementById(id);
  const chunkUrl = log.dataset.chunk;
  const follow = $("log-follow"), pill = $("log-pill"), earlier = $("log-earlier");
  let last = Number(log.dataset.last), live = log.dataset.live === "1", waiting = [], scheduled = false, unseen = 0, skipped = false;

  document.querySelectorAll("[data-js]").forEach((element) => { element.hidden = false; });

  // ---- lines ----------------------------------------------------------------------------------------------------------
  const numberOf = (line) => Number(line.id.slice(1));
  const count = () => log.getElementsByClassName("line").length;
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  // Only the log itself is scrolled; scrollIntoView would move the page too.
  function show(line) {
    log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 2;
  }

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  function newChunk() {
    const chunk = document.createElement("div");
    chunk.className = "chunk";
    return chunk;
  }

  function append(content) {
    let chunk = log.lastElementChild;
    for (const item of [...content.children]) {
      if (!chunk.classList.contains("chunk") || chunk.childElementCount >= CHUNK) chunk = log.appendChild(newChunk());
      chunk.append(item);
    }
  }

  function take(html) {
    const content = parse(html);
    for (const line of [...content.children]) if (numberOf(line) <= last) line.remove();
    if (!content.children.length) return;
    last = numberOf(content.lastElementChild);
    waiting.push(content);
    schedule();
  }

  function takeGap({ first, last: until }) {
    if (until <= last) return;
    const gap = document.createElement("div");
    gap.className = "gap";
    fillGap(gap, Math.max(first, last + 1), until);
    const content = document.createDocumentFragment();
    content.append(gap);
    last = until;
    waiting.push(content);
    schedule();
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    if (document.hidden) setTimeout(flush, 500);
    else requestAnimationFrame(flush);
  }

  function flush() {
    scheduled = false;
    const following = follow.checked && live;
    const batch = waiting.splice(0), lines = batch.reduce((sum, content) => sum + content.querySelectorAll(".line").length, 0);
    if (!following && count() + lines > CAP_READING) skipped = true;
    if (!skipped) batch.forEach(append);
    $("log-empty")?.remove();
    if (following) {
      drop();
      toEnd();
    } else {
      unseen += lines;
    }
    showPill();
  }

  function drop() {
    let surplus = count() - CAP_FOLLOWING;
    for (let old = log.querySelector(".chunk, .gap"); old && surplus > 0; old = log.querySelector(".chunk, .gap")) {
      const lines = old.getElementsByClassName("line").length;
      if (lines > surplus) break;
      surplus -= lines;
      old.remove();
    }
    showFirst();
  }

  function showFirst() {
    const line = log.querySelector(".line"), first = line ? numberOf(line) : 1;
    log.querySelector(".earlier").hidden = first <= 1;
    $("log-first").textContent = `${(first - 1).toLocaleString()} lines before this`;
  }

  function showPill() {
    pill.hidden = unseen === 0 && !skipped;
    pill.lastElementChild.textContent = `${unseen.toLocaleString()} new line${unseen === 1 ? "" : "s"}`;
  }

  async function fetchLines(query) {
    const answer = await fetch(`${chunkUrl}?${query}`, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    return parse(await answer.text());
  }

  async function loadEarlier(until, before) {
    const content = await fetchLines(`from=${Math.max(1, until - PAGE + 1)}&to=${until}`);
    const chunk = newChunk(), height = log.scrollHeight, top = log.scrollTop;
    chunk.append(content);
    before.before(chunk);
    log.scrollTop = top + log.scrollHeight - height;
    showFirst();
    return chunk.firstElementChild;
  }

  earlier?.addEventListener("click", async () => {
    earlier.disabled = true;
    follow.checked = false;
    const line = log.querySelector(".line"), rest = log.querySelector(".chunk, .gap");
    try {
      await loadEarlier(line ? numberOf(line) - 1 : last, rest);
    } finally {
      earlier.disabled = false;
    }
  });

  // Lines that a burst passed over: their place is kept, and they are fetched when somebody looks there.
  function fillGap(gap, first, until) {
    gap.dataset.first = first;
    gap.dataset.last = until;
    gap.textContent = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm btn-log";
    button.textContent = `Load lines ${first.toLocaleString()}–${until.toLocaleString()}`;
    button.addEventListener("click", () => openGap(gap));
    gap.append(button);
    looking?.observe(gap);
  }

  async function openGap(gap) {
    if (gap.dataset.busy) return;
    gap.dataset.busy = "1";
    const first = Number(gap.dataset.first), until = Number(gap.dataset.last), content = newChunk();
    try {
      content.append(await fetchLines(`from=${Math.max(first, until - PAGE + 1)}&to=${until}`));
    } finally {
      delete gap.dataset.busy;
    }
    const height = log.scrollHeight, top = log.scrollTop;
    gap.after(content);
    log.scrollTop = top + log.scrollHeight - height;
    if (until - PAGE + 1 > first) fillGap(gap, first, until - PAGE);
    else gap.remove();
  }
  const looking = "IntersectionObserver" in window ? new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) if (isIntersecting && !follow.checked) openGap(target);
  }, { root: log }) : null;

  // ---- following ------------------------------------------------------------------------------------------------------
  async function goToEnd() {
    if (skipped) {
      const content = await fetchLines(`to=${last}`);
      log.querySelectorAll(".chunk, .gap").forEach((old) => old.remove());
      skipped = false;
      append(content);
      showFirst();
    }
    follow.checked = true;
    unseen = 0;
    showPill();
    toEnd();
  }
  pill.addEventListener("click", goToEnd);
  follow.addEventListener("change", () => { if (follow.checked) goToEnd(); });
  // Only the reader's own scrolling counts: what the page does itself ends at the end anyway.
  let touched = 0;
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) log.addEventListener(name, () => { touched = Date.now(); }, { passive: true });
  log.addEventListener("scroll", () => {
    if (Date.now() - touched > 1500) return;
    follow.checked = atEnd() && !skipped;
    if (!follow.checked) return;
    unseen = 0;
    showPill();
  }, { passive: true });

  for (const [id, name] of [["log-times", "times"], ["log-wrap", "wraps"]]) {
    const box = $(id), kept = localStorage.getItem(`dlstack.${name}`);
    if (kept !== null) box.checked = kept === "1";
    const apply = () => log.classList.toggle(name, box.checked);
    box.addEventListener("change", () => { localStorage.setItem(`dlstack.${name}`, box.checked ? "1" : "0"); apply(); });
    apply();
  }

  async function goToLine() {
    const number = Number((location.hash.match(/^#L(\d{1,9})/) || [])[1]);
    if (!number) return;
    follow.checked = false;
    if (!$(`L${number}`)) {
      const content = newChunk(), first = Math.max(1, number - PAGE / 2);
      content.append(await fetchLines(`from=${first}&to=${first + PAGE - 1}`));
      log.querySelectorAll(".chunk, .gap").forEach((old) => old.remove());
      log.append(content);
      skipped = live || numberOf(content.lastElementChild ?? { id: "L0" }) < last;
      showFirst();
      showPill();
    }
    document.querySelectorAll(".line.is-marked").forEach((line) => line.classList.remove("is-marked"));
    const line = $(`L${number}`);
    if (!line) return;
    line.classList.add("is-marked");
    show(line);
  }
  addEventListener("hashchange", goToLine);

  log.view = {
    get last() { return last; },
    take,
    takeGap,
    fetchLines,
    // The operation has ended: what waits is shown, and there is nothing more to follow.
    end() {
      flush();
      if (follow.checked) toEnd();
      live = false;
      follow.closest(".tool").hidden = true;
    },
  };

  if (!live) follow.closest(".tool").hidden = true;
  showFirst();
  if (location.hash.startsWith("#L")) goToLine();
  else if (live || !log.querySelector(".is-error")) toEnd();
  else show(log.querySelector(".is-error"));
})();
