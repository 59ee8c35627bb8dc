/** Light or dark theme: that of the system, unless the user chooses. */

type Theme = "light" | "dark";

const KEY = "nearsight-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

class Look {
  chosen = $state<Theme | null>(kept());
  system = $state<Theme>(system.matches ? "dark" : "light");

  constructor() {
    system.addEventListener("change", () => (this.system = system.matches ? "dark" : "light"));
    this.#apply();
  }

  get theme(): Theme {
    return this.chosen ?? this.system;
  }

  toggle(): void {
    const next = this.theme === "dark" ? "light" : "dark";
    // Choosing the theme of the system removes the choice.
    this.chosen = next === this.system ? null : next;
    try {
      if (this.chosen) localStorage.setItem(KEY, this.chosen);
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is blocked: the choice lasts until the page is closed.
    }
    this.#apply();
  }

  #apply(): void {
    if (this.chosen) document.documentElement.dataset.theme = this.chosen;
    else delete document.documentElement.dataset.theme;
  }
}

export const look = new Look();
