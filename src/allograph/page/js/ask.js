// Questions that stop the page until they are answered.

import { make } from "./dom.js";

/** "Are you sure?"; resolves to true where the person is. */
export function confirmed(title, text, action, otherwise = "Keep it") {
    return new Promise((resolve) => {
        let sure = false;
        const dialog = make(
            "dialog",
            { class: "question", "aria-labelledby": "question-title", onclose: () => (dialog.remove(), resolve(sure)) },
            make("h2", { id: "question-title" }, title),
            make("p", {}, text),
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", onclick: () => dialog.close() }, otherwise),
                make("button", { type: "button", class: "danger", onclick: () => ((sure = true), dialog.close()) }, action),
            ),
        );
        document.body.append(dialog);
        dialog.showModal();
    });
}

/** Ask for a line of text; resolves to null where none was given. */
export function answered({ title, text, label, action, secret = false }) {
    return new Promise((resolve) => {
        let given = null;
        const input = make("input", {
            id: "answered-input",
            type: secret ? "password" : "text",
            required: true,
            maxLength: 128,
            autocomplete: "off",
            spellcheck: false,
        });
        const form = make(
            "form",
            {
                onsubmit: (event) => {
                    event.preventDefault();
                    given = input.value.trim();
                    if (given) dialog.close();
                },
            },
            make("label", { for: "answered-input" }, label),
            input,
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", onclick: () => dialog.close() }, "Not now"),
                make("button", { type: "submit", class: "primary" }, action),
            ),
        );
        const dialog = make(
            "dialog",
            { class: "question", "aria-labelledby": "question-title", onclose: () => (dialog.remove(), resolve(given)) },
            make("h2", { id: "question-title" }, title),
            text && make("p", {}, text),
            form,
        );
        document.body.append(dialog);
        dialog.showModal();
        input.focus();
    });
}
