// Elements, numbers and announcements. Text only ever goes in as text: the policy of the page forbids the rest.

const byId = (id) => document.getElementById(id);

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function makeSvg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Say something to a screen reader without moving anybody's focus. */
function announce(text) {
  byId("announcer").textContent = text;
}

/** Show a problem where it belongs, or take it away with "". */
function showProblem(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const signed = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 1 : 0)}%`;
const times = (ratio) => `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`;
const seconds = (ms) => (ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : whole.format(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);
