// Copies what the portal serves of the design system (npm package dkfds, pinned in
// package.json) into services/portal/internal/web/dist, where Go embeds it.
// Run it from the top of the repository after `npm ci`:
//
//	node services/portal/assets/build.mjs
//
// The folder layout of dkfds/dist is kept because its stylesheet has relative urls. Its
// script is left out: the pages use native dialogs and details.
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const from = join(root, "node_modules/dkfds/dist");
const to = join(root, "services/portal/internal/web/dist");

// Regular's @font-face names woff beside woff2; every other weight has woff2 alone in
// use by the browsers that we support.
const files = [
  "css/dkfds.min.css",
  "img/all-svg-icons.svg",
  "img/svg-icons",
  "fonts/IBMPlexSans/complete/woff2",
  "fonts/IBMPlexSans/complete/woff/IBMPlexSans-Regular.woff",
  "LICENSE.md",
];

await mkdir(to, { recursive: true });
for (const name of await readdir(to)) {
  if (name !== ".gitkeep") await rm(join(to, name), { recursive: true });
}
for (const name of files) {
  await mkdir(dirname(join(to, name)), { recursive: true });
  await cp(join(from, name), join(to, name), { recursive: true });
}
// Source maps are not shipped, so the comment that points at them goes too.
const css = join(to, "css/dkfds.min.css");
await writeFile(css, (await readFile(css, "utf8")).replace(/\/\*# sourceMappingURL=[^\n]*\n?/g, ""));
const { version } = JSON.parse(await readFile(join(from, "../package.json"), "utf8"));
await writeFile(join(to, "VERSION"), version + "\n");
console.log(`dkfds ${version} copied to services/portal/internal/web/dist`);
