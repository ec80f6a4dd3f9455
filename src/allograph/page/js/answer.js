// The answer to one drawing: what it reads, what it would read for everybody, and how to put it right.

import { fill, icon, make, percent } from "./dom.js";
import { question } from "./doubt.js";
import { isSettled } from "./drawing.js";
import { nameOf } from "./labels.js";
import { whyOf } from "./why.js";

const ALTERNATIVES = 4;

/**
 * Show a drawing's answer in `place`. `acts` are what may be done: `choose(label)`, `pick()` (from all labels), `confirm()`,
 * `undo()`, `mean()` (a label that was doubted); `note` is a sentence below the answer.
 */
export function showAnswer(place, drawing, acts, note = null) {
    const { reading } = drawing;
    if (!reading) {
        fill(
            place,
            make(
                "p",
                { class: "waiting" },
                icon("undo"),
                "Kept. I read it when the service is back; you can say now what it is.",
            ),
            make("button", { type: "button", class: "primary", onclick: acts.pick }, "What is it?"),
        );
        return;
    }
    fill(
        place,
        make(
            "div",
            { class: "readings" },
            tile(
                "For you",
                reading.label,
                percent(reading.probability) + " sure",
                reading.label === reading.base ? "" : "learned",
            ),
            tile("For everybody", reading.base, reading.label === reading.base ? "the same" : "without your corrections", "base"),
        ),
        note && make("p", { class: "note" }, note),
        isSettled(drawing) ? settled(drawing, acts) : open(reading, acts),
        whyOf(reading, drawing.writer),
    );
}

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
        { class: "mend" },
        make(
            "button",
            { type: "button", class: "primary right", onclick: acts.confirm },
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
                { type: "button", class: "other", "aria-label": "No, it is another: choose from all", onclick: acts.pick },
                "Other",
            ),
        ),
    );
}

function settled(drawing, acts) {
    const said = drawing.status === "corrected" ? "You said it is " : "Left standing as ";
    return make(
        "div",
        { class: "mend settled" },
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
            make("button", { type: "button", onclick: acts.undo }, icon("undo"), "Undo"),
            make("button", { type: "button", onclick: acts.pick }, "It is something else"),
        ),
    );
}
