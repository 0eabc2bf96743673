"use strict";
// The page works without this file; with it, choosing a place does not load the page anew.
(() => {
  const map = document.getElementById("week-map");
  const details = document.getElementById("details");
  if (!map || !details) return;

  const everywhere = [0, 0, Number(map.dataset.width), Number(map.dataset.height)];
  const week = new URL(location.href).searchParams.get("week") ||
    document.getElementById("week")?.value || "";
  const state = new URL(location.href).searchParams.get("state") || "";
  let box = [...everywhere];
  let asked = 0;

  // Outline the chosen place on the map and mark its row in the tables.
  const mark = (code) => {
    const ward = map.querySelector(`.wards a[data-area="${CSS.escape(code)}"] path`);
    const borough = map.querySelector(`[data-outline="${CSS.escape(code)}"]`);
    document.getElementById("chosen-outline").setAttribute("d", (ward || borough)?.getAttribute("d") || "");
    for (const one of document.querySelectorAll("[data-row][aria-current], .ranks a[aria-current]")) one.removeAttribute("aria-current");
    for (const one of document.querySelectorAll(`[data-row="${CSS.escape(code)}"], .ranks a[data-area="${CSS.escape(code)}"]`)) one.setAttribute("aria-current", "true");
  };

  const choose = async (code, link, remember) => {
    const mine = ++asked;
    const answer = await fetch(`/areas/${encodeURIComponent(code)}?week=${encodeURIComponent(week)}&state=${encodeURIComponent(state)}`, { credentials: "same-origin" });
    if (mine !== asked) return;
    if (!answer.ok) { location.assign(link); return; }
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked) return;
    details.replaceChildren(...part.body.childNodes);
    mark(code);
    if (remember) history.pushState({ code }, "", link);
    const title = document.getElementById("details-title");
    title.focus({ preventScroll: true });
    const seen = details.getBoundingClientRect();
    if (seen.top < 0 || seen.top > innerHeight * 0.7) details.scrollIntoView({ block: "start" });
  };

  let dragged = false;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-area]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (dragged) { dragged = false; return; }
    choose(link.dataset.area, link.getAttribute("href"), true).catch(() => location.assign(link.getAttribute("href")));
  });
  addEventListener("popstate", () => {
    const code = new URL(location.href).searchParams.get("area");
    if (code) choose(code, location.href, false).catch(() => location.reload());
    else location.reload();
  });

  // Zoom and pan by changing what the drawing shows.
  const show = (next) => {
    const [, , width, height] = everywhere;
    const w = Math.min(width, Math.max(width / 12, next[2]));
    const h = w * height / width;
    box = [Math.min(Math.max(0, next[0]), width - w), Math.min(Math.max(0, next[1]), height - h), w, h];
    map.setAttribute("viewBox", box.join(" "));
    map.classList.toggle("zoomed", w < width);
  };
  const zoom = (factor) => {
    const [x, y, w, h] = box;
    show([x + w * (1 - factor) / 2, y + h * (1 - factor) / 2, w * factor, h * factor]);
  };
  const tools = document.getElementById("zoom");
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const wish = event.target.dataset.zoom;
    if (wish === "in") zoom(1 / 1.6);
    if (wish === "out") zoom(1.6);
    if (wish === "all") show([...everywhere]);
  });
  document.getElementById("map-frame").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "+" || event.key === "=") zoom(1 / 1.6);
    else if (event.key === "-") zoom(1.6);
    else if (step && box[2] < everywhere[2]) show([box[0] + step[0] * box[2] / 6, box[1] + step[1] * box[3] / 6, box[2], box[3]]);
    else return;
    event.preventDefault();
  });
  let grip = null;
  map.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (box[2] < everywhere[2]) grip = [event.clientX, event.clientY, ...box];
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [x, y, left, top, w, h] = grip;
    const scale = w / map.getBoundingClientRect().width;
    if (Math.abs(event.clientX - x) + Math.abs(event.clientY - y) > 4) dragged = true;
    show([left - (event.clientX - x) * scale, top - (event.clientY - y) * scale, w, h]);
  });
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => { grip = null; });
  map.addEventListener("dragstart", (event) => event.preventDefault());

  const first = new URL(location.href).searchParams.get("area");
  if (first) mark(first);
})();
