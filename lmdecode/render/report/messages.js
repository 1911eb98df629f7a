// All messages, of which only those in sight are in the page: a day has tens of thousands.
const narrow = matchMedia("(max-width: 760px)");
const rowHeight = () => (narrow.matches ? 46 : 26); // as in page.css
const AROUND = 12;
const messageTimes = [];
let shownMessages = [];
let chosenMessage = -1;

{
  let now = 0;
  for (const step of data.messages.times) messageTimes.push((now += step));
}
const searchable = data.messages.distinct.map(([head, values, plaintext, ...problems]) => {
  const [stream, app, short, whole] = data.messages.heads[head];
  const what = whole ?? short;
  return `${app ? "app" : "machine"} ${what} ${values} ${plaintext} 0x${plaintext.slice(1, 5)} ${problems.join(" ")} connection ${stream}`.toLowerCase();
});

function listChanged() {
  const words = [...$("search").value.toLowerCase().matchAll(/"([^"]+)"?|[^\s"]+/g)].map(([word, phrase]) => phrase ?? word);
  const quiet = $("no-reports").checked;
  const fits = data.messages.distinct.map((each, i) => words.every((word) => searchable[i].includes(word)) && !(quiet && each.length === 3 && data.messages.heads[each[0]][2].startsWith("report ")));
  const [from, to] = $("in-view").checked && view.from !== null ? [view.from, view.to] : [-Infinity, Infinity];
  shownMessages = [];
  data.messages.texts.forEach((text, i) => {
    if (fits[text] && messageTimes[i] >= from && messageTimes[i] <= to) shownMessages.push(i);
  });
  $("found").textContent = `${shownMessages.length.toLocaleString("en")} of ${several(messageTimes.length, "line")}`;
  $("rows-space").style.height = `${shownMessages.length * rowHeight()}px`;
  $("rows").scrollTop = 0;
  drawRows();
}

function drawRows() {
  const box = $("rows");
  const height = rowHeight();
  const first = Math.max(0, Math.floor(box.scrollTop / height) - AROUND);
  const last = Math.min(shownMessages.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + AROUND);
  $("rows").classList.toggle("days", manyDays());
  $("rows-shown").style.top = `${first * height}px`;
  $("rows-shown").replaceChildren(...shownMessages.slice(first, last).map(messageRow));
}

function messageRow(i) {
  const [head, values, plaintext, ...problems] = data.messages.distinct[data.messages.texts[i]];
  const [stream, app, what, whole] = data.messages.heads[head];
  const who = app ? "app" : "machine";
  const label = app || !/(^| )(BLE|cloud) \d+$/.test(stream) ? `${who} ${stream}` : stream;
  const said = el("span", "said", values);
  if (problems.length) said.replaceChildren(el("span", "bad", `! ${problems.join(" ! ")} `), values);
  const row = el("div", i === chosenMessage ? "row chosen" : "row", el("span", "", when(messageTimes[i], clockMillis)), el("span", who, label), el("span", /^refused/.test(what) ? "bad" : "", what), said, el("span", "code", plaintext));
  row.addEventListener("click", () => {
    chosenMessage = i;
    const lines = [`${dayOf(messageTimes[i])} ${clockMillis(messageTimes[i])}, ${zoneName()}`, `${label === stream ? `${stream}` : `${who}, connection ${stream}`}: ${whole ?? what}`, ...values.split(", "), plaintext, ...problems.map((problem) => `! ${problem}`)];
    $("detail").textContent = lines.filter(Boolean).join("\n");
    $("detail").hidden = false;
    drawRows();
    if (coarse.matches) $("detail").scrollIntoView({ block: "nearest" });
  });
  return row;
}

function startList() {
  let waiting = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(listChanged, 80);
  });
  for (const id of ["no-reports", "in-view"]) $(id).addEventListener("change", listChanged);
  $("rows").addEventListener("scroll", drawRows, { passive: true });
  narrow.addEventListener("change", listChanged);
  if (data.machines.some((one) => one.newer)) {
    $("rows").classList.add("newer");
    $("search").placeholder = "coffee_set_temp, machine_status, dashboard …";
  }
  $("message-note").textContent = data.messages.note;
  $("message-note").hidden = !data.messages.note;
  listChanged();
}
