// Documents of a writer, on this device: lines in the order of their rows, and the text that they make.

import { newId } from "../ids.js";
import { recordsOf } from "../store.js";

/** A document that nothing was written in; it is kept with its first line. */
export const newDocument = (writer) => ({ id: newId(), writer, title: "", at: Date.now(), changed: Date.now() });

/** A writer's documents, each with its lines: [{ document, lines }], the one changed last first. */
export async function documentsOf(writer) {
    const [documents, lines] = await Promise.all([recordsOf("documents", writer), recordsOf("lines", writer)]);
    const known = new Map(documents.map((document) => [document.id, { document, lines: [] }]));
    for (const line of lines) {
        // a line whose document was not kept (the window closed between the two) has one again
        const home = { id: line.document, writer, title: "", at: line.at, changed: line.at };
        if (!known.has(line.document)) known.set(line.document, { document: home, lines: [] });
        known.get(line.document).lines.push(line);
    }
    for (const { lines: some } of known.values()) some.sort((one, other) => one.row - other.row || one.at - other.at);
    return [...known.values()].sort((one, other) => other.document.changed - one.document.changed);
}

/** Its text: a line each; rows left free between two lines are one empty line. */
export function textOfDocument(lines) {
    const written = lines.filter(({ strokes }) => strokes.length);
    return written.map(({ row, text }, i) => (i && row > written[i - 1].row + 1 ? "\n" : "") + text).join("\n");
}

/** What it is called: its title, or its first words. */
export function titleOf({ document, lines }) {
    if (document.title) return document.title;
    const words = textOfDocument(lines)
        .split(/[\s…]+/u)
        .filter(Boolean)
        .slice(0, 6)
        .join(" ");
    return words.slice(0, 48) || "Nothing written yet";
}

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Those whose title or text has all words of a question, in any case and with any accents. */
export function found(documents, question) {
    const words = folded(question).split(/\s+/u).filter(Boolean);
    return documents.filter((one) => {
        const text = folded(`${one.document.title}\n${textOfDocument(one.lines)}`);
        return words.every((word) => text.includes(word));
    });
}
