// A line that stays a line where there are more values than pixels: their means, on the range that they fill.
const RANGE_STEP = 2; // CSS pixels whose values are shown as one

/** The values of a series in sight as pieces without a gap; each piece is a list of [x, mean, least, most] on the canvas. */
function rangePieces(u, values) {
  const [times] = u.data;
  const step = RANGE_STEP * devicePixelRatio;
  const { min, max } = u.scales.x;
  const pieces = [];
  let piece = null;
  let column = null;
  const close = () => {
    if (column) piece.push([column.x / column.count, column.sum / column.count, column.least, column.most]);
    column = null;
  };
  for (let i = 0; i < times.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    // One value on either side is needed, for the line to reach the edge.
    if (value === null || (times[i + 1] ?? Infinity) < min || (times[i - 1] ?? -Infinity) > max) {
      if (piece) close();
      piece = null;
      continue;
    }
    const x = u.valToPos(times[i], "x", true);
    if (!piece) pieces.push((piece = []));
    if (column && x >= column.end) close();
    column ??= { end: x + step, x: 0, sum: 0, count: 0, least: value, most: value };
    column.x += x;
    column.sum += value;
    column.count += 1;
    column.least = Math.min(column.least, value);
    column.most = Math.max(column.most, value);
  }
  if (piece) close();
  return pieces;
}

/** Draws one series of a chart whose own paths are switched off. */
function drawRange(u, index) {
  const { ctx, bbox } = u;
  const stroke = u.series[index]._stroke ?? u.series[index].stroke(u, index);
  const y = (value) => u.valToPos(value, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ctx.fillStyle = stroke;
  ctx.lineWidth = u.series[index].width * devicePixelRatio;
  for (const piece of rangePieces(u, u.data[index])) {
    ctx.globalAlpha = 0.22;
    ctx.beginPath();
    for (const [x, , , most] of piece) ctx.lineTo(x, y(most));
    for (const [x, , least] of [...piece].reverse()) ctx.lineTo(x, y(least));
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.beginPath();
    for (const [x, mean] of piece) ctx.lineTo(x, y(mean));
    if (piece.length === 1) ctx.lineTo(piece[0][0] + devicePixelRatio, y(piece[0][1]));
    ctx.stroke();
  }
  ctx.restore();
}
