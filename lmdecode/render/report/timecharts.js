// Temperatures against set points, and below them what was on. Both show the same time, and are dragged together.
let temperatures = null;
let deviations = null;

const AXIS_WIDTH = 56;

/** Undefined: nothing is known at that time, so the line goes on; null: nobody was listening, so it breaks. */
function temperatureData(one) {
  const tables = [];
  for (const name of ["coffee_temp", "steam_temp"]) {
    const { times, values } = one.series[name];
    let now = 0;
    tables.push([times.map((step) => (now += step)), values.map((tenths) => (tenths === null ? null : tenths / 10))]);
  }
  for (const name of ["coffee_set_temp", "steam_set_temp"]) {
    const steps = one.set_points[name];
    const known = steps.length ? [...steps, [one.last, steps.at(-1)[1]]] : [];
    const corners = new Map();
    known.forEach(([time, value], i) => {
      if (i && value !== known[i - 1][1]) corners.set(time - 1, known[i - 1][1]);
      corners.set(time, value);
    });
    tables.push([[...corners.keys()], [...corners.values()]]);
  }
  const ends = [[one.first, Math.max(one.last, one.first + 1000)], [undefined, undefined]];
  const joined = uPlot.join([...tables, ends], [...tables, ends].map(() => [1])).slice(0, 5);
  for (const values of joined.slice(3)) {
    // What is set stays so.
    for (let i = 1; i < values.length; i++) values[i] ??= values[i - 1];
  }
  return joined;
}

function timeAxis(withLabels) {
  return {
    stroke: color("muted"),
    grid: { stroke: color("grid"), width: 1 },
    ticks: { stroke: color("grid"), width: 1, size: 5 },
    font: "12px system-ui, sans-serif",
    size: withLabels ? 40 : 10,
    space: 72,
    values: (u, splits, axis, space, step) => {
      let before = "";
      return splits.map((ms) => {
        if (!withLabels) return "";
        const text = step < 1000 ? clockMillis(ms) : step < 60000 ? clockSeconds(ms) : clock(ms);
        const day = shortDay(ms);
        const shown = day === before ? text : `${text}\n${day}`;
        before = day;
        return shown;
      });
    },
    splits: withLabels === null ? () => [] : undefined,
  };
}

const tzDate = (ms) => (view.utc ? uPlot.tzDate(new Date(ms), "Etc/UTC") : new Date(ms));

/** Where a line has its last value up to a place; there, if it has none. */
function nearest(u, series, index) {
  if (!series) return index;
  const values = u.data[series];
  for (let i = index; i >= 0; i--) {
    if (values[i] !== undefined) return values[i] === null ? index : i;
  }
  return index;
}

function marks(u, one) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const shot of one.shots.filter((each) => each.start !== null)) {
    const left = u.valToPos(shot.start, "x", true);
    const width = Math.max(u.valToPos(shot.end, "x", true) - left, devicePixelRatio);
    ctx.globalAlpha = 0.16;
    ctx.fillStyle = shotColor(shot);
    ctx.fillRect(left, bbox.top, width, bbox.height);
  }
  ctx.globalAlpha = 0.8;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const write of one.writes) {
    const x = Math.round(u.valToPos(write.time, "x", true)) + 0.5;
    ctx.strokeStyle = write.ok === false ? color("bad") : color("write");
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function drawTemperatures(one, width) {
  const line = (label, stroke, extra = {}) => ({
    label,
    stroke,
    width: 1.6,
    points: { show: false },
    value: (u, value) => (value === null || value === undefined ? "–" : `${value.toFixed(1)} °C`),
    ...extra,
  });
  const set = { dash: [7, 5], width: 1.2 };
  const all = temperatureData(one);
  // Newer machines may have no measured temperature, or nothing that is set: no line, and no name for one.
  const shown = [1, 2, 3, 4].filter((i) => !one.newer || all[i].some((value) => value !== null && value !== undefined));
  const options = {
    width,
    height: !shown.length ? 70 : innerWidth < 760 ? 250 : one.newer && !shown.some((i) => i < 3) ? 200 : 330,
    ms: 1,
    tzDate,
    cursor: { sync: { key: "time" }, dataIdx: nearest, points: { size: 7 } },
    scales: { x: { time: true, range: timeRange } },
    axes: [
      timeAxis(true),
      { stroke: color("muted"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false }, size: AXIS_WIDTH, font: "12px system-ui, sans-serif", values: (u, splits) => splits.map((value) => `${+value.toFixed(2)} °C`) },
    ],
    series: [
      { label: `time, ${zoneName()}`, value: (u, ms) => (ms === null || ms === undefined ? "–" : when(ms)) },
      line("coffee boiler", color("coffee")),
      line("steam boiler", color("steam")),
      line("coffee set to", color("coffee"), set),
      line("steam set to", color("steam"), set),
    ].filter((_, i) => !i || shown.includes(i)),
    legend: { markers: { dash: (u, series) => (shown[series - 1] > 2 ? "dashed" : "solid") } },
    hooks: {
      drawClear: [(u) => marks(u, one)],
      setScale: [(u, name) => name === "x" && viewed(u.scales.x.min, u.scales.x.max)],
    },
  };
  const made = new uPlot(options, [all[0], ...shown.map((i) => all[i])], $("temperatures"));
  made.all = all;
  return made;
}

/** How far the axis goes: so far that all but a few values are on it, of those that are not from heating up. */
function usualDeviation(...lines) {
  const sizes = lines.flat().filter((value) => value !== undefined && value !== null).map(Math.abs).filter((size) => size < 15);
  sizes.sort((a, b) => a - b);
  const most = sizes[Math.floor(sizes.length * 0.95)] ?? 0;
  return Math.min(Math.max(Math.ceil(most * 1.2), 2), 10) + 0.5;
}

/** How far off the set points: what a day's range of temperatures is too wide to show. */
function drawDeviations(one, width) {
  const [times, coffee, steam, coffeeSet, steamSet] = temperatures.all;
  const off = (values, set) => {
    let wanted = null;
    return values.map((value, i) => {
      wanted = set[i] ?? wanted;
      return value === undefined || value === null ? value : wanted === null ? undefined : Math.round((value - wanted) * 10) / 10;
    });
  };
  const line = (label, stroke) => ({ label, stroke, width: 1.3, paths: () => null, points: { show: false }, value: (u, value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : ""}${value.toFixed(1)} °C`) });
  const lines = [off(steam, steamSet), off(coffee, coffeeSet)]; // coffee on top: it swings less
  $("deviations").hidden = one.newer && !lines.flat().some((value) => value !== null && value !== undefined);
  if ($("deviations").hidden) return null;
  const far = usualDeviation(...lines);
  return new uPlot(
    {
      width,
      height: 150,
      ms: 1,
      tzDate,
      cursor: { sync: { key: "time" }, dataIdx: nearest, points: { size: 6 } },
      scales: { x: { time: true, range: timeRange }, y: { range: [-far, far] } },
      axes: [
        { ...timeAxis(false), size: 4 },
        { stroke: color("muted"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false }, size: AXIS_WIDTH, font: "12px system-ui, sans-serif", space: 20, incrs: [1, 2, 5], values: (u, splits) => splits.map((value) => `${value > 0 ? "+" : ""}${value} °C`) },
      ],
      series: [{ label: "off the set point, mean and range", value: () => "" }, line("steam boiler", color("steam")), line("coffee boiler", color("coffee"))],
      hooks: { setScale: [follow], drawSeries: [drawRange] },
    },
    [times, ...lines],
    $("deviations"),
  );
}

const timeRange = (u, low, high) => (low === high ? [low - 1000, high + 1000] : [low, high]);

/** A chart below was dragged or double-clicked: the first one leads. */
function follow(u, name) {
  const { min, max } = u.scales.x;
  if (name === "x" && min !== null && bands && (temperatures.scales.x.min !== min || temperatures.scales.x.max !== max)) look(min, max);
}

/** The time that is shown has changed: the other chart follows, and so does the list of messages. */
function viewed(from, to) {
  if (from === null || from === undefined || (view.from === from && view.to === to)) return;
  view.from = from;
  view.to = to;
  $("whole").hidden = from <= machine().first && to >= machine().last;
  for (const chart of [deviations, bands]) chart?.setScale("x", { min: from, max: to });
  if (typeof listChanged === "function" && $("in-view").checked) listChanged();
}

function look(from, to) {
  temperatures.setScale("x", { min: from, max: to });
}

function drawTime() {
  const one = machine();
  for (const chart of [temperatures, deviations, bands]) chart?.destroy();
  deviations = bands = null;
  const [from, to] = [view.from, view.to];
  view.from = view.to = null;
  const width = $("temperatures").clientWidth;
  temperatures = drawTemperatures(one, width);
  deviations = drawDeviations(one, width);
  bands = drawBands(one, width);
  for (const chart of [temperatures, deviations, bands]) if (chart) draggable(chart);
  $("bands-note").textContent = one.bands_note;
  if (from !== null && from >= one.first && to <= one.last) look(from, to);
}
