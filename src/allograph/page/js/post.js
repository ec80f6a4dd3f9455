// What a writer teaches is a letter to the service: kept first, sent in order, kept until it is answered. Each names its drawing's
// id, so a letter that is sent twice counts once.

import { tell } from "./announce.js";
import { connection, heard } from "./connection.js";
import { recall } from "./device.js";
import * as service from "./service.js";
import * as shelf from "./shelf.js";
import { nowKnown } from "./writers.js";

const SENDERS = {
    correct: (letter) => service.correct(letter.writer, letter.corrections, letter.keepImages, letter.context),
    accept: (letter) => service.accept(letter.writer, letter.corrections, letter.keepImages, letter.context),
    undo: (letter) => service.undo(letter.writer, letter.id),
};

/** Tells of "learned" when the service knows more, or less, of a writer, and of "corrected" with each `correction` it stored. */
export const learning = new EventTarget();

const refusals = new Map();
let sending = Promise.resolve();

/** Send `{ kind, writer, … }`. True when the service has it, false while it is kept for later; a refusal is thrown. */
export async function send(letter) {
    const number = await shelf.keepLetter({ ...letter, keepImages: recall("keepImages", true) });
    await sendAll();
    const refusal = refusals.get(number);
    refusals.delete(number);
    if (refusal) throw refusal;
    return !(await shelf.letters()).some((kept) => kept.number === number);
}

/** Send all that waits, one after the other, in one window at a time. */
export function sendAll() {
    sending = sending.then(() => (navigator.locks ? navigator.locks.request("allograph-post", empty) : empty()));
    return sending;
}

async function empty() {
    const stored = [];
    let sent = 0;
    for (const letter of await shelf.letters()) {
        try {
            const { corrections = [] } = await heard(SENDERS[letter.kind](letter));
            nowKnown(letter.writer);
            stored.push(...corrections.map((correction) => ({ ...correction, writer: letter.writer })));
        } catch (error) {
            if (error instanceof service.Unreachable || error.status === 401) break;
            const gone = letter.kind === "undo" && error.status === 404;
            if (!gone) refusals.set(letter.number, error);
        }
        await shelf.dropLetter(letter.number);
        sent += 1;
    }
    if (sent) learning.dispatchEvent(new Event("learned"));
    for (const correction of stored) learning.dispatchEvent(Object.assign(new Event("corrected"), { correction }));
}

connection.addEventListener("back", async () => {
    const count = (await shelf.letters()).length;
    await sendAll();
    if (count) tell("What you taught in the meantime is now learned.");
});
