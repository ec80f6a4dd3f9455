// Own: who writes here; take a hand along, bring one in, leave or erase it; how is written; what is kept where.

import { tell } from "../announce.js";
import { answered, confirmed } from "../ask.js";
import { connection, heard } from "../connection.js";
import { recall, remember } from "../device.js";
import { byId, counted, fill, make } from "../dom.js";
import { mayGo, saveDocuments } from "../farewell.js";
import { newId } from "../ids.js";
import { choosePause, chosenPause, PAUSES } from "../pause.js";
import { isPenOnly, pens, setPenOnly, wasPenSeen } from "../pen_only.js";
import { eraseWriter, learning, sendAll } from "../post.js";
import * as service from "../service.js";
import { documentsOf } from "../sheet/documents.js";
import { nearbyCard } from "../nearby_card.js";
import { asText, save } from "../sheet/export.js";
import { clear } from "../store.js";
import { current, isKnown, isTitleTaken, leave, nowKnown, rename, take, turns, writers } from "../writers.js";

/** Where reading on the device is switched on; it outlives what is shown around it. */
const onDevice = nearbyCard();

/** Build the room, once. */
export async function open() {
    const renew = () => !byId("data").hidden && enter();
    turns.addEventListener("change", renew);
    pens.addEventListener("change", renew);
    const count = () => !byId("data").hidden && showCounts();
    connection.addEventListener("back", count);
    learning.addEventListener("learned", count);
    await enter();
}

/** Everybody who writes here, and what may be done; how much is known of each is asked for then. */
export async function enter() {
    const place = byId("data-body");
    const held = place.contains(document.activeElement) ? document.activeElement.id : null;
    fill(place, people(), hand(), writing(), documents(), onDevice, keeping());
    if (held !== null) (byId(held) ?? byId("add-writer")).focus({ preventScroll: true });
    await showCounts();
}

function people() {
    return make(
        "section",
        { class: "card", "aria-labelledby": "people-title" },
        make("h2", { id: "people-title" }, "Who writes here"),
        make(
            "ul",
            { class: "people", role: "list" },
            writers().map((writer) => make("li", {}, person(writer))),
        ),
        make("button", { type: "button", id: "add-writer", onclick: add }, "Add somebody"),
    );
}

function person({ name, title }) {
    const mine = current().name === name;
    const details = [name === title ? "" : name, mine ? "writing now" : ""].filter(Boolean).join(" · ");
    return make(
        "button",
        { type: "button", class: "person", id: `person-${name}`, "aria-pressed": String(mine), onclick: () => take(name) },
        make("strong", {}, title),
        make("small", {}, details),
        make("small", { class: "learned" }),
    );
}

/** How many characters the service knows of each; nothing where it does not answer. */
async function showCounts() {
    await Promise.all(
        writers().map(async ({ name }) => {
            try {
                const known = isKnown(name) ? await heard(service.habits(name)) : null;
                const place = byId(`person-${name}`)?.querySelector(".learned");
                if (place) place.textContent = `${counted(known?.corrections ?? 0, "character")} known`;
            } catch {
                // it is asked again when the service is back
            }
        }),
    );
}

/** What went wrong, in words for whoever looks at the page. */
const inWords = (error) =>
    error instanceof service.Unreachable ? "the service does not answer now; try again when it is back" : error.message;

/** What somebody is to be called, as it was typed; null where it cannot be a name. */
function asTitle(typed, name = null) {
    const title = typed.trim().normalize("NFC");
    let problem = null;
    if (/[/\p{Cc}]/u.test(title) || /^\.{1,2}$/.test(title)) problem = "A name here has no slash, and is more than dots.";
    else if (isTitleTaken(title, name)) problem = `Somebody here is called ${title} already. Choose another name.`;
    if (problem) tell(problem);
    return problem ? null : title;
}

async function add() {
    const typed = await answered({
        title: "Who is it?",
        text: "Each of you is read in your own hand; nothing mixes.",
        label: "Name",
        action: "Add",
    });
    const title = typed && asTitle(typed);
    if (!title) return;
    try {
        const [name, known] = await profileFor(title);
        if (name === null) return;
        take(name, known);
        if (name !== title) rename(name, title);
    } catch (error) {
        return tell(`Nobody was added: ${inWords(error)}.`);
    }
    tell(`${title} writes now.`);
    byId(`person-${current().name}`)?.focus();
}

/** The name under which the service is to know somebody, and whether it does; null where a hand of that name is not theirs. */
async function profileFor(title) {
    const fresh = `${title}-${newId().slice(0, 6)}`;
    if (writers().some(({ name }) => name === title)) return [fresh, false];
    try {
        if (!(await heard(service.writer(title)))) return [title, false];
    } catch (error) {
        if (error instanceof service.Unreachable) return [fresh, false]; // so that it cannot be somebody else's
        throw error;
    }
    const isMine = await confirmed(
        `Is it you, ${title}?`,
        "Somebody of this name has taught this service already. Only go on if that was you.",
        "It is me",
        "It is not",
    );
    return [isMine ? title : null, true];
}

function hand() {
    const { name, title } = current();
    const file = make("input", {
        type: "file",
        id: "import-file",
        accept: ".allograph,application/octet-stream",
        onchange: bringIn,
    });
    return make(
        "section",
        { class: "card", "aria-labelledby": "hand-title" },
        make("h2", { id: "hand-title" }, `The hand of ${title}`),
        name !== title && make("p", { class: "hush" }, "The service knows it as ", make("b", {}, name), "."),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", id: "rename", onclick: callOtherwise }, "Rename"),
            make("button", { type: "button", id: "export", onclick: takeAlong }, "Save as a file"),
            make("label", { class: "button file", for: "import-file" }, "Bring in a file"),
            file,
        ),
        make(
            "p",
            { class: "hush" },
            "The file has all that the service learned from this hand; documents are saved below. Who leaves this device " +
                "stays known to the service; what is erased is gone.",
        ),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", id: "leave", onclick: leaveDevice }, "Leave this device"),
            make("button", { type: "button", id: "erase", class: "danger", onclick: erase }, "Erase everything"),
        ),
    );
}

async function callOtherwise() {
    const { name, title } = current();
    const typed = await answered({
        title: `What is ${title} to be called?`,
        text: "On this device only; the service goes on knowing this hand by the same name.",
        label: "Name",
        action: "Rename",
    });
    const next = typed && asTitle(typed, name);
    if (!next) return;
    rename(name, next);
    tell(`${title} is called ${next} now.`);
}

async function takeAlong() {
    const { name, title } = current();
    try {
        const address = URL.createObjectURL(await heard(service.exported(name)));
        make("a", { href: address, download: `${title.replace(/[^\p{L}\p{N}._ -]/gu, "_")}.allograph` }).click();
        setTimeout(() => URL.revokeObjectURL(address), 60000);
    } catch (error) {
        tell(error.status === 404 ? "There is nothing to save yet." : `It was not saved: ${inWords(error)}.`);
    }
}

async function bringIn({ target }) {
    const { name, title } = current();
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    try {
        const { added, known } = await heard(service.imported(name, file));
        nowKnown(name);
        tell(`${counted(added, "character")} brought in for ${title}${known ? `, ${known} were known already` : ""}.`);
    } catch (error) {
        return tell(`This file was not brought in: ${inWords(error)}.`);
    }
    await showCounts();
}

/** This device no longer knows the writer; the service still does. */
async function leaveDevice() {
    const { name, title } = current();
    await sendAll();
    const isToGo = await mayGo(name, {
        title: `Shall ${title} leave this device?`,
        text: isKnown(name)
            ? `The service keeps the hand. To come back, here or elsewhere, add somebody by the name ${name}.`
            : "The service knows nothing of this hand yet.",
        action: "Leave",
    });
    if (!isToGo) return;
    leave(name);
    await sendAll(); // what a room sends when its writer goes
    await clear(name);
    for (const place of ["asked", "rounds"]) {
        const { [name]: _, ...others } = recall(place, {});
        remember(place, others);
    }
    tell(`${title} no longer writes on this device.`);
}

async function erase() {
    const { name, title } = current();
    const isToGo = await mayGo(name, {
        title: `Erase the hand of ${title}?`,
        text:
            "Everything that I learned from it is erased from the service and from this device, for good. " +
            "Save it as a file first if you may want it back.",
        action: "Erase everything",
    });
    if (!isToGo) return;
    try {
        await eraseWriter(name);
    } catch (error) {
        return tell(`Nothing was erased: ${inWords(error)}.`);
    }
    tell(`${title} is erased.`);
}

function writing() {
    const chosen = PAUSES.findIndex(({ value }) => value === chosenPause());
    return make(
        "section",
        { class: "card", "aria-labelledby": "writing-title" },
        make("h2", { id: "writing-title" }, "How you write"),
        make(
            "div",
            { class: "setting" },
            make("label", { for: "pause" }, "A pause ends a character after"),
            make(
                "select",
                { id: "pause", onchange: ({ target }) => choosePause(PAUSES[target.selectedIndex].value) },
                PAUSES.map(({ text }, i) => make("option", { selected: i === chosen }, text)),
            ),
        ),
        make(
            "p",
            { class: "hush" },
            "It holds where single characters are written, and in Teach. Choose a longer one where strokes of one character " +
                "are taken apart.",
        ),
        wasPenSeen() &&
            choice(
                "pen-only",
                "Only the pen draws: fingers scroll, and a resting hand leaves no mark",
                isPenOnly(),
                setPenOnly,
            ),
    );
}

const choice = (id, text, checked, choose) =>
    make(
        "label",
        { class: "switch" },
        make("input", { type: "checkbox", id, checked, onchange: ({ target }) => choose(target.checked) }),
        make("span", {}, text),
    );

function documents() {
    const { name } = current();
    const saved = (keep) => async () => {
        const all = await documentsOf(name);
        if (all.length) keep(all);
        else tell("There are no documents yet.");
    };
    return make(
        "section",
        { class: "card", "aria-labelledby": "documents-title" },
        make("h2", { id: "documents-title" }, "Your documents"),
        make("p", {}, "They are kept on this device alone, with their ink and their text."),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", id: "save-documents", onclick: saved(saveDocuments) }, "Save all my documents"),
            make(
                "button",
                { type: "button", id: "save-text", onclick: saved((all) => save(asText(all), "documents.txt", "text/plain")) },
                "Save their text",
            ),
        ),
    );
}

function keeping() {
    const place = (what, where) => [make("dt", {}, what), make("dd", {}, where)];
    return make(
        "section",
        { class: "card", "aria-labelledby": "keeping-title" },
        make("h2", { id: "keeping-title" }, "What is kept, and where"),
        choice("keep-images", "Keep the pictures of my characters", recall("keepImages", true), (keeps) =>
            remember("keepImages", keeps),
        ),
        make(
            "p",
            { class: "hush" },
            "Without them I learn just as well, but cannot show you why, and cannot learn them again when the recognizer is " +
                "exchanged. It holds for what you write from now on.",
        ),
        make(
            "dl",
            { class: "kept" },
            place(
                "On the service",
                "what you corrected, confirmed or left standing: what it is, and its picture unless you say otherwise.",
            ),
            place(
                "In this browser",
                "documents, what waits to be read or sent, how much was read rightly, who writes here, and these settings.",
            ),
            place("Elsewhere", "nothing. This page takes nothing from any other place, and sends nothing there."),
        ),
        service.hasKey() &&
            make("button", { type: "button", onclick: () => (service.forgetKey(), enter()) }, "Forget the key of this session"),
    );
}
