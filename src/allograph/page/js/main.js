// The page: which room is open, whose turn it is, and who asks for a key.

import { answered } from "./ask.js";
import { byId } from "./dom.js";
import { model } from "./model.js";
import { sendAll } from "./post.js";
import { admitted, hasKey, setAskForKey } from "./service.js";
import { current, turns } from "./writers.js";

const ROOMS = {
    write: () => import("./views/write.js"),
    line: () => import("./views/line.js"),
    teach: () => import("./views/teach.js"),
    progress: () => import("./views/progress.js"),
    data: () => import("./views/data.js"),
};

const built = new Map();

const wanted = () => (location.hash.slice(1) in ROOMS ? location.hash.slice(1) : "write");

/** Show the room that the address names. */
async function go(moved) {
    const name = wanted();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    for (const room of Object.keys(ROOMS)) byId(room).hidden = room !== name;
    for (const link of document.querySelectorAll(".rooms a")) {
        if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    document.documentElement.dataset.room = name;
    if (moved) {
        scrollTo(0, 0);
        byId("content").focus({ preventScroll: true });
    }
    const first = !built.has(name);
    if (first) built.set(name, ROOMS[name]());
    const view = await built.get(name);
    await (first ? view.open() : view.enter?.());
    document.documentElement.dataset.ready = name;
}

function showTurn() {
    byId("turn").textContent = current().title;
}

setAskForKey((wrong) =>
    answered({
        title: "This service asks for a key",
        text: wrong ? "That key is not known here." : "It is kept until you close this window, and nowhere else.",
        label: "Key",
        action: "Go on",
        secret: true,
    }),
);
document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("content").focus();
});
turns.addEventListener("change", showTurn);
addEventListener("hashchange", () => go(true));
showTurn();
go(false);
sendAll();
model()
    .then(({ keys }) => keys && !hasKey() && admitted())
    .catch(() => {}); // away, or without a key: whatever asks next says so
