// The table of particles: a row shows its particle; the person accepts, splits or rejects it.
import { paintCuts } from "./cuts.js";
import { save } from "./data.js";
import { makeSortable } from "./table.js";

export class Particles {
  /**
   * @param {object} data labelsSha256, dataset, pixelSizeNm, and by its number each particle's box
   * @param {Stack?} stack
   * @param {SliceBrowser?} browser
   * @param {object?} view of the surfaces
   */
  constructor(section, data, { stack, browser, view }) {
    Object.assign(this, { section, data, stack, browser, view });
    this.table = section.querySelector("table");
    this.shown = section.querySelector("#particle-shown");
    this.count = section.querySelector("#review-count");
    this.isSaved = true;
    this.#offerDecisions();
    makeSortable(this.table);
    this.table.tBodies[0].addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && !event.target.closest("select")) this.show(row);
    });
    section.addEventListener("change", () => {
      this.isSaved = false;
      this.#tell();
    });
    section.querySelector("#export-review").addEventListener("click", () => this.#export());
    addEventListener("beforeunload", (event) => {
      if (!this.isSaved) event.preventDefault(); // decisions live in this tab alone
    });
    this.#tell();
  }

  /** Give each row a choice; the page leaves them out, because they are many. */
  #offerDecisions() {
    for (const row of this.table.tBodies[0].rows) {
      const select = document.createElement("select");
      select.setAttribute("aria-label", `Decision on particle ${row.dataset.particle}`);
      for (const word of ["", "accept", "split", "reject"]) select.add(new Option(word || "–", word));
      row.querySelector(".decision").append(select);
    }
  }

  /** Show one particle: its cuts, its slice and its place. */
  async show(row) {
    const id = row.dataset.particle;
    const box = this.data.boxes[id];
    for (const other of this.table.tBodies[0].rows) other.classList.toggle("chosen", other === row);
    this.shown.hidden = false;
    this.shown.querySelector("h3").textContent = `Particle ${id}`;
    this.shown.querySelector("p").textContent = row.dataset.words;
    const size = this.data.pixelSizeNm;
    // Lengths begin at the middle of the first voxel.
    const edges = [box.low.map((n) => (n - 0.5) * size), box.high.map((n) => (n + 0.5) * size)];
    this.view?.goTo(...edges);
    if (!this.stack) return;
    await this.browser.show(Math.round((box.low[1] + box.high[1]) / 2));
    await paintCuts(this.stack, box, [...this.shown.querySelectorAll("canvas")]);
    this.shown.dataset.particle = id;
  }

  /** Return the decisions, those of the last review that are kept first, as rows of a table. */
  decisions() {
    const kept = [...this.section.querySelectorAll("[data-earlier]:checked")].map((box) =>
      JSON.parse(box.dataset.earlier));
    const made = [...this.table.tBodies[0].rows]
      .filter((row) => row.querySelector("select").value)
      .map((row) => [
        row.dataset.particle, row.querySelector("select").value, ...JSON.parse(row.dataset.where),
      ]);
    return [...kept, ...made];
  }

  #tell() {
    const { length } = this.decisions();
    this.count.textContent = `${length} ${length === 1 ? "decision" : "decisions"}`;
  }

  #export() {
    const header = ["particle", "decision", "x_nm", "y_nm", "z_nm", "diameter_nm", "labels_sha256"];
    const rows = this.decisions().map((row) => [...row, this.data.labelsSha256]);
    const text = [header, ...rows].map((row) => `${row.join(",")}\n`).join("");
    save(new Blob([text], { type: "text/csv" }), `review_${this.data.dataset}.csv`);
    this.isSaved = true;
  }
}
