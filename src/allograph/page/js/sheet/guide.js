// A first visit: write a line, fix one letter, write it again, see it right. Each step is told by what is on the page.

import { recall, remember } from "../device.js";
import { fill, make } from "../dom.js";
import { nameOf } from "../labels.js";
import { isRead } from "./line.js";

const LINE = 3;

/** Which step this writer is at, and what it says; null when there is nothing to say any more. */
function step(lines, taught) {
    const written = lines.filter(({ strokes }) => strokes.length);
    const read = written.filter((line) => isRead(line) && line.text.length >= LINE);
    if (!taught && !read.length) {
        return { number: 1, text: "Write a line, letter by letter and not joined up: “hello”, your name, what you like." };
    }
    if (!taught) {
        return {
            number: 2,
            text: "Below it stands what I read. Is a letter wrong? Tap it and say what it is. If all is right, write on.",
        };
    }
    const again = read.find(({ row }) => row > taught.row);
    if (!again)
        return { number: 3, text: `Learned: that is your ${nameOf(taught.label)}. Write the same once more, on the next row.` };
    const sees = again.text.includes(taught.label)
        ? `There it is: I read ${nameOf(taught.label)} now${taught.was ? `, and no longer ${nameOf(taught.was)}` : ""}.`
        : `No ${nameOf(taught.label)} that I see. If there is one, correct it once more; some letters take a few.`;
    return { number: 4, text: `${sees} Scratch out to delete, write over to replace.` };
}

/** The guide, shown in `place` until it is done or sent away. */
export class Guide {
    #place;
    #taught = null;
    #said = "";

    constructor(place) {
        this.#place = place;
    }

    /** A character was corrected: its label, what it was read as, and the row it stands in. */
    learned(label, was, row) {
        this.#taught ??= { label, was, row };
    }

    /** Begin anew, for another writer or document. */
    reset() {
        this.#taught = null;
    }

    /** Say what comes next. */
    show(lines) {
        const next = recall("sheetGuided", false) ? null : step(lines, this.#taught);
        this.#place.hidden = next === null;
        if (!next || next.text === this.#said) return;
        this.#said = next.text;
        const done = next.number === 4;
        fill(
            this.#place,
            make("p", {}, make("b", {}, `${next.number} of 4`), ` ${next.text}`),
            make("button", { type: "button", onclick: () => this.#end() }, done ? "Done" : "Not now"),
        );
    }

    #end() {
        remember("sheetGuided", true);
        this.#place.hidden = true;
        this.#place.dispatchEvent(new Event("ended"));
    }
}
