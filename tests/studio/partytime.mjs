// Reads a podcast with podcast-partytime, the parser of the Podcast Index, and prints what it understood.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(`${process.argv[2]}/`);
const { parseFeed } = require("podcast-partytime");
console.log(JSON.stringify(parseFeed(readFileSync(process.argv[3], "utf-8"))));
