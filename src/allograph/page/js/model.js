// What the service can read, and which signs this writer added; asked once.

import { heard } from "./connection.js";
import { learning } from "./post.js";
import * as service from "./service.js";
import { current, turns } from "./writers.js";

const SOON = 100;

let known = null;
let heardLabels = null;
let own = null;
let heardOwn = [];

/** The service's model; asked again until it was answered. */
export function model() {
    known ??= heard(service.model()).then(
        (found) => {
            heardLabels = new Set(found.labels);
            return found;
        },
        (error) => {
            known = null;
            throw error;
        },
    );
    return known;
}

/** What the service answers; where that takes longer than a person should wait, what was heard before. */
const soon = (answer, before) => Promise.race([answer, new Promise((resolve) => setTimeout(resolve, SOON, before))]);

/** The labels that all writers have; none while the service does not answer. */
export const labels = () =>
    soon(
        model().then(
            (found) => found.labels,
            () => [],
        ),
        [],
    );

/** Whether the service was heard to have a label; while it was never heard, all are taken as known. */
export const isHeard = (label) => heardLabels === null || heardLabels.has(label);

/** The labels that only this writer has. */
export function ownLabels() {
    own ??= heard(service.habits(current().name)).then(
        (found) => (heardOwn = found?.labels ?? []),
        () => heardOwn,
    );
    return soon(own, heardOwn);
}

const stale = () => (own = null);
turns.addEventListener("change", () => (stale(), (heardOwn = [])));
learning.addEventListener("learned", stale);
