// Every module of the page is valid, and every name that it imports is exported where it says. Nothing is run.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const PAGE = resolve(dirname(fileURLToPath(import.meta.url)), "../../src/allograph/page/js");
/** The npm package's face takes its runtime from npm; the page does not load it. */
const PACKAGE = join("allograph", "index.js");
const files = readdirSync(PAGE, { recursive: true }).filter((name) => name.endsWith(".js") && name !== PACKAGE);
const context = vm.createContext({});
const modules = new Map();

function moduleAt(path) {
    if (!modules.has(path)) modules.set(path, new vm.SourceTextModule(readFileSync(path, "utf8"), { identifier: path, context }));
    return modules.get(path);
}

test("the page has modules", () => assert.ok(files.length > 20));

for (const name of files) {
    test(`${name} is linked`, async () => {
        const module = moduleAt(join(PAGE, name));
        if (module.status === "unlinked") await module.link((target, from) => moduleAt(resolve(dirname(from.identifier), target)));
        assert.equal(module.status, "linked");
    });
    test(`${name} uses all that it imports`, () => {
        const text = readFileSync(join(PAGE, name), "utf8").replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
        for (const [whole, names] of text.matchAll(/^import\s+([^"]+?)\s+from\s+"[^"]+";$/gm)) {
            const rest = text.replace(whole, "");
            for (const one of names.replace(/[{}]|\* as/g, "").split(",")) {
                const local = one.trim().split(/\s+as\s+/).at(-1);
                if (local) assert.match(rest, new RegExp(`(?<![\\w$])(?<!(?<!\\.\\.)\\.)${local.replace("$", "\\$")}(?![\\w$])`), `${local} is not used`);
            }
        }
    });
}
