// Makes ../editor.js and ../editor.licences.txt: the same bytes from the same packages.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const made = await build({
  entryPoints: ["editor.js"],
  outfile: "../editor.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  banner: { js: "/* CodeMirror 6 and the editor of rules. Licences: editor.licences.txt; source: editor-src. */" },
});

const names = new Set();
for (const input of Object.keys(made.metafile.inputs)) {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) names.add(found[1]);
}
const texts = [...names].sort().map((name) => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  if (license !== "MIT") throw new Error(`${name} is under ${license}`);
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`;
});
writeFileSync("../editor.licences.txt", texts.join(`\n${"-".repeat(80)}\n\n`));

// What the bundle was made from, so that a test sees a bundle that was not made anew.
const digest = (names) => createHash("sha256").update(Buffer.concat(names.map((name) => readFileSync(name)))).digest("hex");
const sources = ["build.mjs", "complete.js", "desk.js", "editor.js", "package-lock.json"];
writeFileSync("made.json", `${JSON.stringify({ "editor.js": digest(["../editor.js"]), sources: digest(sources) }, null, 2)}\n`);
