(() => {
  "use strict";
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const told = () => { theme.textContent = isDark() ? "Light page" : "Dark page"; };
  theme.hidden = false;
  told();
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; told(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);

  for (const shelf of document.querySelectorAll("[data-shelf]")) {
    const pages = [...shelf.querySelectorAll("article")];
    const bar = shelf.querySelector(".leaf");
    const where = bar.querySelector(".where");
    let at = 0;
    const turn = (to, focus) => {
      at = (to + pages.length) % pages.length;
      pages.forEach((page, place) => page.classList.toggle("away", place !== at));
      where.textContent = `${at + 1} of ${pages.length}`;
      if (focus) pages[at].focus({ preventScroll: true });
    };
    shelf.classList.add("leafing");
    bar.hidden = pages.length < 2;
    bar.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) turn(at + Number(button.dataset.step), false);
    });
    shelf.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest(".wide")) return;
      const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: pages.length - 1 };
      if (event.key in steps && !event.target.closest("input, textarea, select")) {
        event.preventDefault();
        turn(steps[event.key], event.target.matches("article"));
      }
    });
    turn(0, false);
  }
  addEventListener("beforeprint", () => document.querySelectorAll("figure details").forEach((each) => { each.open = false; }));
})();
