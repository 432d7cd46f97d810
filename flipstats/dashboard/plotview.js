// A figure with its title, caption, alternative text and data table: all of one state, drawn in one go.

// One plotly.js for the page: the template's, or, where there is no template (JupyterLab), the kernel's.
function plotlyFor(model) {
  window.flipstatsPlotly ??= new Promise((resolve, reject) => {
    const tag = document.getElementById("fs-plotly");
    if (window.Plotly) resolve(window.Plotly);
    else if (tag) {
      tag.addEventListener("load", () => resolve(window.Plotly));
      tag.addEventListener("error", () => reject(new Error("plotly.js did not load")));
    } else {
      model.on("msg:custom", ({ plotly }) => {
        if (!plotly || window.Plotly) return;
        document.head.append(Object.assign(document.createElement("script"), { textContent: plotly }));
        resolve(window.Plotly);
      });
      model.send({ ask: "plotly" });
    }
  });
  return window.flipstatsPlotly;
}

const make = (tag, className, text) =>
  Object.assign(document.createElement(tag), { className }, text === undefined ? {} : { textContent: text });

function tableOf({ columns, rows, label }) {
  const details = make("details", "fs-data");
  const scroller = Object.assign(make("div", "fs-scroll"), { tabIndex: 0, role: "region", ariaLabel: label });
  const table = make("table");
  const head = table.createTHead().insertRow();
  columns.forEach((name) => head.append(Object.assign(make("th", "", name), { scope: "col" })));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, i) =>
      line.append(i ? make("td", "", value) : Object.assign(make("th", "", value), { scope: "row" })));
  }
  scroller.append(table);
  details.append(make("summary", "", label), scroller);
  return details;
}

// The page's colours, or JupyterLab's; paper is always light.
function modeOf(print) {
  const lab = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
  return print ? "light" : document.documentElement.dataset.theme ?? lab;
}

function themed(spec, { colours, templates }, mode) {
  if (mode === "dark") for (const [light, dark] of Object.entries(colours)) spec = spec.replaceAll(light, dark);
  const { data, layout } = JSON.parse(spec);
  return { data, layout: { ...layout, template: templates[mode] } };
}

function render({ model, el }) {
  const figure = Object.assign(make("figure", "fs-figure"), { role: "group" });
  const plot = Object.assign(make("div", "fs-plot"), { role: "img" });
  const [title, caption, words] = [make("h3", "fs-title"), make("figcaption"), make("p", "fs-empty")];
  title.id = `fs-${model.model_id ?? Math.random()}`;
  figure.setAttribute("aria-labelledby", title.id);
  let table = make("details", "fs-data");
  figure.append(title, plot, words, caption, table);
  el.append(figure);
  let print = false;

  async function draw() {
    const picture = model.get("picture");
    if (picture.rev === undefined) return;
    Object.assign(figure.dataset, { key: picture.key });
    title.textContent = picture.title;
    caption.textContent = picture.caption;
    plot.ariaLabel = picture.alt;
    words.textContent = picture.empty ?? "";
    words.hidden = !picture.empty;
    plot.hidden = !picture.spec;
    const open = table.open;
    const next = picture.table ? tableOf(picture.table) : make("details", "fs-data");
    next.hidden = !picture.table;
    next.open = open;
    table.replaceWith(next);
    table = next;
    try {
      if (picture.spec) {
        const Plotly = await plotlyFor(model);
        const { data, layout } = themed(picture.spec, model.get("theme"), modeOf(print));
        const size = print ? { width: 660, autosize: false } : { width: undefined, autosize: true };
        const config = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false };
        await Plotly.react(plot, data, { ...layout, ...size }, config);
      }
      delete figure.dataset.error;
    } catch (error) {
      figure.dataset.error = String(error);
      words.textContent = picture.failed;
      words.hidden = false;
    }
    figure.dataset.rev = picture.rev;
    window.dispatchEvent(new Event("flipstats:answered"));
  }

  // Plotly.react must never run twice at once; each turn draws the latest state.
  let queue = Promise.resolve();
  const redraw = () => (queue = queue.then(draw));
  const printing = (on) => () => ((print = on), redraw());
  const size = new ResizeObserver(() => !print && plot.clientWidth && window.Plotly && redraw());
  const listen = { beforeprint: printing(true), afterprint: printing(false), "flipstats:theme": redraw };
  for (const [name, heard] of Object.entries(listen)) addEventListener(name, heard);
  model.on("change:picture", redraw);
  size.observe(el);
  redraw();
  return () => {
    size.disconnect();
    model.off("change:picture", redraw);
    for (const [name, heard] of Object.entries(listen)) removeEventListener(name, heard);
    if (window.Plotly) window.Plotly.purge(plot);
  };
}

export default { render };
