// What became of each character that was written: what it is, what was read, what everybody's reading would have been.

import { dropRecord, keepRecord, recordsOf } from "./store.js";

/** Count a character, or count it otherwise: `label` is what it is said to be or, left standing, what was read. */
export const countOne = (writer, { id, at, label, personal, base }) =>
    countLine(writer, { id, at, pairs: [{ label, personal, base }] });

/** Count the characters of a line, or count them otherwise. */
export const countLine = (writer, { id, at, pairs }) => keepRecord("outcomes", { id, writer, at, pairs });

/** It was never meant. */
export const uncount = (id) => dropRecord("outcomes", id);

/** All that was counted of a writer, the oldest first. */
export const outcomesOf = (writer) => recordsOf("outcomes", writer);
