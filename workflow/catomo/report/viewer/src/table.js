// Tables that are sorted by a click on a heading.

export function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const isRising = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", isRising ? "ascending" : "descending");
      sort(table.tBodies[0], column, isRising ? 1 : -1);
    });
  });
}

function sort(body, column, sign) {
  const valueOf = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const rows = [...body.rows].map((row) => [valueOf(row), row]);
  rows.sort(([one], [other]) => sign * compared(one, other));
  body.append(...rows.map(([, row]) => row));
}

/** Compare numbers as numbers and words as words; what is empty comes last. */
function compared(one, other) {
  const [a, b] = [one, other].map((text) => (text === "" ? NaN : Number(text)));
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
  return one.localeCompare(other);
}
