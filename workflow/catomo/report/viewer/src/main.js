// What the page does beside being read. Each part works alone; a page may lack any of them.
import { embedded } from "./data.js";
import { Particles } from "./particles.js";
import { SliceBrowser } from "./slices.js";
import { Stack } from "./stack.js";
import { makeView3d } from "./view3d.js";

async function start() {
  const slices = embedded("data-slices");
  const surfaces = embedded("data-view3d");
  const particles = embedded("data-particles");
  const parts = {};
  if (slices) {
    parts.stack = new Stack(slices);
    parts.browser = new SliceBrowser(document.getElementById("slices"), parts.stack);
    await parts.browser.draw();
    document.getElementById("slices").dataset.ready = "true";
  }
  // The first slice is on the screen before the surfaces, which take longer, are unpacked.
  await new Promise((resolve) => setTimeout(resolve));
  if (surfaces) parts.view = await makeView3d(document.getElementById("view3d"), surfaces);
  if (particles) new Particles(document.getElementById("particles"), particles, parts);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
      button.textContent = "Copied";
    });
  }
  document.documentElement.dataset.ready = "true";
}

start();
