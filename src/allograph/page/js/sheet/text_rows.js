// The text below the ink: a button for each character, below its strokes, and one at the end to type the whole line.

import { icon, make } from "../dom.js";
import { nameOf } from "../labels.js";
import { isWaiting } from "./reading.js";
import { BAND, pitchAt } from "./rows.js";
import { centreOf, isRead, SURE } from "./line.js";

const LEAST = 26;
const GLYPH = 13;
/** Between words, where small writing leaves no room for more. */
const WORDS = 12;

/** What a screen reader says of a character. */
function inWords({ label, said, stale, sureness }) {
    if (!label) return said ? "nothing" : "not read yet";
    const name = [...label].length === 1 ? nameOf(label) : label;
    if (said) return `${name}, as you said`;
    if (stale) return `${name}, being read again`;
    return sureness < SURE ? `${name}, unsure` : name;
}

/** What is to be known of a line, in words; none where all is well. */
export function notice(line) {
    if (line.refused) return line.refused;
    if (line.unlearned) return line.unlearned;
    if (isWaiting(line) && !isRead(line)) return "Kept. It is read when the service is back.";
    if (line.reading?.joined && isRead(line)) return "This looks joined up, which I cannot read. Write the letters apart.";
    return line.waits ? "Kept. It is learned when the service is back." : "";
}

/**
 * Shows the text of lines in `room`, the element over the page; `choose(line, character, button, place)` and `type(line, button)`
 * answer taps.
 */
export class TextRows {
    #room;
    #rows = new Map();
    #choose;
    #type;

    constructor(room, { choose, type }) {
        [this.#room, this.#choose, this.#type] = [room, choose, type];
        room.addEventListener("keydown", (event) => this.#step(event));
    }

    /** Show a line's characters, as they are placed at `zoom` on a page `width` wide. */
    show(line, characters, zoom, width) {
        const row = this.#rows.get(line.id) ?? this.#add(line);
        Object.assign(row, { line, characters });
        row.element.style.insetBlockStart = `${line.row * pitchAt(zoom) + BAND * zoom}px`;
        row.element.setAttribute("aria-label", `Line ${line.row + 1}`);
        while (row.buttons.length < characters.length) this.#addButton(row);
        this.#shorten(row, characters.length);
        const places = placed(line, characters, zoom, width);
        characters.forEach((character, i) => showCharacter(row.buttons[i], character, places[i], i));
        const end = characters.length ? places[characters.length - 1] : { left: 8, width: 0 };
        row.type.style.insetInlineStart = `${Math.min(end.left + end.width + 6, width - 30)}px`;
        set(row.notice, notice(line));
        row.notice.hidden = !row.notice.textContent;
    }

    /** Lines that are no longer there, or not `kept`, have no text. */
    keepOnly(kept) {
        const ids = new Set(kept.map(({ id }) => id));
        for (const [id, row] of this.#rows) {
            if (ids.has(id)) continue;
            row.element.remove();
            this.#rows.delete(id);
        }
    }

    /** Put rows in their order, for those who go by Tab; one that holds the focus is not moved. */
    arrange() {
        const rows = [...this.#rows.values()].sort((one, other) => one.line.row - other.line.row);
        rows.forEach(({ element }, i) => {
            if (this.#room.children[i] !== element) this.#room.insertBefore(element, this.#room.children[i] ?? null);
        });
    }

    /** The button of a line's character; that of its last where there are fewer. */
    button(line, place) {
        const row = this.#rows.get(line.id);
        return row && (row.buttons[Math.min(place, row.buttons.length - 1)] ?? row.type);
    }

    #add(line) {
        const row = { line, characters: [], buttons: [], element: null, type: null, notice: null };
        row.type = make(
            "button",
            {
                type: "button",
                class: "type-line",
                "aria-label": "Type the whole line",
                onclick: () => this.#type(row.line, row.type),
            },
            icon("write"),
        );
        row.notice = make("p", { class: "line-notice", hidden: true });
        row.element = make("div", { class: "text-row", role: "group" }, row.type, row.notice);
        this.#rows.set(line.id, row);
        this.#room.append(row.element);
        return row;
    }

    #addButton(row) {
        const place = row.buttons.length;
        const button = make("button", { type: "button", class: "char glyph" });
        button.addEventListener("click", () => this.#choose(row.line, row.characters[place], button, place));
        row.buttons.push(button);
        row.element.insertBefore(button, row.type);
    }

    #shorten(row, count) {
        for (const button of row.buttons.splice(count)) {
            if (document.activeElement === button) (row.buttons[count - 1] ?? row.type).focus();
            button.remove();
        }
    }

    /** Left and Right go from character to character. */
    #step(event) {
        const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const row = way && [...this.#rows.values()].find(({ element }) => element.contains(event.target));
        const next = row && [...row.buttons, row.type][[...row.buttons, row.type].indexOf(event.target) + way];
        if (!next) return;
        event.preventDefault();
        next.focus();
    }
}

const set = (element, text) => element.textContent !== text && (element.textContent = text);

function showCharacter(button, character, { left, width }, i) {
    set(button, character.label || (character.said ? "∅" : "…"));
    const marks = [character.said && "said", character.stale && !character.said && "stale"];
    if (!character.said && character.label && character.sureness < SURE) marks.push("unsure");
    if (character.space && i) marks.push("after-space");
    const names = ["char glyph", ...marks.filter(Boolean)].join(" ");
    if (button.className !== names) button.className = names;
    const words = `${character.space && i ? "space, " : ""}${inWords(character)}`;
    if (button.getAttribute("aria-label") !== words) button.setAttribute("aria-label", words);
    button.style.insetInlineStart = `${left}px`;
    button.style.inlineSize = `${width}px`;
}

/** Where buttons go: below their ink, side by side, and within the page as far as there is room. */
function placed(line, characters, zoom, width) {
    let free = 0;
    const places = characters.map((character, i) => {
        if (i && character.space) free += WORDS;
        const size = Math.max(LEAST, GLYPH * [...(character.label || "…")].length + 6);
        const left = Math.max(free, centreOf(line, character) * zoom - size / 2);
        free = left + size;
        return { left, width: size };
    });
    for (let i = places.length - 1, end = width - 34; i >= 0 && places[i].left + places[i].width > end; i--) {
        places[i].left = Math.max(0, end - places[i].width);
        end = places[i].left - (characters[i].space ? WORDS : 0);
    }
    return places;
}
