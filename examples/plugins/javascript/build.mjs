// Builds plugin.wasm from plugin.js, without imports.
import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize(await readFile("plugin.js", "utf8"), {
  witPath: "wit",
  worldName: "plugin",
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await writeFile("plugin.wasm", component);
