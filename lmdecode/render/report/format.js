"use strict";
// What all parts of the page use: the data, how times and numbers are worded, and how elements are made.
const data = JSON.parse(document.getElementById("data").textContent);
const view = { utc: data.utc, machine: 0, from: null, to: null };

const $ = (id) => document.getElementById(id);

/** An element with a class and contents. Text is only ever text: nothing here can become markup. */
function el(tag, className, ...contents) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...contents.filter((each) => each !== null && each !== undefined && each !== ""));
  return made;
}

const formatters = new Map();
function formatted(ms, options) {
  const key = JSON.stringify([view.utc, options]);
  let formatter = formatters.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", ...(view.utc ? { timeZone: "UTC" } : {}) });
    formatters.set(key, formatter);
  }
  try {
    return formatter.format(ms);
  } catch {
    return `${((ms) / 1000).toFixed(3)} s`; // a capture can claim any time
  }
}
const clock = (ms) => formatted(ms, { hour: "2-digit", minute: "2-digit" });
const clockSeconds = (ms) => formatted(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockMillis = (ms) => formatted(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const dayOf = (ms) => formatted(ms, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const shortDay = (ms) => formatted(ms, { weekday: "short", day: "numeric", month: "short" });

/** Whether times need their day to be told apart. */
const manyDays = () => data.machines.some((one) => dayOf(one.first) !== dayOf(data.machines[0].last));
const when = (ms, worded = clockSeconds) => (manyDays() ? `${shortDay(ms)} ${worded(ms)}` : worded(ms));

/** A time that may be of another day than all messages: the cloud lists coffees of weeks. */
const whenever = (ms) => (ms < machine().first && shortDay(ms) !== shortDay(machine().first) ? `${shortDay(ms)} ${clockSeconds(ms)}` : when(ms));

function zoneName() {
  if (view.utc) return "UTC";
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" }).formatToParts(new Date(data.machines[0]?.first ?? 0));
  const offset = parts.find((part) => part.type === "timeZoneName");
  return name === "UTC" ? "UTC" : `${name}${offset ? ` (${offset.value})` : ""}`;
}

function lasting(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

const number = (value, digits = 0) => (value === null || value === undefined ? "" : value.toFixed(digits));
const several = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const shotColor = ({ what, key }) => color(what === "coffee" && key ? `key-${key}` : what.replace(" ", "-"));
const machine = () => data.machines[view.machine];

/** Shows a few words beside the pointer, or nothing. */
function tip(text, event) {
  const box = $("tip");
  box.hidden = !text;
  if (!text) return;
  box.textContent = text;
  const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
  const top = event.clientY + 16 + box.offsetHeight > innerHeight ? event.clientY - box.offsetHeight - 10 : event.clientY + 16;
  box.style.left = `${Math.max(left, 4)}px`;
  box.style.top = `${top}px`;
}
