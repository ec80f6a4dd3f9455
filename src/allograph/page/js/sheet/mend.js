// What a character, a word or a line is, said at the spot: other readings, a field to type in, and a way to delete it.

import { icon, make } from "../dom.js";
import { asLabel, nameOf } from "../labels.js";

const GAP = 6;
let close = () => {};

/** Close what is open. */
export const closeMend = () => close();

function field(id, label, value, longest, submit) {
    const input = make("input", {
        id,
        type: "text",
        value,
        maxLength: longest,
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: false,
        autocorrect: "off",
    });
    const onsubmit = (event) => {
        event.preventDefault();
        submit(input.value.normalize("NFC").trim());
    };
    return make(
        "form",
        { class: "mend-field", onsubmit },
        make("label", { for: id }, label),
        input,
        make("button", { type: "submit" }, "Set"),
    );
}

/** Say what a character is: `best` are other readings, `word` is the word that it is part of. */
export function mendCharacter(button, { label, best, word }, { choose, sayWord, remove }) {
    const others = best.filter((other) => other !== label).slice(0, 4);
    const give = (work) => (value) => {
        if (!value) return;
        close();
        work(value);
    };
    const offered = (other) =>
        make(
            "button",
            { type: "button", class: "glyph", "aria-label": `It is ${nameOf(other)}`, onclick: () => give(choose)(other) },
            other,
        );
    open(button, `Correct ${label ? nameOf(label) : "what is not read"}`, [
        others.length > 0 &&
            make("div", { class: "mend-others", role: "group", "aria-label": "Other readings" }, others.map(offered)),
        field("mend-character", "It is", "", 16, (value) => give(choose)(asLabel(value))),
        word && field("mend-word", "Word", word, 64, give(sayWord)),
        make("button", { type: "button", onclick: () => (close(), remove()) }, "Delete it"),
    ]);
}

/** Say what a whole line is. */
export function mendLine(button, text, say) {
    const given = (value) => {
        if (!value) return;
        close();
        say(value);
    };
    const dialog = open(button, "Correct the line", [field("mend-line", "This line says", text, 256, given)]);
    dialog.classList.add("wide");
    dialog.querySelector("input").select();
}

/** Open a popover below a button; the focus goes into it, and back where it was when it closes. */
function open(button, title, content) {
    close();
    const dialog = make(
        "dialog",
        { class: "mend", "aria-label": title },
        make("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => close() }, icon("clear")),
        ...content.filter(Boolean),
    );
    const outside = (event) => !dialog.contains(event.target) && close();
    const away = (event) => event.relatedTarget && !dialog.contains(event.relatedTarget) && close();
    const back = document.activeElement;
    close = () => {
        close = () => {};
        document.removeEventListener("pointerdown", outside, true);
        removeEventListener("resize", closeMend);
        const held = dialog.contains(document.activeElement);
        dialog.remove();
        button.removeAttribute("aria-expanded");
        if (held) (back?.isConnected && back !== document.body ? back : button).focus({ preventScroll: true });
    };
    dialog.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        close();
    });
    dialog.addEventListener("focusout", away);
    dialog.addEventListener("close", () => close());
    document.addEventListener("pointerdown", outside, true);
    addEventListener("resize", closeMend);
    button.setAttribute("aria-expanded", "true");
    document.body.append(dialog);
    dialog.show();
    place(dialog, button);
    dialog.querySelector(".mend-others button, input")?.focus({ preventScroll: true });
    return dialog;
}

/** Below the button, or above where there is no room, and never out of the window. */
function place(dialog, button) {
    const spot = button.getBoundingClientRect();
    const { width, height } = dialog.getBoundingClientRect();
    const left = Math.min(Math.max(GAP, spot.left + spot.width / 2 - width / 2), innerWidth - width - GAP);
    const below = spot.bottom + GAP + height <= innerHeight;
    const top = below ? spot.bottom + GAP : Math.max(GAP, spot.top - GAP - height);
    dialog.style.insetInlineStart = `${left}px`;
    dialog.style.insetBlockStart = `${top}px`;
}
