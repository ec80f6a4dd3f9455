// The page: which room is open, whose turn it is, and who asks for a key.

import { answered } from "./ask.js";
import { connection, lost } from "./connection.js";
import { isRemembering } from "./device.js";
import { byId } from "./dom.js";
import { model } from "./model.js";
import { isOn } from "./on_device.js";
import { sendAll } from "./post.js";
import { admitted, hasKey, setAskForKey } from "./service.js";
import { storage } from "./store.js";
import { current, turns } from "./writers.js";

const ROOMS = {
    sheet: ["Write", () => import("./views/sheet.js")],
    character: ["Characters", () => import("./views/character.js")],
    teach: ["Teach", () => import("./views/teach.js")],
    progress: ["Progress", () => import("./views/progress.js")],
    data: ["Yours", () => import("./views/data.js")],
};

const built = new Map();

const wanted = () => (location.hash.slice(1) in ROOMS ? location.hash.slice(1) : "sheet");

/** Show the room that the address names. */
async function go(moved) {
    const name = wanted();
    const [title, load] = ROOMS[name];
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    for (const room of Object.keys(ROOMS)) byId(room).hidden = room !== name;
    for (const link of document.querySelectorAll(".rooms a")) {
        if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    document.title = `${title} – allograph`;
    document.documentElement.dataset.room = name;
    if (moved) {
        scrollTo(0, 0);
        byId("content").focus({ preventScroll: true });
    }
    const first = !built.has(name);
    if (first) built.set(name, load());
    try {
        const view = await built.get(name);
        await (first ? view.open() : view.enter?.());
    } catch (error) {
        if (!(error instanceof TypeError)) throw error; // a file did not come: it is asked for again when the service is back
        built.delete(name);
        lost();
        return;
    }
    document.documentElement.dataset.ready = name;
}

/** What is lost where the browser stores nothing. */
function showStorage() {
    byId("unstored").hidden = false;
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
connection.addEventListener("back", () => !built.has(wanted()) && go(false));
storage.addEventListener("failing", showStorage);
if (!isRemembering()) showStorage();
navigator.serviceWorker?.register("/sw.js").catch(() => {}); // without it, the page is there when the service is
showTurn();
go(false);
sendAll();
if (isOn()) import("./nearby.js").then(({ begin }) => begin());
model()
    .then(({ keys }) => keys && !hasKey() && admitted())
    .catch(() => {}); // away, or without a key: whatever asks next says so
