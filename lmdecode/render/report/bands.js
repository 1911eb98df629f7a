// What was on, when water flowed, and when something was written or went wrong: a row for each.
let bands = null;

const BAND_HEIGHT = 27;

function bandRows(one) {
  const rows = one.bands.map((band) => ({ label: band.label, color: color(band.color), spans: band.intervals.map(([from, to], i) => ({ from, to, ...(band.words ? { color: color(band.colors[i]), word: band.words[i] } : {}), text: `${band.label}${band.words ? `: ${band.words[i]}` : ""}\n${when(from)} to ${when(to)}, ${lasting(to - from)}` })) }));
  const shots = one.shots.filter((shot) => shot.start !== null);
  if (shots.length) {
    rows.push({ label: "water flows", spans: shots.map((shot) => ({ from: shot.start, to: shot.end, color: shotColor(shot), text: shotText(shot) })) });
  }
  if (one.writes.length) {
    rows.push({ label: "writes", spans: one.writes.map((write) => ({ from: write.time, to: write.time, color: color(write.ok === false ? "bad" : "write"), text: `${when(write.time)} ${write.text}\n${outcome(write)}` })) });
  }
  if (one.problems.length) {
    rows.push({ label: "problems", spans: one.problems.map((problem) => ({ from: problem.time, to: problem.time, color: color("bad"), text: `${when(problem.time)} ${problem.texts.join("\n")}` })) });
  }
  return rows;
}

/** The words of a band stand above its stretches, where there is room for them. */
function drawWords(ctx, bbox, row, top, place, dpr) {
  let free = bbox.left + 2 * dpr + ctx.measureText(`${row.label}  `).width;
  for (const span of row.spans) {
    if (!span.word) continue;
    const [left, wide] = place(span);
    const start = Math.max(left, free);
    const room = ctx.measureText(span.word).width;
    if (start + room > Math.min(left + Math.max(wide, room), bbox.left + bbox.width) || start - left > 110 * dpr) continue;
    ctx.fillStyle = span.color;
    ctx.fillText(span.word, start, top + 1 * dpr);
    free = start + room + 6 * dpr;
  }
}

function drawBands(one, width) {
  const rows = bandRows(one);
  const at = (u, row) => u.bbox.top + row * BAND_HEIGHT * devicePixelRatio;
  const place = (u, span) => {
    const left = u.valToPos(span.from, "x", true);
    return [left, Math.max(u.valToPos(span.to, "x", true) - left, 2 * devicePixelRatio)];
  };
  const draw = (u) => {
    const { ctx, bbox } = u;
    const dpr = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${11.5 * dpr}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    rows.forEach((row, i) => {
      const top = at(u, i);
      ctx.fillStyle = color("grid");
      ctx.globalAlpha = 0.55;
      ctx.fillRect(bbox.left, top + 15 * dpr, bbox.width, 8 * dpr);
      ctx.globalAlpha = 1;
      for (const span of row.spans) {
        const [left, wide] = place(u, span);
        if (left > bbox.left + bbox.width || left + wide < bbox.left) continue;
        ctx.fillStyle = span.color ?? row.color;
        ctx.fillRect(left, top + 15 * dpr, wide, 8 * dpr);
      }
      ctx.fillStyle = color("muted");
      ctx.fillText(row.label, bbox.left + 2 * dpr, top + 1 * dpr);
      drawWords(ctx, bbox, row, top, (span) => place(u, span), dpr);
    });
    ctx.restore();
  };
  const [times] = temperatures.data;
  const made = new uPlot(
    {
      width,
      height: rows.length * BAND_HEIGHT + 14,
      ms: 1,
      tzDate,
      legend: { show: false },
      cursor: { sync: { key: "time" }, y: false, points: { show: false } },
      scales: { x: { time: true, range: timeRange }, y: { range: [0, 1] } },
      axes: [{ ...timeAxis(false), grid: { show: false }, ticks: { show: false }, size: 4 }, { show: true, size: AXIS_WIDTH, values: () => [], grid: { show: false }, ticks: { show: false } }],
      series: [{}, { points: { show: false } }],
      padding: [4, null, null, null],
      hooks: { draw: [draw], setScale: [follow] },
    },
    [times, times.map(() => null)],
    $("bands"),
  );
  made.over.addEventListener("mousemove", (event) => {
    const row = rows[Math.floor(event.offsetY / BAND_HEIGHT)];
    const hit = row?.spans.filter((span) => {
      const left = made.valToPos(span.from, "x");
      return event.offsetX >= left - 3 && event.offsetX <= Math.max(made.valToPos(span.to, "x"), left + 2) + 3;
    });
    tip(hit?.length ? hit.slice(0, 4).map((span) => span.text).join("\n") : "", event);
  });
  made.over.addEventListener("mouseleave", () => tip(""));
  return made;
}
