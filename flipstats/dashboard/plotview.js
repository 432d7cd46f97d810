// One block of a page, a figure with its words and its table or a notice: all of one state, drawn in one go.

const parse = (html) => Object.assign(document.createElement("template"), { innerHTML: html }).content;
const theme = () => JSON.parse(document.getElementById("fs-theme").textContent);
const PAPER_WIDTH = 640; // pixels: what an A4 page of the print style leaves

// One plotly.js for the page: the template's, or, where there is no template (JupyterLab), the kernel's.
function plotlyFor(model) {
  window.flipstatsPlotly ??= new Promise((resolve, reject) => {
    const tag = document.getElementById("fs-plotly");
    if (window.Plotly) return resolve(window.Plotly);
    if (tag) {
      tag.addEventListener("load", () => resolve(window.Plotly));
      return tag.addEventListener("error", () => reject(new Error("plotly.js did not load")));
    }
    model.on("msg:custom", ({ plotly, head }) => {
      if (!plotly || window.Plotly) return;
      document.head.append(parse(head));
      document.head.append(Object.assign(document.createElement("script"), { textContent: plotly }));
      resolve(window.Plotly);
    });
    model.send({ ask: "plotly" });
  });
  return window.flipstatsPlotly;
}

// The page's setting, else JupyterLab's; paper is always light.
function modeOf(print) {
  const lab = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
  return print ? "light" : document.documentElement.dataset.theme ?? lab;
}

// The new block takes the place of the old one, except that plotly keeps the canvas it knows.
function swap(el, html) {
  const [old, next] = [el.firstElementChild, parse(html).firstElementChild];
  const [kept, made] = [old?.querySelector(".fs-canvas"), next.querySelector(".fs-canvas")];
  const open = old?.querySelector("details")?.open;
  if (kept && made) {
    kept.ariaLabel = made.ariaLabel;
    kept.style.minHeight = made.style.minHeight;
    made.replaceWith(kept);
  }
  if (open) next.querySelector("details")?.setAttribute("open", "");
  el.replaceChildren(next);
  return next;
}

async function draw(block, Plotly, print) {
  const canvas = block.querySelector(".fs-canvas");
  const { dark, templates, config } = theme();
  let spec = block.querySelector(".fs-spec").textContent;
  const mode = modeOf(print);
  if (mode === "dark") for (const [from, to] of Object.entries(dark)) spec = spec.replaceAll(from, to);
  const { data, layout } = JSON.parse(spec);
  const size = print ? { width: PAPER_WIDTH, autosize: false } : { autosize: true };
  await Plotly.react(canvas, data, { ...layout, ...size, template: templates[mode] }, { ...config, responsive: false });
}

function render({ model, el }) {
  let [shown, print] = [undefined, false];

  async function turn() {
    const { rev, key, html, failed } = model.get("block");
    if (rev === undefined) return;
    const block = shown === rev ? el.firstElementChild : swap(el, html);
    shown = rev;
    block.dataset.key = key;
    block.querySelector(".fs-save")?.removeAttribute("hidden");
    try {
      if (block.querySelector(".fs-spec")) await draw(block, window.Plotly ?? (await plotlyFor(model)), print);
      delete block.dataset.error;
    } catch (error) {
      block.dataset.error = String(error);
      block.querySelector(".fs-canvas").textContent = failed;
    }
    block.dataset.rev = rev;
    window.dispatchEvent(new Event("flipstats:answered"));
  }

  // Plotly.react must never run twice at once; each turn draws the latest state.
  let queue = Promise.resolve();
  const redraw = () => (queue = queue.then(turn));
  const paper = (on) => () => ((print = on), shown !== undefined && turn()); // printing waits for no promise
  const save = ({ target }) => {
    const canvas = target.matches(".fs-save") && el.querySelector(".fs-canvas");
    const filename = el.querySelector(".fs-title")?.textContent.trim().slice(0, 60);
    if (canvas) window.Plotly.downloadImage(canvas, { format: "png", scale: 3, filename, width: canvas.clientWidth, height: canvas.clientHeight });
  };
  const listen = { beforeprint: paper(true), afterprint: paper(false), "flipstats:theme": redraw };
  for (const [name, heard] of Object.entries(listen)) addEventListener(name, heard);
  const size = new ResizeObserver(() => !print && el.clientWidth && shown !== undefined && redraw());
  size.observe(el);
  el.addEventListener("click", save);
  model.on("change:block", redraw);
  redraw();
  return () => {
    size.disconnect();
    model.off("change:block", redraw);
    for (const [name, heard] of Object.entries(listen)) removeEventListener(name, heard);
  };
}

export default { render };
