// Light or dark: the system's theme until somebody says otherwise.

const THEME = "semtoken-theme";

class Theme {
  #button = byId("theme");
  #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    this.#apply(this.#stored());
    this.#button.addEventListener("click", () => this.#toggle());
    this.#system.addEventListener("change", () => this.#apply(this.#stored()));
  }

  #toggle() {
    const theme = this.#button.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    try {
      localStorage.setItem(THEME, theme);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    this.#apply(theme);
  }

  #apply(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    const dark = theme ? theme === "dark" : this.#system.matches;
    this.#button.setAttribute("aria-pressed", String(dark));
  }

  #stored() {
    try {
      const theme = localStorage.getItem(THEME);
      return theme === "light" || theme === "dark" ? theme : null;
    } catch (error) {
      // Where storage is switched off there is nothing to remember.
      if (!(error instanceof DOMException)) throw error;
      return null;
    }
  }
}
