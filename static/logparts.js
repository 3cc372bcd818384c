"use strict";
// What the log is made of, lines in chunks and gaps for lines that are not in the page, and where its reader is.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const CHUNK = 50; // app.css knows how high that is

  const numberOf = (line) => Number(line.id.slice(1));
  const isGap = (node) => node?.classList.contains("gap") ?? false;
  const firstOf = (node) => (isGap(node) ? Number(node.dataset.first) : numberOf(node.firstElementChild));
  const lastOf = (node) => (isGap(node) ? Number(node.dataset.last) : numberOf(node.lastElementChild));
  const sizeOf = ({ content, first, until }) => (content ? content.childElementCount : until - first + 1);

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  function chunksOf(lines) {
    const chunks = [];
    for (let at = 0; at < lines.length; at += CHUNK) {
      const chunk = document.createElement("div");
      chunk.className = "chunk";
      chunk.append(...lines.slice(at, at + CHUNK));
      chunks.push(chunk);
    }
    return chunks;
  }

  // ---- the place of the reader ----------------------------------------------------------------------------------------
  function isSeen(node) {
    const box = node.getBoundingClientRect(), seen = log.getBoundingClientRect();
    return box.bottom > seen.top && box.top < seen.bottom;
  }

  function firstSeen() {
    const chunk = [...log.querySelectorAll(".chunk")].find(isSeen);
    return chunk && [...chunk.children].find(isSeen);
  }

  function distance(chunk) {
    const box = chunk.getBoundingClientRect(), seen = log.getBoundingClientRect();
    return Math.max(seen.top - box.bottom, box.top - seen.bottom, 0);
  }

  // Nothing moves that is being read; `otherwise` is done where no line was to be seen.
  function keepPlace(change, otherwise) {
    const line = firstSeen(), before = line?.getBoundingClientRect().top;
    change();
    const moved = line?.isConnected ? line.getBoundingClientRect().top - before : 0;
    if (moved) log.scrollTop += moved; // even by nothing would end a scrolling that goes on
    if (!line?.isConnected) otherwise?.();
  }

  // Only the log itself is scrolled; scrollIntoView would move the page too.
  function place(line, share) {
    if (line) log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight * share;
  }

  // ---- what the reader does -------------------------------------------------------------------------------------------
  let touched = -Infinity;
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) log.addEventListener(name, () => { touched = performance.now(); }, { passive: true });
  const touchedSince = (time) => touched > time;

  // In some frames more than one: the height of lines that were never shown is a guess until they are. Whoever scrolls
  // meanwhile is not pulled back.
  function settle(move, frames = 3, begun = performance.now()) {
    if (touchedSince(begun)) return;
    move();
    if (frames) requestAnimationFrame(() => settle(move, frames - 1, begun));
  }

  log.parts = { CHUNK, numberOf, isGap, firstOf, lastOf, sizeOf, parse, chunksOf, distance, firstSeen, keepPlace, place, touchedSince, settle };
})();
