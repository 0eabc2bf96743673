"use strict";
/* Draws the week from its data block. Text is only ever set as text, never as HTML. */
function drawWeek(map, week) {
  const [west, south, east, north] = week.bounds;
  const all = L.latLngBounds([[south, west], [north, east]]);
  const finders = new Map();
  const choices = [];
  const details = document.getElementById("details");
  const layers = { grid: L.layerGroup(), wards: L.layerGroup(), boroughs: L.layerGroup(),
    names: L.layerGroup(), areas: L.layerGroup(), patterns: L.layerGroup() };
  // One tooltip for all: binding one to each ward would make every ward a stop of the Tab key.
  const tooltip = L.tooltip({ direction: "auto", opacity: 1, offset: [12, 0] });
  let chosen = null;

  function element(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  }

  function decode(polygons) {
    return polygons.map(rings => rings.map(ring => {
      const points = [];
      let x = 0;
      let y = 0;
      for (let i = 0; i < ring.length; i += 2) {
        x += ring[i];
        y += ring[i + 1];
        points.push([y, x]);
      }
      return points;
    }));
  }

  function pane(name, zIndex) {
    map.createPane(name).style.zIndex = zIndex;
    return L.svg({ pane: name, padding: 0.3 });
  }

  function shape(outline, className, renderer, interactive) {
    return L.polygon(outline, { className, renderer, pane: renderer.options.pane, interactive,
      smoothFactor: 0.6 });
  }

  function factList(facts) {
    const list = element("dl");
    for (const [term, value] of facts) list.append(element("dt", term), element("dd", value));
    return list;
  }

  function choose(place, move) {
    details.replaceChildren(element("h2", place.title), factList(place.facts));
    if (place.reasons.length) {
      const list = element("ul");
      for (const reason of place.reasons) list.append(element("li", reason));
      details.append(list);
    }
    if (chosen) chosen.remove();
    chosen = L.layerGroup([shape(place.outline, "chosen", renderers.chosen, false),
      shape(place.outline, "chosen-core", renderers.chosen, false)]).addTo(map);
    if (move) map.fitBounds(L.latLngBounds(place.outline.flat(2)).pad(0.4), { maxZoom: -4 });
  }

  function register(key, place) {
    finders.set(key, place);
    choices.push({ key, text: place.title, folded: fold(place.title) });
  }

  function fold(text) {
    return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  }

  const renderers = { land: pane("land", 210), grid: pane("grid", 220), wards: pane("wards", 230),
    boroughs: pane("boroughs", 240), areas: pane("areas", 250), patterns: pane("patterns", 255),
    chosen: pane("chosen", 260) };
  for (const name of ["land", "boroughs", "areas", "chosen"]) {
    map.getPane(name).style.pointerEvents = "none";
  }

  for (const [code, title, , facts, reasons, polygons, at] of week.boroughs) {
    const outline = decode(polygons);
    register(code, { title, facts, reasons, outline });
    shape(outline, "land", renderers.land, false).addTo(map);
    shape(outline, "borough", renderers.boroughs, false).addTo(layers.boroughs);
    L.marker([at[1], at[0]], { interactive: false, keyboard: false,
      icon: L.divIcon({ html: element("div", title, "name"), className: "", iconSize: [0, 0] }) })
      .addTo(layers.names);
  }
  if (week.grid) {
    const [gridWest, gridSouth, gridEast, gridNorth] = week.grid.bounds;
    L.imageOverlay(week.grid.image, [[gridSouth, gridWest], [gridNorth, gridEast]],
      { pane: "grid", className: "risk-grid", alt: "" }).addTo(layers.grid);
  }
  for (const [code, title, state, facts, reasons, polygons] of week.wards) {
    const place = { title, facts, reasons, outline: decode(polygons) };
    register(code, place);
    const ward = shape(place.outline, `ward ${state}`, renderers.wards, true);
    ward.on("mouseover", event => {
      const box = element("div");
      box.append(element("strong", title), factList(facts.slice(0, 4)));
      tooltip.setContent(box).setLatLng(event.latlng).addTo(map);
    });
    ward.on("mousemove", event => tooltip.setLatLng(event.latlng));
    ward.on("mouseout", () => tooltip.remove());
    ward.on("click", () => choose(place, false));
    ward.addTo(layers.wards);
  }
  for (const [key, title, kind, facts, reasons, polygons] of week.patterns) {
    const place = { title, facts, reasons, outline: decode(polygons) };
    register(`p${key}`, place);
    shape(place.outline, "pattern-casing", renderers.patterns, false).addTo(layers.patterns);
    const drawn = shape(place.outline, `pattern ${kind}`, renderers.patterns, kind === "hot");
    drawn.on("click", () => choose(place, false));
    drawn.addTo(layers.patterns);
  }
  for (const [number, unit, facts, reasons, polygons, at] of week.areas) {
    const title = `${number}. ${unit}`;
    const place = { title, facts, reasons, outline: decode(polygons) };
    register(`u${number}`, place);
    shape(place.outline, "area-casing", renderers.areas, false).addTo(layers.areas);
    const label = element("div", undefined, "unit");
    label.append(element("b", String(number)), element("span", unit));
    const marker = L.marker([at[1], at[0]], { keyboard: false,
      icon: L.divIcon({ html: label, className: "", iconSize: [0, 0] }) });
    marker.on("click", () => choose(place, false));
    marker.addTo(layers.areas);
  }
  for (const key of finders.keys()) {
    if (key.startsWith("u")) {
      shape(finders.get(key).outline, "area", renderers.areas, false).addTo(layers.areas);
    }
  }

  L.control.scale({ imperial: true, metric: true, maxWidth: 120 }).addTo(map);
  // Numbers always show; a unit's name shows where it covers no other label.
  function showIds() {
    const labels = [...map.getContainer().querySelectorAll(".unit")];
    const ids = labels.map(label => label.querySelector("span"));
    map.getContainer().classList.toggle("show-ids",
      map.getZoom() > -6.35 || map.getContainer().clientWidth > 900);
    ids.forEach(id => id.classList.remove("covered"));
    const taken = labels.map(label => label.querySelector("b").getBoundingClientRect());
    ids.forEach((id, own) => {
      const box = id.getBoundingClientRect();
      const covers = taken.some((other, index) => index !== own && box.left < other.right &&
        other.left < box.right && box.top < other.bottom && other.top < box.bottom);
      id.classList.toggle("covered", covers);
      if (!covers) taken.push(box);
    });
  }
  map.on("zoomend resize", showIds);
  map.fitBounds(all, { animate: false, padding: [4, 26] });
  map.setMinZoom(map.getZoom() - 0.5);
  map.setMaxBounds(all.pad(0.5));

  // Paper has another shape than the screen: keep showing at least what is shown now.
  let view = map.getBounds();
  map.on("moveend", () => {
    if (!matchMedia("print").matches) view = map.getBounds();
  });
  matchMedia("print").addEventListener("change", () => {
    const shown = view;
    map.invalidateSize({ animate: false, pan: false });
    map.fitBounds(shown, { animate: false });
  });

  const boxes = document.querySelectorAll("#layers input");
  const apply = () => boxes.forEach(box => {
    const layer = layers[box.value];
    if (box.checked) layer.addTo(map); else layer.remove();
    showIds();
  });
  boxes.forEach(box => box.addEventListener("change", apply));
  apply();

  const search = document.getElementById("search");
  const results = document.getElementById("results");
  const found = document.getElementById("found");
  const go = key => {
    choose(finders.get(key), true);
    results.replaceChildren();
    found.textContent = `Shown: ${finders.get(key).title}`;
  };
  const matches = () => {
    const wanted = fold(search.value.trim());
    if (!wanted) return [];
    const hits = choices.filter(choice => choice.folded.includes(wanted));
    const rank = ({ folded }) => (folded === wanted ? 0 : folded.startsWith(wanted) ? 1 : 2);
    return hits.sort((a, b) => rank(a) - rank(b) || a.text.localeCompare(b.text, "en-GB"));
  };
  search.addEventListener("input", () => {
    const hits = matches();
    results.replaceChildren(...hits.slice(0, 8).map(choice => {
      const item = element("li");
      const button = element("button", choice.text);
      button.type = "button";
      button.addEventListener("click", () => go(choice.key));
      item.append(button);
      return item;
    }));
    const more = hits.length > 8 ? ", the first 8 listed" : "";
    found.textContent = search.value.trim() ? `${hits.length} found${more}` : "";
  });
  search.addEventListener("keydown", event => {
    const first = results.querySelector("button");
    if (event.key === "Enter" && first) first.click();
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
  });
  results.addEventListener("keydown", event => {
    const buttons = [...results.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons.indexOf(document.activeElement) + step;
    (buttons[next] || search).focus();
  });

  document.getElementById("tables").addEventListener("click", event => {
    const button = event.target.closest("button[data-find]");
    if (!button) return;
    go(button.dataset.find);
    document.getElementById("map").scrollIntoView({ block: "center" });
    document.getElementById("map").focus({ preventScroll: true });
  });
  document.querySelectorAll("table.sortable").forEach(makeSortable);
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = Number.parseFloat(text);
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, "en-GB");
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (down ? -1 : 1) * compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...rows);
    });
  });
}
