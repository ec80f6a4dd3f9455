// What a writer teaches is a letter to the service: kept first, sent in order, kept until it is answered. Each names its drawing's
// or its line's id, so a letter that is sent twice counts once; and the profile that it is for, so that none brings back an erased one.

import { tell } from "./announce.js";
import { connection, heard } from "./connection.js";
import { recall } from "./device.js";
import * as service from "./service.js";
import { clear, dropLetter, keepLetter, letters } from "./store.js";
import { erase, incarnationOf, isErased, nowKnown, turns, writers } from "./writers.js";

/** How each kind of letter is sent. Of a line: { line: { id, ink, device }, text, vouched, left_standing, isNew }. */
const SENDERS = {
    correct: (letter) => service.correct(letter, { corrections: letter.corrections, context: letter.context }),
    accept: (letter) => service.accept(letter, { corrections: letter.corrections, context: letter.context }),
    undo: (letter) => service.undo(letter, { id: letter.id }),
    acceptLine: (letter) => service.acceptLine(letter, { ...letter.line, text: letter.text }),
    correctLine: ({ line, text, vouched, left_standing, isNew, ...letter }) =>
        service.correctLine(letter, { ...line, text, vouched, left_standing, new: isNew }),
};

/**
 * Tells of "written" with a `letter` that was kept to be sent; of "learned" when the service knows more, or less, of a writer; of
 * "corrected" with each `correction` it stored; and of "unlike" with the `line` and the `labels` that it did not learn, for the ink
 * looks like nothing of them.
 */
export const learning = new EventTarget();

const refusals = new Map();
let sending = Promise.resolve();

/** Send `{ kind, writer, … }`. True when the service has it, false while it is kept for later; a refusal is thrown. */
export async function send(letter) {
    if (isErased(letter.writer)) return false;
    const number = await keepLetter({
        ...letter,
        incarnation: incarnationOf(letter.writer),
        keepImages: recall("keepImages", true),
    });
    learning.dispatchEvent(Object.assign(new Event("written"), { letter }));
    await sendAll();
    const refusal = refusals.get(number);
    refusals.delete(number);
    if (refusal) throw refusal;
    return !(await letters()).some((kept) => kept.number === number);
}

/** Send all that waits, one after the other. */
export const sendAll = () => inTurn(empty);

/** Do something with the service while no window sends a letter; what fails holds up nothing else. */
export function inTurn(work) {
    const mine = sending.then(() => (navigator.locks ? navigator.locks.request("allograph-post", work) : work()));
    sending = mine.catch(() => {});
    return mine;
}

async function empty() {
    const stored = [];
    const unlike = [];
    let sent = 0;
    for (const letter of await letters()) {
        if (isErased(letter.writer)) {
            await dropLetter(letter.number);
            continue;
        }
        try {
            const { corrections = [], doubtful = [] } = (await heard(SENDERS[letter.kind](letter))) ?? {};
            nowKnown(letter.writer);
            if (doubtful.length) unlike.push({ line: letter.line.id, labels: doubtful.map(({ label }) => label) });
            stored.push(...corrections.map((correction) => ({ ...correction, writer: letter.writer })));
        } catch (error) {
            if (error instanceof service.Unreachable || error.status === 401) break;
            if (error instanceof service.Erased) {
                await erasedElsewhere(letter.writer);
                continue;
            }
            const gone = letter.kind === "undo" && error.status === 404;
            if (!gone) refusals.set(letter.number, error);
        }
        await dropLetter(letter.number);
        sent += 1;
    }
    if (sent) learning.dispatchEvent(new Event("learned"));
    for (const told of unlike) learning.dispatchEvent(Object.assign(new Event("unlike"), told));
    for (const correction of stored) learning.dispatchEvent(Object.assign(new Event("corrected"), { correction }));
}

/** Erase a writer on the service and here: all windows' letters are sent first or dropped, and none after it. */
export async function eraseWriter(name) {
    await sendAll();
    await inTurn(async () => {
        await heard(service.erase(name));
        await eraseHere(name);
    });
}

/** A hand was erased on another device: nothing of it stays here either. */
export async function erasedElsewhere(name) {
    if (isErased(name)) return;
    const { title } = writers().find((writer) => writer.name === name) ?? { title: name };
    await eraseHere(name);
    tell(`The hand of ${title} was erased on another device, so it is erased here too.`);
}

async function eraseHere(name) {
    erase(name);
    await clear(name);
}

turns.addEventListener("erased", ({ name }) => clear(name));

connection.addEventListener("back", async () => {
    const count = (await letters()).length;
    await sendAll();
    if (count && !(await letters()).length) tell("What you taught in the meantime is now learned.");
});
