// What the page does before and beside its kernel: language, theme, and noticing that the kernel is gone.
(() => {
  const root = document.documentElement;
  const texts = JSON.parse(document.getElementById("fs-texts").textContent);
  const query = new URLSearchParams(location.search);

  // What voila.js and its server call; our loading state ends by itself when there is something to see.
  window.voila_process = window.voila_finish = window.voila_heartbeat = () => {};

  // The secret that signed the viewer in is a cookie by now; it must not stay in the address or the history.
  if (query.has("token")) {
    query.delete("token");
    history.replaceState(null, "", location.pathname + (query.size ? "?" + query : "") + location.hash);
  }
  if (Object.hasOwn(texts, query.get("lang") ?? "")) root.lang = query.get("lang");
  const own = texts[root.lang];

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("flipstats-theme") ?? (dark.matches ? "dark" : "light");
  const paint = () => {
    root.dataset.theme = chosen();
    document.querySelector(".fs-theme")?.setAttribute("aria-pressed", String(chosen() === "dark"));
    window.dispatchEvent(new Event("flipstats:theme"));
  };
  paint();
  dark.addEventListener("change", paint);

  // No answer to a choice: the kernel was stopped, and a figure that stays as it was would mislead.
  const PATIENCE_MS = 15000;
  let waiting = 0;
  const lost = (gone) => {
    document.getElementById("fs-lost").hidden = !gone;
    document.getElementById("fs-cells").classList.toggle("fs-stale", gone);
  };
  addEventListener("flipstats:answered", () => {
    clearTimeout(waiting);
    lost(false);
  });

  // Called as soon as the header stands: the rest of the page only comes when the kernel has answered.
  window.flipstatsSpeak = () => {
    for (const node of document.querySelectorAll("[data-text]")) node.textContent = own[node.dataset.text];
    for (const node of document.querySelectorAll("[data-label]"))
      node.setAttribute("aria-label", own[node.dataset.label]);
    for (const link of document.querySelectorAll("a[data-lang]")) {
      if (link.dataset.lang === root.lang) link.setAttribute("aria-current", "true");
      const target = new URLSearchParams(location.search);
      target.set("lang", link.dataset.lang);
      link.href = "?" + target;
    }
    paint();
  };

  addEventListener("DOMContentLoaded", () => {
    window.flipstatsSpeak();
    document.querySelector(".fs-theme").addEventListener("click", () => {
      localStorage.setItem("flipstats-theme", chosen() === "dark" ? "light" : "dark");
      paint();
    });
    document.querySelector("#fs-lost button").addEventListener("click", () => location.reload());
    document.getElementById("fs-cells").addEventListener("change", (event) => {
      if (!event.target.matches("select")) return;
      clearTimeout(waiting);
      waiting = setTimeout(lost, PATIENCE_MS, true);
    });
  });
})();
