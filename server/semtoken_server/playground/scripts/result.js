// What a compression made of the message: figures, legend, spans, stage times.

class ResultView {
  #spans = new SpanView();

  constructor() {
    for (const input of document.querySelectorAll('input[name="view"]')) {
      input.addEventListener("change", () => byId("spans").classList.toggle("forwarded", chosen("view") === "forwarded"));
    }
  }

  /** Show what `/v1/compress` answered for a chat of one message. */
  async show(message, answer) {
    const part = answer.parts[0] ?? untouched(message);
    const form = located(message, part);
    byId("result").hidden = false;
    this.#figures(answer);
    this.#legend(form);
    this.#stages(answer.timings_ms);
    await this.#spans.draw(form);
  }

  #figures(answer) {
    const { original_tokens: before, compressed_tokens: after } = answer;
    byId("status").textContent = statusInWords(answer.status);
    byId("reason").textContent = reasonInWords(answer.reason);
    byId("tokens-before").textContent = whole.format(before);
    byId("tokens-after").textContent = whole.format(after);
    byId("ratio-met").textContent = times(answer.ratio);
    byId("saved").textContent = percent(before ? 1 - after / before : 0);
    byId("took").textContent = seconds(answer.timings_ms.total ?? 0);
  }

  #legend({ text, spans }) {
    const characters = {};
    for (const { decision, start, end } of spans) characters[decision] = (characters[decision] ?? 0) + end - start;
    const there = Object.keys(DECISIONS).filter((decision) => characters[decision]);
    byId("legend").replaceChildren(...there.map((decision) => this.#entry(decision, characters[decision] / text.length)));
    byId("share").replaceChildren(
      ...there.map((decision) => {
        const bar = make("i", decision);
        bar.style.width = percent(characters[decision] / text.length);
        return bar;
      }),
    );
  }

  #entry(decision, share) {
    const { name } = DECISIONS[decision];
    const entry = make("button");
    entry.type = "button";
    entry.append(make("span", decision === "thin" ? "thin stays" : decision, name), make("span", "count", percent(share)));
    entry.setAttribute("aria-label", `${name}, ${percent(share)} of the text`);
    entry.addEventListener("click", () => this.#spans.goToNext(decision));
    return entry;
  }

  #stages(timings) {
    const longest = Math.max(timings.total ?? 0, 0.001);
    const stages = Object.keys(STAGES).filter((stage) => stage in timings);
    byId("stages").replaceChildren(
      ...stages.map((stage) => {
        const row = make("li");
        const bar = make("i");
        bar.style.width = percent(timings[stage] / longest);
        row.append(make("span", "", STAGES[stage]), bar, make("span", "", seconds(timings[stage])));
        return row;
      }),
    );
    document.querySelector(".stages").hidden = stages.length === 0;
  }
}

/** What the gateway says nothing about goes as it is. */
function untouched(message) {
  const end = [...message].length;
  return { spans: [{ start: 0, end, decision: "keep", density: 0, relevance: 0 }], kept: [[0, end]] };
}
