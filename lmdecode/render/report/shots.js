// The shots: a table, and how the water of each ran.
let flow = null;

function shotName(shot) {
  const name = (shot.key && !shot.paddle ? `${shot.what}, button ${shot.key}` : shot.what) + (shot.past ? " (history)" : "");
  return shot.count > 1 ? `${shot.count} × ${name}` : name;
}

function shotText(shot) {
  const parts = [shotName(shot), shot.seconds === null ? when(shot.start) : `${when(shot.start)}, ${number(shot.seconds, 1)} s`];
  if (shot.pulses !== null) parts.push(`${shot.pulses} pulses, about ${number(shot.ml)} ml`);
  return [...parts, ...shot.notes].join("\n");
}

function headed(table, names) {
  const head = el("tr");
  for (const [name, kind] of names) head.append(el("th", kind, name));
  table.replaceChildren(el("thead", "", head), el("tbody"));
  return table.tBodies[0];
}

/** A cell of a number, which knows what stands before and after it where there is no room for columns with headings. */
function numberCell(text, before, after = "") {
  const cell = el("td", "number", String(text));
  cell.dataset.before = before;
  cell.dataset.after = after;
  return cell;
}

/** What stands in the columns of numbers: the text, and what stands before and after it where there are no columns. */
function shotCells(shot) {
  const temperature = shot.coffee_temp_start === null || shot.coffee_temp_end === null ? "" : `${number(shot.coffee_temp_start, 1)}–${number(shot.coffee_temp_end, 1)}`;
  const unit = shot.unit ?? (shot.what === "hot water" ? "s" : "");
  const dose = shot.dose === null ? "" : `${number(shot.dose)} ${unit}`.trim();
  const seconds = shot.seconds === null ? "" : number(shot.seconds, 1) + (shot.cut ? "+" : "");
  return [[seconds, "", " s"], [number(shot.pulses), "", " pulses"], [dose, "dose "], [number(shot.ml), "", " ml"], [temperature, "", " °C"], [number(shot.set, 1), "set ", " °C"]];
}

function drawShots() {
  const { shots } = machine();
  $("shots").hidden = !shots.length;
  if (!shots.length) return;
  const rows = shots.map(shotCells);
  // What newer machines cannot tell has no column.
  const columns = ["s", "pulses", "dose", "ml", "coffee °C", "set °C"].map((name, i) => [name, i]).filter(([, i]) => !machine().newer || rows.some((row) => row[i][0]));
  const known = new Set(columns.map(([name]) => name));
  $("pulse-hint").hidden = !known.has("pulses");
  $("temperature-hint").hidden = !known.has("coffee °C");
  const body = headed($("shot-table"), [["start"], ["what"], ...columns.map(([name]) => [name, "number"])]);
  shots.forEach((shot, index) => {
    const unseen = shot.start === null;
    const dot = el("span", "dot");
    dot.style.background = shotColor(shot);
    const start = el("td", "time", unseen ? `${when(shot.after, clock)}–${when(shot.before, clock)}` : whenever(shot.start));
    const what = el("td", "wide", el("span", "name", dot, shotName(shot)));
    for (const note of shot.notes) what.append(el("span", "note", note));
    const apart = unseen || shot.end < machine().first || shot.start > machine().last;
    const row = el("tr", apart ? "" : "pick", start, what, ...columns.map(([, i]) => numberCell(...rows[index][i])));
    if (!apart) {
      row.tabIndex = 0;
      const pick = () => choose(row, shot, index);
      row.addEventListener("click", pick);
      row.addEventListener("keydown", (event) => event.key === "Enter" && pick());
      row.addEventListener("mouseenter", () => emphasise(index));
      row.addEventListener("mouseleave", () => emphasise(null));
    }
    body.append(row);
  });
  drawFlow();
}

function choose(row, shot, index) {
  for (const each of $("shot-table").querySelectorAll(".chosen")) each.classList.remove("chosen");
  row.classList.add("chosen");
  look(Math.max(shot.start - 60000, machine().first), Math.min(shot.end + 60000, machine().last));
  emphasise(index);
}

function emphasise(index) {
  if (!flow) return;
  flow.chosen = index;
  flow.redraw();
}

function drawFlow() {
  flow?.destroy();
  flow = null;
  const { shots } = machine();
  const drawn = shots.map((shot, index) => ({ shot, index })).filter(({ shot }) => shot.samples.length > 1 && shot.pulses);
  $("flow").hidden = !drawn.length;
  $("flow").parentElement.classList.toggle("alone", machine().newer && !drawn.length);
  if (!drawn.length) return;
  const tables = drawn.map(({ shot }) => [shot.samples.map(([seconds]) => seconds), shot.samples.map(([, pulses]) => pulses * data.pulse_ml)]);
  // uPlot.join wants rising times; a message that came twice has no second place.
  for (const table of tables) {
    const kept = table[0].map((seconds, i) => i === 0 || seconds > table[0][i - 1]);
    table[0] = table[0].filter((_, i) => kept[i]);
    table[1] = table[1].filter((_, i) => kept[i]);
  }
  const axis = { stroke: color("muted"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  flow = new uPlot(
    {
      width: $("flow").clientWidth,
      height: innerWidth < 760 ? 260 : 400,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, focus: { prox: 24 } },
      focus: { alpha: 0.25 },
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: "seconds since it began", labelSize: 18, labelFont: "12px system-ui, sans-serif", size: 30 },
        { ...axis, label: "millilitres, about", labelSize: 18, labelFont: "12px system-ui, sans-serif", size: 36 },
      ],
      series: [
        {},
        ...drawn.map(({ shot, index }) => ({
          label: shotName(shot),
          stroke: (u) => (u.chosen === null || u.chosen === undefined || u.chosen === index ? shotColor(shot) : color("line")),
          width: 1.7,
          spanGaps: true,
          points: { show: false },
        })),
      ],
      hooks: {
        setSeries: [(u, series) => { u.over.title = ""; u.focused = series; }],
        setCursor: [(u) => { if (u.focused === null || u.cursor.left < 0) tip(""); }],
      },
    },
    uPlot.join(tables, tables.map(() => [0])),
    $("flow"),
  );
  flow.over.addEventListener("mousemove", (event) => {
    const focused = flow.series.findIndex((series, i) => i && series._focus);
    tip(focused > 0 ? shotText(drawn[focused - 1].shot) : "", event);
  });
  flow.over.addEventListener("mouseleave", () => tip(""));
}
