// The page as a whole: its head, its summary, and what happens when colours, times or the machine are switched.
function outcome(write) {
  return write.queued ? "queued" : write.ok === null ? "no answer" : write.ok ? "taken" : "refused";
}

const wordedFor = (one) => (one.last - one.first < 600000 ? clockSeconds : clock);

function drawHead() {
  const one = machine();
  $("title").textContent = data.title;
  $("subtitle").textContent = one ? [...one.facts, `${dayOf(one.first)}, ${wordedFor(one)(one.first)} to ${manyDays() ? `${dayOf(one.last)}, ` : ""}${wordedFor(one)(one.last)}, times in ${zoneName()}`].join(" · ") : "";
  $("files").textContent = data.files.join(", ");
  $("zone").value = view.utc ? "utc" : "local";
  $("theme").value = document.documentElement.dataset.theme ?? "";
}

function card(name, value, detail, kind = "") {
  return el("div", `card ${kind}`, el("div", "name", name), el("div", "value", value), el("div", "detail", detail));
}

function drawCards() {
  const one = machine();
  const { summary } = one;
  const cards = [];
  const worded = wordedFor(one);
  const on = summary.on.map(([from, to, until]) => `${worded(from)}–${until ? worded(to) : "…"}`);
  if (one.power_known) {
    const total = summary.on.reduce((sum, [from, to]) => sum + to - from, 0);
    cards.push(card("switched on", on.length > 1 || (on.length && manyDays()) ? several(on.length, "time") : on.join(", ") || "not at all", on.length ? [lasting(total), summary.ready === null ? "" : `hot after ${lasting(summary.ready)}`].filter(Boolean).join(", ") : "in standby throughout"));
  }
  const counted = summary.unseen ? `${summary.unseen} of them known by counters only` : "";
  const measured = summary.ml !== null;
  const besides = measured ? [] : [summary.backflushes ? several(summary.backflushes, "backflush", "backflushes") : "", summary.unknown ? `${summary.unknown} without an end` : ""];
  const past = summary.past ? `${summary.past} ${summary.coffees ? "more " : ""}in the cloud’s list` : "";
  cards.push(card("coffees", String(summary.coffees), [counted || (summary.flushes ? several(summary.flushes, "flush", "flushes") + " besides" : ""), ...besides, past].filter(Boolean).join(", ")));
  const parts = [];
  if (summary.hot_waters) parts.push(`hot water ${several(summary.hot_waters, "time")}`);
  if (counted && summary.flushes) parts.push(several(summary.flushes, "flush", "flushes"));
  if (summary.backflushes) parts.push(several(summary.backflushes, "backflush", "backflushes"));
  if (measured) cards.push(card("water, about", `${summary.ml.toLocaleString("en", { maximumFractionDigits: 0 })} ml`, parts.join(", ")));
  const range = (pair) => (pair[0] === pair[1] ? `${number(pair[0], 1)} °C` : `${number(pair[0], 1)}–${number(pair[1], 1)} °C`);
  if (summary.brewed) cards.push(card("coffee boiler at the shots", range(summary.brewed), summary.set.length ? `set to ${summary.set.map((value) => number(value, 1)).join(", then ")}` : ""));
  else if (summary.coffee) cards.push(card("coffee boiler", range(summary.coffee), ""));
  if (summary.steam) cards.push(card("steam boiler, at most", `${number(summary.steam[1], 1)} °C`, summary.steam_set.length ? `set to ${summary.steam_set.map((value) => number(value, 1)).join(", then ")}` : ""));
  if (!summary.coffee && summary.set.length) cards.push(card("coffee boiler set to", `${number(summary.set.at(-1), 1)} °C`, summary.set.length > 1 ? `before: ${summary.set.slice(0, -1).map((value) => number(value, 1)).join(", then ")}` : "not measured"));
  if (!summary.steam && summary.steam_set.length) cards.push(card("steam boiler set to", `${number(summary.steam_set.at(-1), 1)} °C`, summary.steam_set.length > 1 ? `before: ${summary.steam_set.slice(0, -1).map((value) => number(value, 1)).join(", then ")}` : "not measured"));
  const refused = one.writes.filter((write) => write.ok === false).length;
  const silent = one.writes.filter((write) => write.ok === null && !write.queued).length;
  const queued = one.writes.filter((write) => write.queued).length;
  cards.push(card("settings written", String(one.writes.length), [refused ? `${refused} refused` : "", silent ? `${silent} without an answer` : "", queued ? `${queued} of which the end is not known` : ""].filter(Boolean).join(", "), refused || silent ? "worry" : ""));
  cards.push(card("problems", one.problem_count.toLocaleString("en"), one.problems.length ? "listed below" : "every message arrived whole", one.problems.length ? "bad" : ""));
  cards.push(card("messages", one.message_count.toLocaleString("en"), `in ${several(one.connections.length, "connection")}`));
  $("cards").replaceChildren(...cards);
}

function drawWrites() {
  const { writes } = machine();
  $("writes").hidden = !writes.length;
  const body = headed($("write-table"), [["time"], ["what"], ["the machine"], ["connection", "number"]]);
  for (const write of writes) {
    body.append(el("tr", "", el("td", "time", when(write.time)), el("td", "wide", write.text), el("td", write.ok || write.queued ? "" : "bad", write.queued ? "queued it" : write.ok === null ? "did not answer" : write.ok ? "took it" : "refused it"), numberCell(write.stream, "connection ")));
  }
}

function drawProblems() {
  const { problems, problem_count: count } = machine();
  $("problems").hidden = !problems.length;
  const body = headed($("problem-table"), [["time"], ["from"], ["what is wrong"], ["connection", "number"]]);
  for (const problem of problems) {
    body.append(el("tr", "", el("td", "time", when(problem.time, clockMillis)), el("td", "", problem.sender), el("td", "wide", problem.texts.join("; ")), numberCell(problem.stream, "connection ")));
  }
  const more = count - problems.length;
  if (more) body.append(el("tr", "", el("td"), el("td"), el("td", "muted", `and ${more.toLocaleString("en")} more, which are among the messages below`)));
}

function drawNames() {
  const { unnamed } = machine();
  $("names").hidden = !unnamed.length;
  const body = headed($("name-table"), [["by"], ["name"], ["seen", "number"], ["changed", "number"], ["last value"]]);
  for (const each of unnamed) {
    body.append(el("tr", each.list ? "muted" : "", el("td", "", each.via), el("td", "path", each.path), numberCell(each.count, "seen ", " ×"), numberCell(each.changes, "changed ", " ×"), el("td", "wide value", each.last)));
  }
}

function draw() {
  drawHead();
  if (!data.machines.length) return;
  drawCards();
  drawTime();
  drawShots();
  drawWrites();
  drawProblems();
  drawMemory();
  drawNames();
  drawRows();
}

function start() {
  const root = document.documentElement;
  const paint = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    draw();
  };
  $("theme").addEventListener("change", () => paint($("theme").value));
  $("zone").addEventListener("change", () => {
    view.utc = $("zone").value === "utc";
    draw();
  });
  // Paper is white: what is drawn in the colours of a dark screen could hardly be seen on it.
  let onScreen = "";
  addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme ?? "";
    paint("light");
  });
  addEventListener("afterprint", () => paint(onScreen));
  $("whole").addEventListener("click", () => look(machine().first, machine().last));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) {
      width = innerWidth;
      draw();
    }
  });
  $("notices").replaceChildren(...data.notices.map((notice) => el("p", "notice", notice)));
  if (!data.machines.length) {
    for (const section of document.querySelectorAll("main > section")) section.hidden = true;
    const why = data.notices.length ? "There is nothing to show." : "There is nothing to show: no message could be read.";
    $("notices").prepend(el("p", "notice", why));
    drawHead();
    root.dataset.ready = "yes";
    return;
  }
  if (data.machines.length > 1) {
    const choice = $("machine");
    data.machines.forEach((one, i) => choice.append(new Option(one.name, String(i))));
    choice.hidden = false;
    choice.addEventListener("change", () => {
      view.machine = Number(choice.value);
      view.from = view.to = null;
      draw();
    });
  }
  startList();
  draw();
  root.dataset.ready = "yes";
}

start();
