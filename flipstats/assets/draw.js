// Draws every figure block of a report or a notebook, in the reader's light or dark, and for paper.
(() => {
  if (window.flipstats) return;
  const theme = JSON.parse(document.getElementById("fs-theme").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const PAPER_WIDTH = 660; // pixels: what an A4 page of the print style leaves
  let printing = false;

  function onPaper({ height, meta }) {
    return { width: PAPER_WIDTH, autosize: false, height: Math.min(height, meta?.paper_height ?? height) };
  }

  function mode() {
    if (printing) return "light";
    const lab = document.body.dataset.jpThemeLight;
    return (lab ? lab === "false" : prefersDark.matches) ? "dark" : "light";
  }

  async function draw(plot) {
    const canvas = plot.querySelector(".fs-canvas");
    const now = mode();
    let text = plot.querySelector(".fs-spec").textContent;
    if (now === "dark") for (const [light, dark] of Object.entries(theme.dark)) text = text.replaceAll(light, dark);
    const { data, layout } = JSON.parse(text);
    layout.template = theme.templates[now];
    Object.assign(layout, printing ? onPaper(layout) : { autosize: true });
    try {
      await Plotly.react(canvas, data, layout, theme.config);
      plot.dataset.drawn = now;
      reachable(plot);
    } catch (error) {
      plot.dataset.error = String(error);
      console.error(error);
    }
  }

  // A figure wider than its place scrolls, also for who has no mouse.
  function reachable(plot) {
    const scrolls = plot.scrollWidth > plot.clientWidth;
    const wanted = { tabindex: "0", role: "region", "aria-labelledby": plot.dataset.name };
    for (const [name, value] of Object.entries(wanted)) scrolls ? plot.setAttribute(name, value) : plot.removeAttribute(name);
  }

  // One figure after the other, and never the same one twice at once.
  let queue = Promise.resolve();
  const all = () => document.querySelectorAll(".fs-plot");
  const redraw = (plots) => plots.forEach((plot) => (queue = queue.then(() => draw(plot))));
  const fresh = () => redraw([...all()].filter((plot) => !plot.dataset.drawn && !plot.dataset.error && !plot.dataset.waits)
    .map((plot) => ((plot.dataset.waits = "1"), wire(plot))));

  function wire(plot) {
    const button = plot.closest("figure")?.querySelector(".fs-save");
    if (button) {
      button.hidden = false;
      button.addEventListener("click", () => save(plot));
    }
    return plot;
  }

  async function save(plot) {
    const canvas = plot.querySelector(".fs-canvas");
    const { width, height } = canvas.getBoundingClientRect();
    const name = plot.closest("figure").querySelector(".fs-title").textContent.trim().slice(0, 60);
    await Plotly.downloadImage(canvas, { format: "png", width, height, scale: 3, filename: name });
  }

  function paper(on) {
    printing = on;
    document.querySelectorAll(".fs-annex, .fs-verdict details").forEach((part) => (part.open ||= on));
    // Printing does not wait for promises: plotly draws these figures at once when called directly.
    all().forEach((plot) => plot.dataset.drawn && draw(plot));
  }

  prefersDark.addEventListener("change", () => redraw([...all()]));
  addEventListener("resize", () => all().forEach(reachable));
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  new MutationObserver(fresh).observe(document.body, { childList: true, subtree: true });
  window.flipstats = { ready: () => queue };
  fresh();
})();
