// Before a writer goes from this device: what is lost by it is said, and documents can be saved.

import { counted, make } from "./dom.js";
import { documentsOf } from "./sheet/documents.js";
import { asInkml, save } from "./sheet/export.js";
import { letters, recordsOf } from "./store.js";

/** What only this device has of a writer: documents, what was not read yet, and what was said and not sent. */
async function heldHere(name) {
    const [documents, drawings, waiting] = await Promise.all([documentsOf(name), recordsOf("drawings", name), letters()]);
    return {
        documents,
        unread: drawings.filter(({ strokes, reading }) => strokes.length && !reading).length,
        unsent: waiting.filter(({ writer }) => writer === name).length,
    };
}

/** Save all documents, their ink and their text, as one file. */
export const saveDocuments = (documents) => save(asInkml(documents), "documents.inkml", "application/inkml+xml");

/** Ask whether the writer is to go; resolves to true where they are. `action` names it, `text` says what it means. */
export async function mayGo(name, { title, text, action }) {
    const { documents, unread, unsent } = await heldHere(name);
    const losses = [
        documents.length && `${counted(documents.length, "document")}, kept on this device alone`,
        unsent && `${counted(unsent, "message")} to the service with what you taught, not sent yet`,
        unread && `${counted(unread, "character")} not read yet`,
        "how much was read rightly, which is counted on this device",
    ].filter(Boolean);
    return new Promise((resolve) => {
        let sure = false;
        const dialog = make(
            "dialog",
            { class: "question", "aria-labelledby": "farewell-title", onclose: () => (dialog.remove(), resolve(sure)) },
            make("h2", { id: "farewell-title" }, title),
            make("p", {}, text),
            make("p", {}, "This is lost:"),
            make(
                "ul",
                { class: "losses" },
                losses.map((loss) => make("li", {}, loss)),
            ),
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", onclick: () => dialog.close() }, "Keep it"),
                documents.length > 0 &&
                    make("button", { type: "button", onclick: () => saveDocuments(documents) }, "Save the documents first"),
                make("button", { type: "button", class: "danger", onclick: () => ((sure = true), dialog.close()) }, action),
            ),
        );
        document.body.append(dialog);
        dialog.showModal();
    });
}
