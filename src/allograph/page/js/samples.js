// What a writer taught, sample by sample, with its picture.

import * as service from "./service.js";
import { turns } from "./writers.js";

const PAGE = 500;

let seen = fresh();

function fresh() {
    return { byId: new Map(), after: null, loading: Promise.resolve() };
}
turns.addEventListener("change", () => (seen = fresh()));

/** These corrections, by their ids; only what is not known yet is asked for. */
export async function samplesWith(writer, ids) {
    const here = seen;
    const missing = () => ids.some((id) => !here.byId.has(id));
    if (missing()) {
        here.loading = here.loading.then(() => (missing() ? loadInto(here, writer) : undefined));
        await here.loading;
    }
    return ids.map((id) => here.byId.get(id)).filter(Boolean);
}

/** All that a writer taught and did not take back, the oldest first. */
export async function allSamples(writer) {
    const found = fresh();
    await loadInto(found, writer);
    return [...found.byId.values()];
}

async function loadInto(place, writer) {
    for (;;) {
        const page = await service.corrections(writer, place.after, PAGE);
        for (const sample of page.corrections) {
            place.byId.set(sample.id, sample);
            place.after = sample.seq;
        }
        if (page.next === undefined || page.next === null) return;
    }
}

/** The address of a sample's picture; null where none was kept. */
export const pictureOf = (sample) => (sample?.image ? `data:image/png;base64,${sample.image}` : null);
