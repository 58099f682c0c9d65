// Small charts of the last minutes, from readings taken while somebody looks.

const READ_EVERY_MS = 5_000;
const TRY_AGAIN_MS = 30_000;
const READINGS = 60;

const latest = (values) => values.at(-1);
const lastKnown = (values) => values.findLast((value) => value !== null);
const CHARTS = [
  { name: "rate", title: "Requests a second", now: latest, told: (value) => value.toFixed(value < 10 ? 1 : 0) },
  { name: "saved", title: "Prompt tokens saved", now: (values) => values.reduce((total, value) => total + (value ?? 0), 0), told: whole.format },
  { name: "first", title: "Time to first token", now: lastKnown, told: seconds },
  { name: "share", title: "Compression's share of time", now: lastKnown, told: percent },
  { name: "inflight", title: "In flight", now: latest, told: whole.format },
];

class Chart {
  #value = make("p", "", "–");
  #bars = makeSvg("path", { class: "bars" });
  #peak = make("span", "hint");

  constructor({ name, title, now, told }) {
    Object.assign(this, { name, title, now, told });
    const card = make("div", "chart");
    const picture = makeSvg("svg", { viewBox: `0 0 ${READINGS} 40`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
    picture.append(makeSvg("path", { class: "base", d: `M0 40H${READINGS}` }), this.#bars);
    card.append(make("h3", "", title), this.#value, picture, this.#peak);
    byId("charts").append(card);
  }

  draw(history) {
    const values = history.map((entry) => entry?.[this.name] ?? null);
    const value = this.now(values);
    const known = values.filter((one) => one !== null);
    const peak = Math.max(0, ...known);
    this.#value.textContent = value === undefined || value === null ? "–" : this.told(value);
    this.#peak.textContent = peak > 0 ? `peak ${this.told(peak)}` : "nothing yet";
    const from = READINGS - values.length + 0.5;
    const bar = (one, at) => (one > 0 ? `M${from + at} 40V${(40 - (38 * one) / peak).toFixed(1)}` : "");
    this.#bars.setAttribute("d", values.map(bar).join(""));
  }
}

class Live {
  #charts = CHARTS.map((chart) => new Chart(chart));
  #history = [];
  #before = null;
  #timer = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#schedule(0));
    byId("key").addEventListener("change", () => this.#schedule(0));
    this.#schedule(0);
  }

  #schedule(wait) {
    clearTimeout(this.#timer);
    if (document.visibilityState === "visible") this.#timer = setTimeout(() => this.#read(), wait);
  }

  async #read() {
    let wait = READ_EVERY_MS;
    try {
      const exposition = await (await send("/metrics")).text();
      this.#add(figuresOf(exposition));
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof TypeError)) throw error;
      wait = TRY_AGAIN_MS;
      this.#unreachable(error);
    }
    this.#schedule(wait);
  }

  #add(figures) {
    if (this.#before) this.#history = [...this.#history, between(this.#before, figures)].slice(-READINGS);
    this.#before = figures;
    byId("charts").hidden = false;
    byId("live-note").textContent = "Everybody's requests, read every five seconds while this page is in view.";
    for (const chart of this.#charts) chart.draw(this.#history);
  }

  #unreachable(error) {
    this.#before = null;
    byId("charts").hidden = true;
    byId("live-note").textContent = WITHOUT_METRICS[error.status] ?? "No live figures: the gateway does not answer.";
  }
}

const WITHOUT_METRICS = {
  401: "No live figures: they need an API key here. Everything else works without them.",
  403: "No live figures: this API key may not read them. Everything else works without them.",
  404: "No live figures: this gateway shows its metrics on another port. Everything else works without them.",
};
