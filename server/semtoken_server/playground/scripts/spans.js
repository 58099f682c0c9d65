// The message, span by span: built in slices between frames, walked with the arrow keys.

const SLICE_MS = 8;
const CHUNK_SPANS = 40;
const CHUNK_SPANS_AT_MOST = 400;

class SpanView {
  #place = byId("spans");
  #detail = byId("detail");
  #elements = [];
  #spans = [];
  #current = -1;
  #drawing = 0;

  constructor() {
    this.#place.addEventListener("pointerover", (event) => this.#pointed(event));
    this.#place.addEventListener("click", (event) => this.#clicked(event));
    this.#place.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Draw; a later call ends an earlier one that is still at it. */
  async draw({ text, spans, kept }) {
    const drawing = (this.#drawing += 1);
    this.#elements = [];
    this.#spans = spans;
    this.#current = -1;
    this.#place.replaceChildren();
    this.#place.scrollTop = 0;
    this.#detail.replaceChildren(make("p", "muted", "Point at a span for its scores, or move with the left and right arrow keys."));
    const pieces = new Pieces(text, kept);
    let began = performance.now();
    let chunk = null;
    for (const [number, span] of spans.entries()) {
      if (chunk === null) {
        chunk = make("div", "chunk");
        this.#place.append(chunk);
      }
      const element = spanElement(number, span, pieces.of(span));
      this.#elements.push(element);
      chunk.append(element);
      if (chunkEnds(chunk, text, span)) chunk = null;
      if (performance.now() - began > SLICE_MS) {
        await nextFrame();
        if (drawing !== this.#drawing) return;
        began = performance.now();
      }
    }
  }

  /** Go to the next span with this decision, from the current one on and round. */
  goToNext(decision) {
    const count = this.#elements.length;
    for (let step = 1; step <= count; step += 1) {
      const number = (this.#current + step) % count;
      if (this.#spans[number].decision === decision && this.#shown(number)) return this.#focus(number);
    }
    return undefined;
  }

  #shown(number) {
    const hides = this.#place.classList.contains("forwarded");
    return !hides || DECISIONS[this.#spans[number].decision].forwarded;
  }

  #focus(number) {
    if (this.#current >= 0) this.#elements[this.#current].tabIndex = -1;
    this.#current = number;
    const element = this.#elements[number];
    element.tabIndex = 0;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
    this.#explain(number);
    announce(`${DECISIONS[this.#spans[number].decision].name}. ${scoresInWords(this.#spans[number])}`);
  }

  #pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowRight: [this.#current, 1], ArrowLeft: [this.#current, -1], Home: [-1, 1], End: [this.#elements.length, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const [from, step] = move;
    for (let number = from + step; number >= 0 && number < this.#elements.length; number += step) {
      if (this.#shown(number)) {
        this.#focus(number);
        return;
      }
    }
  }

  #numberAt(event) {
    const element = event.target.closest(".span");
    return element ? Number(element.dataset.span) : -1;
  }

  #pointed(event) {
    const number = this.#numberAt(event);
    if (number >= 0) this.#explain(number);
  }

  #clicked(event) {
    const number = this.#numberAt(event);
    if (number >= 0 && document.getSelection().isCollapsed) this.#focus(number);
  }

  #explain(number) {
    const span = this.#spans[number];
    const { name, meaning } = DECISIONS[span.decision];
    const fate = make("span");
    fate.append(make("b", "", name), meaning.startsWith(name.toLowerCase()) ? meaning.slice(name.length) : `: ${meaning}`);
    const length = make("span", "muted", `${whole.format(span.end - span.start)} characters`);
    this.#detail.replaceChildren(fate, score("Density", span.density), score("Relevance", span.relevance), length);
  }
}

/** A line's end is the best place to part chunks, since each is a block of its own. */
function chunkEnds(chunk, text, span) {
  const count = chunk.childElementCount;
  return (count >= CHUNK_SPANS && text[span.end - 1] === "\n") || count >= CHUNK_SPANS_AT_MOST;
}

function spanElement(number, span, pieces) {
  const element = make(DECISIONS[span.decision].tag, `span ${span.decision}`);
  element.dataset.span = number;
  element.tabIndex = -1;
  if (pieces.length === 1) element.textContent = pieces[0].text;
  else element.append(...pieces.map(({ text, stays }) => make(stays ? "span" : "del", stays ? "thin stays" : "goes", text)));
  return element;
}

/** What stays and what goes of thinned spans, asked for in the order of the text. */
class Pieces {
  #text;
  #kept;
  #next = 0;

  constructor(text, kept) {
    this.#text = text;
    this.#kept = kept;
  }

  of({ start, end, decision }) {
    const piece = (from, to, stays) => ({ text: this.#text.slice(from, to), stays });
    if (decision !== "thin") return [piece(start, end, DECISIONS[decision].forwarded)];
    const pieces = [];
    let position = start;
    while (this.#next < this.#kept.length && this.#kept[this.#next][1] <= start) this.#next += 1;
    for (let at = this.#next; at < this.#kept.length && this.#kept[at][0] < end; at += 1) {
      const from = Math.max(this.#kept[at][0], start);
      const to = Math.min(this.#kept[at][1], end);
      if (position < from) pieces.push(piece(position, from, false));
      pieces.push(piece(from, to, true));
      position = to;
    }
    if (position < end) pieces.push(piece(position, end, false));
    return pieces;
  }
}

const scoresInWords = (span) => `Density ${signed.format(span.density)}, relevance ${signed.format(span.relevance)}.`;

/** A score in standard deviations from the text's mean, as a number and as a place on a line from -3 to 3. */
function score(name, value) {
  const element = make("span", "score");
  const track = make("i");
  const mark = make("u");
  mark.style.left = `${50 + (50 * Math.max(-3, Math.min(3, value))) / 3}%`;
  track.append(mark);
  track.setAttribute("aria-hidden", "true");
  element.append(`${name} ${signed.format(value)}`, track);
  return element;
}
