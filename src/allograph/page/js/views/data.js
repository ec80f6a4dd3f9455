// Own: who writes here; take a hand along, bring one in, erase it; what is kept.

import { tell } from "../announce.js";
import { answered, confirmed } from "../ask.js";
import { heard } from "../connection.js";
import { recall, remember } from "../device.js";
import { byId, counted, fill, make } from "../dom.js";
import { eraseWriter } from "../post.js";
import * as service from "../service.js";
import { current, nowKnown, take, turns, writers } from "../writers.js";

/** Build the room, once. */
export async function open() {
    turns.addEventListener("change", () => !byId("data").hidden && enter());
    await enter();
}

/** Everybody who writes here, and what may be done. */
export async function enter() {
    const known = await Promise.all(writers().map(({ name }) => heard(service.habits(name)).catch(() => undefined)));
    const counts = new Map(writers().map(({ name }, i) => [name, known[i]]));
    fill(byId("data-body"), people(counts), profile(), settings(), footnote());
}

function people(counts) {
    return make(
        "section",
        { class: "card" },
        make("h2", {}, "Who writes here"),
        make(
            "ul",
            { class: "people" },
            writers().map((writer) => make("li", {}, person(writer, counts.get(writer.name)))),
        ),
        make("button", { type: "button", id: "add-writer", onclick: add }, "Add somebody"),
    );
}

function person({ name, title }, known) {
    const mine = current().name === name;
    const learned = known === undefined ? "" : counted(known?.corrections ?? 0, "character") + " known";
    return make(
        "button",
        { type: "button", class: "person", "aria-pressed": String(mine), onclick: () => take(name) },
        make("strong", {}, title),
        make("small", {}, [title === name ? "" : name, learned, mine ? "writing now" : ""].filter(Boolean).join(" · ")),
    );
}

async function add() {
    const name = await answered({
        title: "Who is it?",
        text: "Each of you is read in your own hand; nothing mixes.",
        label: "Name",
        action: "Add",
    });
    if (!name) return;
    if (name.includes("/") || name === "." || name === "..") return tell("A name here has no slash, and is more than dots.");
    let taken = null;
    try {
        taken = !writers().some((writer) => writer.name === name) && (await heard(service.writer(name)));
        if (
            taken &&
            !(await confirmed(
                `Is it you, ${name}?`,
                "Somebody of this name has taught this service already. Only go on if that was you.",
                "It is me",
                "It is not",
            ))
        )
            return;
    } catch (error) {
        return tell(error.message);
    }
    take(name, Boolean(taken));
    tell(`${name} writes now.`);
}

function profile() {
    const file = make("input", {
        type: "file",
        id: "import-file",
        accept: ".allograph,application/octet-stream",
        onchange: bringIn,
    });
    return make(
        "section",
        { class: "card" },
        make("h2", {}, "Your hand"),
        make("p", {}, "Take all that I know of it along as one file, bring in one that you saved before, or erase it."),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", id: "export", onclick: takeAlong }, "Save as a file"),
            make("label", { class: "button file", for: "import-file" }, "Bring in a file"),
            file,
            make("button", { type: "button", id: "erase", class: "danger", onclick: erase }, "Erase everything"),
        ),
    );
}

async function takeAlong() {
    const { name, title } = current();
    try {
        const address = URL.createObjectURL(await heard(service.exported(name)));
        make("a", { href: address, download: `${title.replace(/[^\p{L}\p{N}._ -]/gu, "_")}.allograph` }).click();
        setTimeout(() => URL.revokeObjectURL(address), 60000);
    } catch (error) {
        tell(error.status === 404 ? "There is nothing to save yet." : error.message);
    }
}

async function bringIn({ target }) {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    try {
        const { added, known } = await heard(service.imported(current().name, file));
        nowKnown(current().name);
        tell(`${counted(added, "character")} brought in for ${current().title}${known ? `, ${known} were known already` : ""}.`);
    } catch (error) {
        return tell(error.message);
    }
    await enter();
}

async function erase() {
    const { name, title } = current();
    const text =
        "Everything that I learned from it is erased from the service and from this device, for good. " +
        "Save it as a file first if you may want it back.";
    if (!(await confirmed(`Erase the hand of ${title}?`, text, "Erase everything"))) return;
    try {
        await eraseWriter(name);
    } catch (error) {
        return tell(`Nothing was erased: ${error.message}.`);
    }
    tell(`${title} is erased.`);
}

function settings() {
    const keeps = recall("keepImages", true);
    return make(
        "section",
        { class: "card" },
        make("h2", {}, "What is kept"),
        make(
            "label",
            { class: "switch" },
            make("input", {
                type: "checkbox",
                id: "keep-images",
                checked: keeps,
                onchange: ({ target }) => remember("keepImages", target.checked),
            }),
            make("span", {}, "Keep the pictures of my characters"),
        ),
        make(
            "p",
            { class: "hush" },
            "Without them I learn just as well, but cannot show you why, and cannot learn them again when the recognizer is exchanged. It holds for what you write from now on.",
        ),
        service.hasKey() &&
            make("button", { type: "button", onclick: () => (service.forgetKey(), enter()) }, "Forget the key of this session"),
    );
}

function footnote() {
    return make(
        "p",
        { class: "hush" },
        "Characters that wait to be read are kept in this browser only. Nothing on this page comes from, or goes to, any other place.",
    );
}
