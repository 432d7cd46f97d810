// Keeps the address, the language links, the window's title and the spoken status in step with the page.
function render({ model }) {
  const write = () => {
    if (!document.body.dataset.voila) return; // in JupyterLab the address is not ours
    const { query, title, said, rev } = model.get("now");
    history.replaceState(null, "", location.pathname + (query ? "?" + query : "") + location.hash);
    document.title = title;
    document.getElementById("fs-status").textContent = said;
    document.getElementById("fs-cells").dataset.rev = rev;
    window.flipstatsSpeak?.();
  };
  model.on("change:now", write);
  write();
}

export default { render };
