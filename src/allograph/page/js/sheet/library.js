// The documents of a writer in a dialog: to open, find, begin, rename, delete, and take along.

import { tell } from "../announce.js";
import { answered, confirmed } from "../ask.js";
import { counted, fill, icon, make } from "../dom.js";
import { documentsOf, found, textOfDocument, titleOf } from "./documents.js";
import { asInkml, asText, save } from "./export.js";
import { dropDocument, keepDocument } from "./keeping.js";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * Show them; `open(id)` opens one, `begin()` a new one, `gone(one)` tells that one was deleted, `isHere()` whether it is still this
 * writer's turn.
 */
export async function showLibrary(writer, current, { open, begin, gone, isHere }) {
    let documents = await documentsOf(writer);
    if (!isHere()) return;
    const list = make("ul", { class: "documents" });
    const count = make("p", { class: "hush", role: "status" });
    const search = make("input", { id: "documents-search", type: "search", autocomplete: "off", oninput: () => show() });
    const act = (work) => () => {
        dialog.close();
        work();
    };
    const dialog = make(
        "dialog",
        { class: "library", "aria-labelledby": "documents-title", onclose: () => dialog.remove() },
        make(
            "header",
            {},
            make("h2", { id: "documents-title" }, "Your documents"),
            make(
                "button",
                { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() },
                icon("clear"),
            ),
        ),
        make(
            "p",
            { class: "hush" },
            "They stay on this device. To read a line, its ink is sent to the service, which keeps no text.",
        ),
        make("label", { for: "documents-search" }, "Search"),
        search,
        count,
        list,
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", class: "primary", onclick: act(begin) }, "New document"),
            make(
                "button",
                { type: "button", onclick: () => save(asText(documents), "documents.txt", "text/plain") },
                "All as text",
            ),
            make(
                "button",
                { type: "button", onclick: () => save(asInkml(documents), "documents.inkml", "application/inkml+xml") },
                "All as InkML",
            ),
        ),
    );

    async function again() {
        documents = await documentsOf(writer);
        if (!isHere()) return dialog.close();
        show();
    }

    async function rename(one) {
        const title = await answered({ title: "Rename the document", label: "Title", action: "Rename" });
        if (!title || !isHere()) return;
        one.document.title = title;
        await keepDocument(one.document);
        await again();
        search.focus();
    }

    async function remove(one) {
        const text = "Its ink and its text are deleted from this device. What was learned from it stays learned.";
        if (!(await confirmed(`Delete “${titleOf(one)}”?`, text, "Delete it"))) return;
        gone(one);
        await dropDocument(one);
        tell("The document is deleted.");
        await again();
        search.focus();
    }

    function item(one) {
        const title = titleOf(one);
        const words = textOfDocument(one.lines).replace(/\s+/gu, " ").slice(0, 120);
        return make(
            "li",
            {},
            make(
                "button",
                {
                    type: "button",
                    class: "open-document",
                    "aria-current": one.document.id === current ? "true" : undefined,
                    onclick: act(() => open(one.document.id)),
                },
                make("b", {}, title),
                make("span", { class: "hush" }, day.format(one.document.changed)),
                words !== title && make("span", { class: "words" }, words),
            ),
            make("button", { type: "button", "aria-label": `Rename ${title}`, onclick: () => rename(one) }, "Rename"),
            make("button", { type: "button", "aria-label": `Delete ${title}`, onclick: () => remove(one) }, "Delete"),
        );
    }

    function show() {
        const some = found(documents, search.value);
        count.textContent = search.value ? `${counted(some.length, "document")} found` : counted(some.length, "document");
        fill(list, some.map(item));
    }

    show();
    document.body.append(dialog);
    dialog.showModal();
    search.focus();
}
