// The engine's models; without the list the engine takes its own.

class Models {
  #listed = false;

  constructor() {
    byId("key").addEventListener("change", () => this.load());
    this.load();
  }

  /** Whether the list is there; asked again before each run where it is not. */
  get listed() {
    return this.#listed;
  }

  async load() {
    try {
      const { data } = await (await send("/v1/models")).json();
      this.#offer(data);
      showProblem(byId("model-note"), "");
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof SyntaxError || error instanceof TypeError)) throw error;
      const why = error instanceof RequestError ? error.message : "It was not understood.";
      showProblem(byId("model-note"), `The list of models is not here. ${why}`);
    }
  }

  #offer(cards) {
    const select = byId("model");
    const before = select.value;
    // Adapters name the model that they are of.
    const names = [...cards.filter((card) => !card.parent), ...cards.filter((card) => card.parent)].map((card) => String(card.id));
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    if (names.includes(before)) select.value = before;
    this.#listed = names.length > 0;
  }
}
