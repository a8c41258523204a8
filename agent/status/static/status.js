// Keeps the page true: asks for it again when the agent says that something changed, and puts the
// difference into place, so that focus, scroll, selection and opened details stay as they are.
"use strict";

const LEAST = 1000; // ms between two askings
const MOST = 10000; // ms after which it is asked anyway: ages grow though nothing changes
const OLD = 25000; // ms without an answer after which the page says that it is old

const main = () => document.getElementById("main");
const put = (id, text) => {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
};

let askedAt = 0;
let answeredAt = Date.now();
let timer = null;
let asking = false;
let again = false;

const soon = () => {
  if (asking) again = true;
  else plan(Math.max(0, askedAt + LEAST - Date.now()));
};

const plan = (wait) => {
  clearTimeout(timer);
  timer = setTimeout(ask, wait);
};

async function ask() {
  if (document.hidden) return; // visibilitychange comes back to it
  asking = true;
  again = false;
  askedAt = Date.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(15000) });
    if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    answeredAt = Date.now();
    put("contact", "");
    listen();
  } catch {
    if (Date.now() - answeredAt > OLD) {
      const at = new Date(answeredAt).toISOString().slice(11, 19);
      put("contact", `No contact with the agent since ${at} UTC: what stands here is old.`);
    }
  }
  asking = false;
  plan(again ? LEAST : MOST);
}

function show(next) {
  const to = next.getElementById("main");
  if (!to) return;
  const focused = document.activeElement;
  const said = main().dataset.spoken;
  morph(main(), to);
  morph(document.querySelector("footer"), next.querySelector("footer"));
  if (document.title !== next.title) document.title = next.title;
  // Spoken only when the headline is another one: a live region must not chatter.
  if (to.dataset.spoken !== said) put("spoken", to.dataset.spoken);
  if (focused?.id && focused !== document.activeElement) {
    document.getElementById(focused.id)?.focus({ preventScroll: true });
  }
}

// Makes the element `from` like `to`, and touches nothing that is the same.
function morph(from, to) {
  if (from.isEqualNode(to)) return;
  for (const { name: called } of [...from.attributes]) {
    if (!to.hasAttribute(called) && called !== "open") from.removeAttribute(called);
  }
  for (const { name: called, value } of to.attributes) {
    if (called !== "open" && from.getAttribute(called) !== value) from.setAttribute(called, value);
  }
  const named = new Map([...from.children].filter(name).map((one) => [name(one), one]));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const own = name(next) ? named.get(name(next)) : at && alike(at, next) ? at : null;
    if (!own) {
      from.insertBefore(document.importNode(next, true), at);
      continue;
    }
    if (own === at) at = at.nextSibling;
    else from.insertBefore(own, at);
    if (own.nodeType === Node.ELEMENT_NODE) morph(own, next);
    else if (own.data !== next.data) own.data = next.data;
  }
  while (at) {
    const rest = at;
    at = at.nextSibling;
    rest.remove();
  }
}

// What tells a part of the page from its neighbours: its id, or that of its heading.
const name = (one) => one.id || one.getAttribute?.("aria-labelledby");
const alike = (one, other) => !name(one) && !name(other) && one.nodeName === other.nodeName;

let events = null;
function listen() {
  if (events && events.readyState !== EventSource.CLOSED) return;
  events = new EventSource(document.body.dataset.events);
  events.addEventListener("changed", soon);
}

document.addEventListener("visibilitychange", () => document.hidden || soon());
listen();
plan(MOST);
