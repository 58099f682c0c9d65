// Two answers side by side, each a stream with its own times and its own way to stop.

class AnswerCard {
  #card = make("article", "panel card");
  #said = make("div", "said");
  #problem = make("p", "problem");
  #stop = make("button", "quiet", "Stop");
  #figures = {};
  #abort = null;
  #pending = [];

  constructor(id, title) {
    this.title = title;
    const heading = make("h3", "", title);
    heading.id = `${id}-title`;
    const row = make("div", "row");
    row.append(heading, this.#stop);
    this.#card.id = id;
    this.#card.setAttribute("aria-labelledby", heading.id);
    this.#said.tabIndex = 0;
    this.#said.setAttribute("role", "region");
    this.#said.setAttribute("aria-labelledby", heading.id);
    this.#problem.setAttribute("role", "alert");
    this.#stop.type = "button";
    this.#stop.setAttribute("aria-label", `Stop: ${title}`);
    this.#stop.addEventListener("click", () => this.stop());
    const list = make("dl");
    for (const name of ["First token", "In all", "Prompt tokens", "Compression"]) list.append(this.#figure(name));
    this.#card.append(row, this.#said, this.#problem, list);
    byId("cards").append(this.#card);
    this.clear();
  }

  clear() {
    this.#said.textContent = "";
    this.#pending = [];
    showProblem(this.#problem, "");
    this.#stop.hidden = true;
    for (const value of Object.values(this.#figures)) value.textContent = "–";
  }

  stop() {
    this.#abort?.abort();
  }

  /** Stream one answer; what it took, or null where it was stopped or failed. */
  async stream(body) {
    this.clear();
    this.#abort = new AbortController();
    this.#stop.hidden = false;
    this.#said.setAttribute("aria-busy", "true");
    const took = { began: performance.now(), first: null, prompt: null, compression: 0 };
    try {
      await this.#follow(body, took);
      return took;
    } catch (error) {
      this.#failed(error);
      return null;
    } finally {
      this.#flush();
      this.#abort = null;
      this.#said.setAttribute("aria-busy", "false");
      // Who stopped by keyboard is not to lose the place when the button goes.
      if (document.activeElement === this.#stop) this.#said.focus();
      this.#stop.hidden = true;
    }
  }

  async #follow(body, took) {
    const response = await send("/v1/chat/completions", { body, signal: this.#abort.signal });
    this.#tell("Compression", compressionInWords(response.headers));
    took.uncompressed = whyUncompressed(response.headers);
    took.compression = Number(response.headers.get("x-semtoken-compress-ms") ?? 0);
    let ended = false;
    for await (const data of serverEvents(response)) {
      if (data === "[DONE]") ended = true;
      else this.#take(JSON.parse(data), took);
    }
    if (!ended) throw new RequestError("The answer broke off.");
    took.total = performance.now() - took.began;
    this.#tell("In all", seconds(took.total));
  }

  #take(event, took) {
    if (event.error) throw new RequestError(sentence(String(event.error.message ?? "The engine failed")));
    const delta = event.choices?.[0]?.delta ?? {};
    const text = delta.content ?? delta.reasoning_content ?? delta.reasoning;
    if (text) {
      if (took.first === null) {
        took.first = performance.now() - took.began;
        this.#tell("First token", seconds(took.first));
      }
      this.#write(text);
    }
    if (event.usage) {
      took.prompt = event.usage.prompt_tokens;
      this.#tell("Prompt tokens", whole.format(event.usage.prompt_tokens));
    }
  }

  /** Words that come between two frames are put in together. */
  #write(text) {
    if (this.#pending.push(text) === 1) requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    if (this.#pending.length === 0) return;
    const atEnd = this.#said.scrollHeight - this.#said.scrollTop - this.#said.clientHeight < 24;
    this.#said.append(this.#pending.join(""));
    this.#pending = [];
    if (atEnd) this.#said.scrollTop = this.#said.scrollHeight;
  }

  #failed(error) {
    const stopped = error.name === "AbortError";
    if (!stopped && !(error instanceof RequestError || error instanceof SyntaxError || error instanceof TypeError)) throw error;
    const broken = error instanceof RequestError ? error.message : "The connection broke off.";
    showProblem(this.#problem, stopped ? "Stopped." : broken);
  }

  #figure(name) {
    const pair = make("div");
    this.#figures[name] = make("dd", "", "–");
    pair.append(make("dt", "", name), this.#figures[name]);
    return pair;
  }

  #tell(name, value) {
    this.#figures[name].textContent = value;
  }
}

/** Why the prompt went as it came, in words; "" where it was compressed. */
function whyUncompressed(headers) {
  const status = headers.get("x-semtoken-status");
  if (status === "compressed") return "";
  return `${statusInWords(status)} ${reasonInWords(headers.get("x-semtoken-reason"))}`.trim();
}

function compressionInWords(headers) {
  const status = headers.get("x-semtoken-status") ?? "";
  const ms = headers.get("x-semtoken-compress-ms");
  if (status === "compressed") return ms === null ? "Yes" : seconds(Number(ms));
  return { off: "Off", skipped: "Skipped", "failed-open": "Failed, went on without" }[status] ?? "–";
}

/** Both answers in one sentence. `cold` is what compressing took before the encoder's cache knew the text. */
function comparison(compressed, full, cold) {
  if (!compressed || !full || compressed.first === null || full.first === null) return "";
  if (compressed.uncompressed) return `Both got the same prompt. ${compressed.uncompressed}`;
  const saved = (full.prompt ?? 0) - (compressed.prompt ?? 0);
  const first = compressed.first + Math.max(0, cold - compressed.compression);
  const factor = full.first / first;
  const speed = factor >= 1 ? `${times(factor)} sooner` : `${times(1 / factor)} later`;
  const tokens = saved > 0 ? `${whole.format(saved)} prompt tokens fewer. ` : "";
  return `${tokens}First token after ${seconds(first)}, compression counted in full, against ${seconds(full.first)}: ${speed}.`;
}
