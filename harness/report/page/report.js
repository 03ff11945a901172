"use strict";
(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const words = document.getElementById("filter");
  const state = document.getElementById("state");
  const shown = document.getElementById("shown");

  // Rows without a figure stay at the end, in both directions.
  function compare(column, sign) {
    return (one, other) => {
      const [a, b] = [one.cells[column], other.cells[column]];
      if (!column) return sign * one.dataset.name.localeCompare(other.dataset.name);
      const [x, y] = [a.dataset.value, b.dataset.value];
      if (x === undefined && y === undefined) return sign * a.textContent.localeCompare(b.textContent);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (Number(x) - Number(y));
    };
  }

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...[...rows].sort(compare(column, up ? 1 : -1)));
    });
  });

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const name = row.dataset.name.toLowerCase();
      const fits = wanted.every((word) => (word.length > 1 && word[0] === "-" ? !name.includes(word.slice(1)) : name.includes(word)));
      row.hidden = !fits || (state.value !== "" && row.dataset.state !== state.value);
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = count === rows.length ? "" : `${count} of ${rows.length}`;
  }
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  words.form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  function openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
