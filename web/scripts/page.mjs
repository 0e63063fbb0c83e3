// Puts the built page where `csg view` and wheels look for it.

import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const site = fileURLToPath(new URL("../../csgaussian_ns/page", import.meta.url));
const isScript = (path) => !/\.[a-z]+$/.test(path) || path.endsWith(".js");

rmSync(site, { recursive: true, force: true });
mkdirSync(site, { recursive: true });
for (const file of ["index.html", "style.css"]) cpSync(`${web}/page/${file}`, `${site}/${file}`);
cpSync(`${web}/page/dist`, `${site}/page/dist`, { recursive: true, filter: isScript });
cpSync(`${web}/dist`, `${site}/dist`, { recursive: true, filter: isScript });
console.log(`page: ${site}`);
