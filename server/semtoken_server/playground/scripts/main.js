// What happens when, in order.

class Playground {
  #input = new Input();
  #models = new Models();
  #result = new ResultView();
  #compressed = new AnswerCard("compressed", "Compressed");
  #full = new AnswerCard("full", "In full");
  #abort = null;

  constructor() {
    byId("compare").addEventListener("click", () => this.#run(true));
    byId("only-compress").addEventListener("click", () => this.#run(false));
    byId("stop").addEventListener("click", () => this.#stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#run(true);
      if (event.key === "Escape") this.#stop();
    });
  }

  async #run(withAnswers) {
    if (this.#abort || !this.#input.complete) return;
    this.#abort = new AbortController();
    this.#running(true);
    // What is changed meanwhile is for the next run.
    const { message, options } = this.#input;
    try {
      const took = await this.#compress(message, options);
      if (withAnswers && !this.#abort.signal.aborted) await this.#answer(message, options, took);
    } finally {
      this.#abort = null;
      this.#running(false);
    }
  }

  #stop() {
    this.#abort?.abort();
    this.#compressed.stop();
    this.#full.stop();
  }

  /** Show what compression makes of the message; the milliseconds that it took, 0 where it failed. */
  async #compress(message, options) {
    showProblem(byId("problem"), "");
    byId("answers").hidden = true;
    announce("Compressing.");
    try {
      const body = { messages: [{ role: "user", content: message }], semtoken: options };
      const response = await send("/v1/compress", { body, signal: this.#abort.signal });
      const answer = await response.json();
      await this.#result.show(message, answer);
      announce(`${statusInWords(answer.status)} ${whole.format(answer.original_tokens)} tokens before, ${whole.format(answer.compressed_tokens)} after.`);
      reveal(byId("result"));
      return answer.timings_ms.total ?? 0;
    } catch (error) {
      this.#failed(error);
      return 0;
    }
  }

  #failed(error) {
    const stopped = error.name === "AbortError";
    if (!stopped && !(error instanceof RequestError || error instanceof SyntaxError)) throw error;
    byId("result").hidden = true;
    showProblem(byId("problem"), stopped ? "Stopped." : error instanceof RequestError ? error.message : "The gateway's answer was not understood.");
  }

  async #answer(message, options, cold) {
    byId("answers").hidden = false;
    byId("comparison").textContent = "";
    this.#compressed.clear();
    this.#full.clear();
    if (!this.#models.listed) await this.#models.load();
    const first = this.#compressed.stream(this.#body(message, options));
    if (byId("in-turn").checked) await first;
    const second = this.#abort.signal.aborted ? null : this.#full.stream(this.#body(message, { mode: "off" }));
    const [compressed, full] = await Promise.all([first, second]);
    byId("comparison").textContent = comparison(compressed, full, cold);
    announce(`Answers complete. ${byId("comparison").textContent}`);
  }

  #body(message, options) {
    const body = {
      messages: [{ role: "user", content: message }],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      max_tokens: Math.max(1, Math.round(Number(byId("length").value)) || 200),
      semtoken: options,
    };
    const model = byId("model").value;
    return model ? { model, ...body } : body;
  }

  #running(running) {
    for (const id of ["compare", "only-compress"]) byId(id).setAttribute("aria-disabled", String(running));
    if (!running && document.activeElement === byId("stop")) byId("compare").focus();
    byId("stop").hidden = !running;
  }
}

/** Bring into view what has come up out of sight, without moving the focus. */
function reveal(section) {
  const { top } = section.getBoundingClientRect();
  if (top > 0.7 * innerHeight) section.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

new Theme();
new Playground();
new Live();
