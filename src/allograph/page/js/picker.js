// Every label there is, to choose from; and a sign of the writer's own.

import { confirmed } from "./ask.js";
import { fill, icon, make } from "./dom.js";
import { asLabel, isUsual, KINDS, kindOf, nameOf } from "./labels.js";
import { labels as allLabels, ownLabels } from "./model.js";

/**
 * What is typed as a label, `{ label, isNew }`: one that is known as it is; any other where the writer, who is asked, wants to
 * teach it as a sign of their own; else null. While the service was never heard, what a keyboard has is taken as known.
 */
export async function labelToTeach(text) {
    const label = asLabel(text);
    if (!label) return null;
    const [all, own] = await Promise.all([allLabels(), ownLabels()]);
    const isKnown = all.includes(label) || own.includes(label) || (!all.length && isUsual(label));
    if (isKnown) return { label, isNew: false };
    const explained = "I do not know this sign. If you teach it, I read it where you write it, and for nobody else.";
    return (await confirmed(`Teach ${label} as a sign of your own?`, explained, "Teach it", "Do not teach it"))
        ? { label, isNew: true }
        : null;
}

/**
 * Ask which label it is. Resolves to `{ label, isNew }`, or to null where nothing was chosen.
 * `labels` are those of the service, `own` the writer's.
 */
export function pickLabel(labels, own, title = "What is it?", given = "") {
    return new Promise((resolve) => {
        const choose = (label, isNew = false) => {
            chosen = { label, isNew };
            dialog.close();
        };
        let chosen = null;
        let composing = false; // an accent or a sign of an input method is not complete yet
        const offer = make("div", { class: "own-offer" });
        const typed = make("input", {
            id: "picker-typed",
            type: "text",
            maxLength: 16,
            value: given,
            autocomplete: "off",
            autocapitalize: "off",
            spellcheck: false,
            oninput: ({ isComposing }) => isComposing || show(),
            oncompositionstart: () => (composing = true),
            oncompositionend: () => ((composing = false), show()),
        });
        const known = new Set([...labels, ...own]);
        const isFresh = (label) => !known.has(label) && (labels.length > 0 || !isUsual(label));

        function show() {
            const label = asLabel(typed.value);
            if (!label) return fill(offer);
            const fresh = isFresh(label);
            const text = fresh ? "Teach this sign as one of my own: " : "It is ";
            fill(offer, make("button", { type: "submit", class: "primary" }, text, make("b", { class: "glyph" }, label)));
        }

        const form = make(
            "form",
            {
                class: "type-label",
                onsubmit: (event) => {
                    event.preventDefault();
                    const label = asLabel(typed.value);
                    if (label && !composing) choose(label, isFresh(label));
                },
            },
            make("label", { for: "picker-typed" }, "Type it, or a sign of your own"),
            typed,
            offer,
        );
        const groups = KINDS.map((kind) => [kind, labels.filter((label) => kindOf(label) === kind)]);
        const dialog = make(
            "dialog",
            { class: "picker", "aria-labelledby": "picker-title", onclose: () => (dialog.remove(), resolve(chosen)) },
            make(
                "header",
                {},
                make("h2", { id: "picker-title" }, title),
                make(
                    "button",
                    { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() },
                    icon("clear"),
                ),
            ),
            form,
            [["yours", own], ...groups]
                .filter(([, some]) => some.length)
                .map(([kind, some]) =>
                    make(
                        "section",
                        {},
                        make("h3", {}, kind),
                        make(
                            "div",
                            { class: "glyphs" },
                            some.map((label) =>
                                make(
                                    "button",
                                    {
                                        type: "button",
                                        class: "glyph",
                                        "aria-label": nameOf(label),
                                        onclick: () => choose(label),
                                    },
                                    label,
                                ),
                            ),
                        ),
                    ),
                ),
        );
        document.body.append(dialog);
        dialog.showModal();
        typed.focus();
        show();
    });
}
