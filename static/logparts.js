"use strict";
// What the log is made of: lines in chunks, gaps for lines that are not in the page, and how long each of them is.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const CHUNK = 250;

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

  function chunksOf(content) {
    const lines = [...content.children], chunks = [];
    for (let at = 0; at < lines.length; at += CHUNK) {
      const chunk = document.createElement("div");
      chunk.className = "chunk";
      chunk.append(...lines.slice(at, at + CHUNK));
      chunks.push(chunk);
    }
    return chunks;
  }

  // In some frames more than one: the height of lines that were never shown is a guess until they are.
  function settle(place, frames = 3) {
    place();
    if (frames) requestAnimationFrame(() => settle(place, frames - 1));
  }

  log.parts = { CHUNK, numberOf, isGap, firstOf, lastOf, sizeOf, parse, chunksOf, settle };
})();
