// Bundle src/ and three.js into ../viewer.js, the one script of the page. `make viewer` runs it.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const sources = readdirSync("src").sort();
const hash = createHash("sha256");
for (const name of sources) hash.update(readFileSync(`src/${name}`));
const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim();
const version = JSON.parse(readFileSync("node_modules/three/package.json", "utf8")).version;

// A test compares this sum with the sources, so that nobody forgets to build anew.
const banner = `/*! catomo's viewer, made by \`make viewer\`; sha256 of its sources ${hash.digest("hex")}.
It holds three.js ${version} with OrbitControls, under this licence:

${licence}
*/`;

const result = await build({
  entryPoints: ["src/main.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none", // the whole licence stands in the banner
  banner: { js: banner },
  write: false,
});
const text = result.outputFiles[0].text;
// The script lies inside an HTML page, which such a word would end.
if (text.includes("</script")) throw new Error("the bundle holds </script");
writeFileSync("../viewer.js", text);
console.log(`viewer.js: ${Math.round(text.length / 1000)} kB`);
