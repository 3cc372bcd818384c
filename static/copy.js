"use strict";
// Buttons that copy the text of what `data-copy` names; `copyText` is for scripts that know a text themselves.
(() => {
  window.copyText = async (text, button) => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else { // a page that came without TLS
      const field = document.body.appendChild(document.createElement("textarea"));
      field.value = text;
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const said = button.lastChild.textContent;
    button.lastChild.textContent = " Copied";
    setTimeout(() => { button.lastChild.textContent = said; }, 1500);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.copyText(document.getElementById(button.dataset.copy).textContent, button));
  }
})();
