// One block of a page, figures with their words and tables or a notice: all of one state, drawn in one go.

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

// The new block takes the place of the old one, except that plotly keeps the canvases it knows.
function swap(el, html) {
  const [old, next] = [el.firstElementChild, parse(html).firstElementChild];
  const of = (block, what) => [...(block?.querySelectorAll(what) ?? [])];
  const [kept, open] = [of(old, ".fs-canvas"), of(old, "details").map((part) => part.open)];
  of(next, ".fs-canvas").forEach((made, i) => {
    if (!kept[i]) return;
    kept[i].ariaLabel = made.ariaLabel;
    kept[i].style.cssText = made.style.cssText;
    made.replaceWith(kept[i]);
  });
  of(next, "details").forEach((part, i) => open[i] && part.setAttribute("open", ""));
  el.replaceChildren(next);
  return next;
}

async function draw(plot, Plotly, print) {
  const canvas = plot.querySelector(".fs-canvas");
  const { dark, templates, config } = theme();
  let spec = plot.querySelector(".fs-spec").textContent;
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
    const answers = shown !== rev; // else it is drawn again for another size or theme, which answers no choice
    const block = answers ? swap(el, html) : el.firstElementChild;
    shown = rev;
    block.dataset.key = key;
    delete block.dataset.error;
    for (const button of block.querySelectorAll(".fs-save")) button.hidden = false;
    for (const plot of block.querySelectorAll(".fs-plot")) {
      try {
        await draw(plot, window.Plotly ?? (await plotlyFor(model)), print);
      } catch (error) {
        block.dataset.error = String(error);
        plot.querySelector(".fs-canvas").textContent = failed;
      }
    }
    block.dataset.rev = rev;
    if (answers) window.dispatchEvent(new Event("flipstats:answered"));
  }

  // Plotly.react must never run twice at once; each turn draws the latest state.
  let queue = Promise.resolve();
  const redraw = () => (queue = queue.then(turn));
  const paper = (on) => () => ((print = on), shown !== undefined && turn()); // printing waits for no promise
  const save = ({ target }) => {
    const figure = target.matches(".fs-save") && target.closest("figure");
    const [canvas, title] = figure ? [figure.querySelector(".fs-canvas"), figure.querySelector(".fs-title")] : [];
    const filename = title?.textContent.trim().slice(0, 60);
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
