// A writer's characters: each label with its count; a label opens to show its samples, each to be changed or forgotten.

import { say, tell } from "./announce.js";
import { confirmed } from "./ask.js";
import { connection } from "./connection.js";
import { counted, fill, icon, make } from "./dom.js";
import { nameOf } from "./labels.js";
import { labels, ownLabels } from "./model.js";
import { recount, uncount } from "./outcomes.js";
import { pickLabel } from "./picker.js";
import { send } from "./post.js";
import { pictureOf, samplesWith } from "./samples.js";

const SHOWN = 24;
let numbered = 0;
const ALIKE = 3;

/** Tells of "change" when a sample has another label, or is forgotten. */
export const changes = new EventTarget();

/**
 * The list of a writer's labels; `samples` are all that they taught, `alike(label)` promises pictures of other hands,
 * `isHere()` tells whether it is still this writer's characters that are to be seen. Returns the list as an `element`, and
 * `shows(samples)`, which tells whether it shows these already.
 */
export function galleryOf(writer, samples, alike, isHere) {
    const shelves = new Map();
    const list = make("ul", { class: "shelves", role: "list" });
    const gallery = { writer, samples: new Map(samples.map((sample) => [sample.id, sample])), shelves, list, alike, isHere };
    for (const label of labelsOf(samples)) addShelf(gallery, label);
    const mend = () => (list.isConnected ? shelves.forEach(showPictures) : connection.removeEventListener("back", mend));
    connection.addEventListener("back", mend);
    const shown = gallery.samples;
    const shows = (some) => some.length === shown.size && some.every(({ id, label }) => shown.get(id)?.label === label);
    return { element: list, shows };
}

/** Labels, those with most samples first. */
function labelsOf(samples) {
    const counts = new Map();
    for (const { label } of samples) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one) || (one < other ? -1 : 1));
}

function addShelf(gallery, label) {
    const { shelves, list } = gallery;
    const id = `shelf-${++numbered}`;
    const shelf = { gallery, label, open: false, shown: SHOWN };
    shelf.count = make("small", {});
    shelf.button = make(
        "button",
        { type: "button", class: "label", "aria-expanded": "false", "aria-controls": id, onclick: () => toggle(shelf) },
        make("span", { class: "glyph", "aria-hidden": "true" }, label),
        shelf.count,
    );
    shelf.panel = make("div", { class: "shelf", id, role: "group", "aria-label": `Your ${nameOf(label)}`, hidden: true });
    shelf.item = make("li", {}, shelf.button, shelf.panel);
    shelves.set(label, shelf);
    list.append(shelf.item);
    showCount(shelf);
    return shelf;
}

/** The samples of a shelf, the newest first. */
const samplesOf = ({ gallery, label }) => [...gallery.samples.values()].filter((sample) => sample.label === label).reverse();

function showCount(shelf) {
    const { length } = samplesOf(shelf);
    shelf.count.textContent = String(length);
    shelf.button.setAttribute("aria-label", `${nameOf(shelf.label)}, ${counted(length, "sample")}`);
}

function toggle(shelf) {
    shelf.open = !shelf.open;
    shelf.shown = SHOWN;
    shelf.button.setAttribute("aria-expanded", String(shelf.open));
    shelf.panel.hidden = !shelf.open;
    if (shelf.open) showSamples(shelf);
    else fill(shelf.panel);
}

function showSamples(shelf) {
    const all = samplesOf(shelf);
    const more = all.length - shelf.shown;
    shelf.own = make(
        "ul",
        { class: "own-samples" },
        all.slice(0, shelf.shown).map((sample) => make("li", {}, sampleButton(shelf, sample))),
    );
    shelf.styles = make("ul", { class: "styles", "aria-label": "Alike in other hands", hidden: true });
    fill(
        shelf.panel,
        make("p", { class: "name" }, nameOf(shelf.label)),
        shelf.own,
        more > 0 &&
            make("button", { type: "button", class: "more", onclick: () => showMore(shelf) }, `${Math.min(more, SHOWN)} more`),
        shelf.styles,
    );
    showPictures(shelf);
}

function showMore(shelf) {
    const first = shelf.shown;
    shelf.shown += SHOWN;
    showSamples(shelf);
    shelf.own.children[first].firstChild.focus();
}

function sampleButton(shelf, sample) {
    const when = new Date(1000 * sample.time).toLocaleDateString();
    const misread = sample.base !== sample.label;
    const wrongly = misread ? `, taken for ${nameOf(sample.base)} by everybody’s reading` : "";
    return make(
        "button",
        {
            type: "button",
            class: `own-sample ${misread ? "misread" : ""}`,
            "data-id": sample.id,
            "aria-label": `Your ${nameOf(sample.label)} of ${when}${wrongly}`,
            onclick: () => change(shelf, sample),
        },
        make("span", { class: "no-picture" }, "…"),
    );
}

/** Put the pictures in that are missing; where they do not come, they are tried again when the service is back. */
async function showPictures(shelf) {
    if (!shelf.open) return;
    const { gallery, own, styles, label } = shelf;
    const buttons = [...own.querySelectorAll(".own-sample:not(.pictured)")];
    const show = async () => {
        const found = await samplesWith(
            gallery.writer,
            buttons.map(({ dataset }) => dataset.id),
        );
        const pictures = new Map(found.map((sample) => [sample.id, pictureOf(sample)]));
        for (const button of buttons) {
            const source = pictures.get(button.dataset.id);
            button.classList.add("pictured");
            fill(button, source ? make("img", { src: source, alt: "", width: 44, height: 44 }) : noPicture("no picture"));
        }
    };
    const showAlike = async () => {
        if (styles.childElementCount) return;
        const alike = (await gallery.alike(label)).slice(0, ALIKE);
        styles.hidden = alike.length === 0;
        fill(
            styles,
            alike.map((style) => make("li", {}, styleOf(style))),
        );
    };
    const [shown] = await Promise.allSettled([show(), showAlike()]);
    if (shown.status === "rejected") for (const button of buttons) fill(button, noPicture("not there now"));
}

const noPicture = (text) => make("span", { class: "no-picture" }, text);

const styleOf = ({ label, image }) =>
    make("img", { src: `data:image/png;base64,${image}`, alt: `${nameOf(label)} in another hand`, width: 44, height: 44 });

/** One sample, large: relabel it, or forget it. */
function change(shelf, sample) {
    const place = make("div", {});
    const act = (work) => async () => {
        dialog.close();
        try {
            await work(shelf, sample);
        } catch (error) {
            tell(error.message);
        }
    };
    const dialog = make(
        "dialog",
        { class: "question", "aria-labelledby": "sample-title", onclose: () => dialog.remove() },
        make(
            "header",
            {},
            make("h2", { id: "sample-title" }, "Your ", make("b", { class: "glyph" }, sample.label)),
            make(
                "button",
                { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() },
                icon("clear"),
            ),
        ),
        place,
        make("p", {}, history(sample)),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", onclick: act(relabel) }, "It is something else"),
            make("button", { type: "button", class: "danger", onclick: act(forget) }, "Forget it"),
        ),
    );
    document.body.append(dialog);
    dialog.showModal();
    samplesWith(shelf.gallery.writer, [sample.id]).then(
        ([found]) => {
            const source = pictureOf(found);
            if (source)
                fill(
                    place,
                    make("img", { class: "large", src: source, alt: `your ${nameOf(sample.label)}`, width: 140, height: 140 }),
                );
        },
        () => {}, // it can be changed without its picture
    );
}

function history({ implicit, base, answer, label, time }) {
    const when = new Date(1000 * time).toLocaleString();
    const read = answer === label ? "I read it rightly" : `I read ${nameOf(answer)}`;
    const plain = base === answer ? "" : `; for everybody it would have been ${nameOf(base)}`;
    return `${when}: ${read}${plain}. ${implicit ? "You left it standing." : "You said what it is."}`;
}

async function relabel(shelf, sample) {
    const { writer, isHere } = shelf.gallery;
    const chosen = await pickLabel(await labels(), await ownLabels());
    if (!chosen || chosen.label === sample.label || !isHere()) return;
    const corrections = [{ id: sample.id, label: chosen.label, new: chosen.isNew }];
    const changed = { ...sample, label: chosen.label, implicit: false };
    const sent = await teach(shelf, sample, changed, { kind: "correct", writer, corrections });
    await recount(writer, sample.id, chosen.label);
    const text = `Changed. It is ${nameOf(chosen.label)}.`;
    if (sent) say(text);
    else tell(`${text} I learn it when the service is back.`);
    changes.dispatchEvent(new Event("change"));
}

async function forget(shelf, sample) {
    const { writer, isHere } = shelf.gallery;
    if (!(await confirmed("Forget this one?", "I no longer know it, as if you had never written it.", "Forget it"))) return;
    if (!isHere()) return;
    const sent = await teach(shelf, sample, null, { kind: "undo", writer, id: sample.id });
    await uncount(sample.id);
    tell(sent ? "Forgotten." : "Forgotten here, and by the service when it is back.");
    changes.dispatchEvent(new Event("change"));
}

/** Show a sample as it was changed, at once, and send what changed it; where that is refused, it is as it was. */
async function teach(shelf, sample, changed, letter) {
    move(shelf, sample, changed);
    try {
        return await send(letter);
    } catch (error) {
        const { gallery } = shelf;
        const now = gallery.shelves.get(changed?.label) ?? gallery.shelves.get(sample.label) ?? addShelf(gallery, sample.label);
        move(now, sample, sample);
        throw error;
    }
}

/** A sample leaves its shelf, for another one or for good; the focus stays beside it. */
function move(shelf, sample, changed) {
    const { gallery } = shelf;
    if (!gallery.isHere()) return;
    if (changed) gallery.samples.set(sample.id, changed);
    else gallery.samples.delete(sample.id);
    const place = shelf.open ? [...shelf.own.children].findIndex(({ firstChild }) => firstChild.dataset.id === sample.id) : -1;
    renew(shelf);
    const target = changed && (gallery.shelves.get(changed.label) ?? addShelf(gallery, changed.label));
    if (target) renew(target);
    const buttons = shelf.open ? shelf.own.querySelectorAll("button") : [];
    const next = buttons[Math.min(place, buttons.length - 1)] ?? (gallery.shelves.has(shelf.label) ? shelf.button : null);
    (next ?? target?.button ?? gallery.list.querySelector("button"))?.focus({ preventScroll: true });
}

/** Show a shelf as it is now; an empty one goes. */
function renew(shelf) {
    if (!samplesOf(shelf).length) {
        shelf.open = false;
        shelf.item.remove();
        shelf.gallery.shelves.delete(shelf.label);
        return;
    }
    showCount(shelf);
    if (shelf.open) showSamples(shelf);
}
