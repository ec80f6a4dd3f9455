// The answer to one drawing: what it reads, what it would read for everybody, and how to put it right.

import { isLost } from "./connection.js";
import { fill, icon, make, percent } from "./dom.js";
import { question } from "./doubt.js";
import { isRead, isSettled } from "./drawing.js";
import { picture } from "./ink.js";
import { nameOf } from "./labels.js";
import { whyOf } from "./why.js";

const ALTERNATIVES = 4;
const LATER = "Kept. I read it when the service is back; you can say now what it is.";

/**
 * Show a drawing's answer in `place`. `acts` are what may be done, each bound to this drawing: `choose(label)`, `pick()` (from all
 * labels), `confirm()`, `undo()`, `mean()` (a label that was doubted); `note` is a sentence below the answer.
 */
export function showAnswer(place, drawing, acts, note = null) {
    const held = place.contains(document.activeElement) ? (document.activeElement.dataset.act ?? "") : null;
    const { reading } = drawing;
    place.tabIndex = -1;
    fill(
        place,
        make("div", { class: "whose", "aria-hidden": "true" }, picture(drawing.strokes)),
        isRead(drawing) ? tiles(drawing) : unread(drawing),
        note && make("p", { class: "note" }, note),
        isSettled(drawing) ? settled(drawing, acts) : isRead(drawing) ? open(reading, acts) : unknown(acts),
        isRead(drawing) && whyOf(reading, drawing.writer),
    );
    if (held !== null) {
        (place.querySelector(`[data-act="${held}"]`) ?? place.querySelector("button") ?? place).focus({ preventScroll: true });
    }
}

function tiles({ reading, label }) {
    const mine = label ?? reading.label;
    const sure = mine === reading.label ? `${percent(reading.probability)} sure` : "you said so";
    const same = mine === reading.base;
    return make(
        "div",
        { class: "readings" },
        tile("For you", mine, sure, same ? "" : "learned"),
        tile("For everybody", reading.base, same ? "the same" : "without your corrections", "base"),
    );
}

function unread({ refused }) {
    const text = refused ? `I cannot read this: ${refused}.` : isLost() ? LATER : "Reading …";
    return make("p", { class: "waiting" }, icon("undo"), text);
}

/** What may be said of a drawing before it is read. */
const unknown = (acts) => make("button", { type: "button", class: "primary", "data-act": "pick", onclick: acts.pick }, "What is it?");

function tile(title, label, detail, look) {
    return make(
        "div",
        { class: `reading ${look}` },
        make("h2", {}, title),
        make("p", { class: "glyph" }, label),
        make("p", { class: "name" }, nameOf(label)),
        make("p", { class: "hush" }, detail),
    );
}

function open(reading, acts) {
    const others = reading.best.filter(({ label }) => label !== reading.label).slice(0, ALTERNATIVES);
    if (reading.base !== reading.label && !others.some(({ label }) => label === reading.base)) {
        others.splice(-1, 1, { label: reading.base, probability: null });
    }
    return make(
        "div",
        { class: "verdict" },
        make(
            "button",
            { type: "button", class: "primary right", "data-act": "confirm", onclick: acts.confirm },
            icon("check"),
            "Right, it is ",
            make("b", { class: "glyph" }, reading.label),
        ),
        make("h3", {}, "No, it is"),
        make(
            "div",
            { class: "alternatives" },
            others.map(({ label, probability }) =>
                make(
                    "button",
                    { type: "button", "aria-label": `No, it is ${nameOf(label)}`, onclick: () => acts.choose(label) },
                    make("b", { class: "glyph" }, label),
                    probability !== null && make("small", {}, percent(probability)),
                ),
            ),
            make(
                "button",
                { type: "button", class: "other", "data-act": "other", "aria-label": "No, it is another: choose from all", onclick: acts.pick },
                "Other",
            ),
        ),
    );
}

function settled(drawing, acts) {
    const said = drawing.status === "corrected" ? "You said it is " : "Left standing as ";
    return make(
        "div",
        { class: "verdict settled" },
        make(
            "p",
            {},
            icon("check"),
            make("span", {}, said, make("b", { class: "glyph" }, drawing.label), drawing.waits ? ". Kept, not sent yet." : "."),
        ),
        drawing.doubtful && make("p", { class: "doubt" }, question(drawing.label)),
        make(
            "div",
            { class: "tools" },
            drawing.doubtful &&
                make("button", { type: "button", class: "primary", onclick: acts.mean }, icon("check"), "Yes, it is"),
            make("button", { type: "button", "data-act": "undo", onclick: acts.undo }, icon("undo"), "Take it back"),
            make("button", { type: "button", onclick: acts.pick }, "It is something else"),
        ),
    );
}
