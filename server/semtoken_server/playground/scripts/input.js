// What is asked: text, question, options, and the ways to fill them in.

const LARGEST_FILE = 32 * 2 ** 20;
const LONG_PASTE = 100_000;

class Input {
  #text = byId("text");

  constructor() {
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("paste", (event) => this.#pasted(event));
    byId("clear").addEventListener("click", () => this.#fill("", ""));
    byId("open").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", (event) => this.#opened(event.target));
    byId("ratio").addEventListener("input", () => this.#ratioChanged());
    for (const name of Object.keys(NOTES)) this.#explainChoice(name);
    this.#addSamples(JSON.parse(byId("sample-texts").textContent));
    this.#takeDrops();
    this.#changed();
    this.#ratioChanged();
  }

  /** The one user message of the chat: the text, then the question. */
  get message() {
    const text = wellFormed(this.#text.value);
    return this.question ? `${text}\n\n${this.question}` : text;
  }

  get question() {
    return wellFormed(byId("question").value.trim());
  }

  /** Options of the contract, as the page sends them. */
  get options() {
    const options = { mode: chosen("mode"), ratio: Number(byId("ratio").value), realise: chosen("realise"), stability: chosen("stability") };
    return this.question ? { ...options, query: this.question } : options;
  }

  /** Whether there is something to work on; says so where there is not. */
  get complete() {
    const missing = this.#text.value.trim() ? "" : "Give a text first, or take a sample.";
    showProblem(byId("text-problem"), missing);
    this.#text.setAttribute("aria-invalid", String(Boolean(missing)));
    if (missing) this.#text.focus();
    return !missing;
  }

  #fill(text, question) {
    this.#text.value = text;
    byId("question").value = question;
    this.#text.scrollTop = 0;
    this.#changed();
  }

  /** The browser's own way to paste takes seconds for ten thousand lines; what is short keeps it, for its undo. */
  #pasted(event) {
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length < LONG_PASTE) return;
    event.preventDefault();
    this.#text.setRangeText(pasted, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
  }

  #changed() {
    const { length } = this.#text.value;
    byId("text-note").textContent = length ? `${whole.format(length)} characters` : "No text yet";
    if (length) {
      showProblem(byId("text-problem"), "");
      this.#text.setAttribute("aria-invalid", "false");
    }
  }

  #ratioChanged() {
    const told = times(Number(byId("ratio").value)).replace(/0×$/, "×");
    byId("ratio-value").textContent = told;
    byId("ratio").setAttribute("aria-valuetext", `${told.slice(0, -1)} to 1`);
  }

  #explainChoice(name) {
    const tell = () => {
      byId(`${name}-note`).textContent = NOTES[name][chosen(name)];
    };
    for (const input of document.querySelectorAll(`input[name="${name}"]`)) input.addEventListener("change", tell);
    tell();
  }

  #addSamples(samples) {
    for (const { title, text, question } of samples) {
      const button = make("button", "quiet", title);
      button.type = "button";
      button.addEventListener("click", () => {
        this.#fill(text, question);
        announce(`${title} filled in, with a question.`);
      });
      byId("samples").append(button);
    }
  }

  #takeDrops() {
    const panel = byId("drop");
    // A file that misses the panel would otherwise replace the page.
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      panel.classList.remove("over");
      this.#take(event.dataTransfer.files[0], event.dataTransfer.getData("text/plain"));
    });
    panel.addEventListener("dragenter", () => panel.classList.add("over"));
    panel.addEventListener("dragleave", (event) => {
      if (!panel.contains(event.relatedTarget)) panel.classList.remove("over");
    });
  }

  #opened(picker) {
    this.#take(picker.files[0], "");
    // So that the same file can be opened again.
    picker.value = "";
  }

  async #take(file, text) {
    if (!file) {
      if (text) this.#fill(text, byId("question").value);
      return;
    }
    if (file.size > LARGEST_FILE) {
      showProblem(byId("text-problem"), `${file.name} is over ${whole.format(LARGEST_FILE / 2 ** 20)} MiB.`);
      return;
    }
    const read = await file.text();
    if (read.includes("\0")) {
      showProblem(byId("text-problem"), `${file.name} is not a text file.`);
      return;
    }
    this.#fill(read, byId("question").value);
    announce(`${file.name} opened, ${whole.format(read.length)} characters.`);
  }
}

/** Half a surrogate pair is no text, and the gateway would refuse it. */
const wellFormed = (text) => text.toWellFormed();
