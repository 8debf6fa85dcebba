"use strict";
// The page works without this script; it adds the keys, and narrows the filter form to what a column can be asked.
(() => {
  const find = (selector) => document.querySelector(selector);
  const rows = [...document.querySelectorAll(".row-link")].filter((row) => row.querySelector("[data-open]"));
  let here = -1;

  const follow = (...selectors) => {
    const link = selectors.map(find).find(Boolean);
    if (link) link.click();
  };
  const move = (by) => {
    if (!rows.length) return follow(by > 0 ? "[data-next]" : "[data-previous]");
    const next = here + by;
    if (next >= rows.length) return follow("[data-later]");
    if (next < 0) return here < 0 ? undefined : follow("[data-earlier]");
    if (here >= 0) rows[here].classList.remove("here");
    here = next;
    rows[here].classList.add("here");
    rows[here].querySelector("[data-open]").focus({ preventScroll: true });
    rows[here].scrollIntoView({ block: "nearest" });
  };
  const compare = () => {
    const sides = find(".sides");
    if (!sides) return;
    const shown = sides.classList.toggle("differences");
    find("[data-differences]").setAttribute("aria-pressed", String(shown));
  };
  const keys = {
    j: () => move(1), k: () => move(-1), ArrowRight: () => follow("[data-next]", "[data-later]"),
    ArrowLeft: () => follow("[data-previous]", "[data-earlier]"), u: () => follow("[data-up]"), d: compare,
    "/": () => { const box = find("input[type=search], textarea"); if (box) { box.focus(); box.select(); } },
  };
  if (rows.length) { keys.ArrowDown = keys.j; keys.ArrowUp = keys.k; }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (typing && event.key === "Escape") return typing.blur();
    if (typing && event.key === "Enter" && event.ctrlKey && typing.form) return typing.form.requestSubmit();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const mark of document.querySelectorAll(".excerpt mark")) {  // a long excerpt begins at the passage
    const box = mark.closest(".text");
    box.scrollTop = Math.max(0, mark.getBoundingClientRect().top - box.getBoundingClientRect().top - 48);
  }
  const toggle = find("[data-differences]");
  if (toggle) toggle.addEventListener("click", compare);

  const form = find("form[data-columns]");
  if (!form) return;
  const columns = JSON.parse(form.dataset.columns), suggested = JSON.parse(form.dataset.suggested);
  const narrow = () => {
    const known = columns[form.elements.column.value] || [];
    form.elements.operator.replaceChildren(...known.map((name) => new Option(name, name)));
    form.elements.operator.disabled = form.elements.value.disabled = !known.length;
    find("#suggested").replaceChildren(...(suggested[form.elements.column.value] || []).map((value) => new Option(value, value)));
    bare();
  };
  const bare = () => { form.elements.value.disabled = !form.elements.operator.value || ["missing", "present"].includes(form.elements.operator.value); };
  form.elements.column.addEventListener("change", narrow);
  form.elements.operator.addEventListener("change", bare);
  form.elements.order.addEventListener("change", () => form.requestSubmit());
  form.elements.down.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("formdata", (event) => {  // an address without empty fields
    for (const [name, value] of [...event.formData]) if (value === "" || (name === "order" && value === "pair_id")) event.formData.delete(name);
  });
  narrow();
})();
