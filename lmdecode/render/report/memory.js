// The memory as far as it was seen: a square for each byte, the darker the more often it changed.
const LEVELS = [[0, "never changed"], [1, "once"], [2, "2 to 9 times"], [10, "10 to 99 times"], [100, "100 times or more"]];

const hex = (address) => `0x${address.toString(16).toUpperCase().padStart(4, "0")}`;

function memoryRows(one, width) {
  const rows = new Map();
  one.memory.forEach((run) => {
    for (let i = 0; i < run.seen.length; i++) {
      const address = run.address + i;
      const start = address - (address % width);
      if (!rows.has(start)) rows.set(start, []);
      rows.get(start).push({ address, seen: run.seen[i], changed: run.changed[i], last: run.last.slice(2 * i, 2 * i + 2) });
    }
  });
  return [...rows].sort(([a], [b]) => a - b);
}

function levelOf(changed) {
  return LEVELS.reduce((level, [least], i) => (changed >= least ? i : level), 0);
}

function drawMemory() {
  const one = machine();
  $("memory").hidden = !one.memory.length;
  if (!one.memory.length) return;
  const room = $("heat-panel").clientWidth - 26;
  const width = room < 560 ? 16 : room < 900 ? 32 : 64;
  const rows = memoryRows(one, width);
  const left = 58;
  const cell = Math.max(6, Math.min(18, Math.floor((room - left) / width)));
  const gap = rows.length > 400 ? 0 : 6;
  const tall = rows.length > 400 ? 6 : cell;
  const scale = rows.length > 400 ? 1 : devicePixelRatio;
  const canvas = $("heat");
  const size = [left + width * cell, rows.length * (tall + gap) + 4];
  canvas.width = size[0] * scale;
  canvas.height = size[1] * scale;
  canvas.style.width = `${size[0]}px`;
  canvas.style.height = `${size[1]}px`;
  const ctx = canvas.getContext("2d");
  ctx.scale(scale, scale);
  ctx.font = "11px ui-monospace, Menlo, Consolas, monospace";
  ctx.textBaseline = "middle";
  const colors = LEVELS.map((_, i) => color(`heat-${i}`));
  rows.forEach(([start, cells], i) => {
    const top = i * (tall + gap) + 2;
    if (gap || i % 4 === 0) {
      ctx.fillStyle = color("muted");
      ctx.fillText(hex(start), 0, top + tall / 2 + 0.5);
    }
    for (const each of cells) {
      ctx.fillStyle = colors[levelOf(each.changed)];
      ctx.fillRect(left + (each.address - start) * cell, top, cell - 1.5, tall - (gap ? 0 : 0.5));
    }
  });
  const seen = one.memory.reduce((sum, run) => sum + run.seen.length, 0);
  $("memory-note").replaceChildren(`${several(seen, "byte")} of 65,536 were seen, ${width} to a line; lines of which nothing was seen are left out. `, el("span", "fine", "Point at a byte for what it is."), el("span", "coarse", "Tap a byte for what it is."));
  $("heat-key").replaceChildren("Changed:");
  LEVELS.forEach(([, name], i) => {
    const swatch = el("span", "swatch");
    swatch.style.background = colors[i];
    $("heat-key").append(swatch, name);
  });
  canvas.onmousemove = (event) => {
    const row = rows[Math.floor((event.offsetY - 2) / (tall + gap))];
    const address = row && event.offsetX >= left ? row[0] + Math.floor((event.offsetX - left) / cell) : -1;
    const found = row?.[1].find((each) => each.address === address);
    tip(found ? byteText(one, found) : "", event);
  };
  canvas.onmouseleave = () => tip("");
}

function byteText(one, found) {
  const named = one.registers.filter((row) => row.address <= found.address && found.address < row.address + row.size);
  const lines = [`${hex(found.address)}: ${found.last === "**" ? "secret, not shown" : `0x${found.last.toUpperCase()}`} at the end`];
  for (const row of named) lines.push(row.value === null ? row.name : `${row.name}: ${row.value}`);
  lines.push(`seen ${several(found.seen, "time")}, changed ${several(found.changed, "time")}`);
  return lines.join("\n");
}
