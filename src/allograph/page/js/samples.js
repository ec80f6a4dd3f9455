// What a writer taught, sample by sample; pictures, which are most of it, are asked for only where they are looked at.

import { heard } from "./connection.js";
import * as service from "./service.js";
import { turns } from "./writers.js";

const PAGE = 500;
const PICTURES = 50;

/** Samples with their pictures, by writer and id, as far as they were asked for; or the promise of them. */
let pictured = new Map();

turns.addEventListener("change", () => (pictured = new Map()));

/** These corrections with their pictures, by their ids, without those that the service does not know. */
export async function samplesWith(writer, ids) {
    const here = pictured;
    const key = (id) => `${writer}/${id}`;
    const missing = ids.filter((id) => !here.has(key(id)));
    for (let start = 0; start < missing.length; start += PICTURES) {
        const some = missing.slice(start, start + PICTURES);
        const asked = heard(service.corrections(writer, { ids: some, limit: PICTURES })).then(
            ({ corrections }) => new Map(corrections.map((sample) => [sample.id, sample])),
        );
        asked.catch(() => some.forEach((id) => here.delete(key(id)))); // asked for again next time
        const withId = (id) => asked.then((found) => found.get(id));
        for (const id of some) here.set(key(id), withId(id));
    }
    return (await Promise.all(ids.map((id) => here.get(key(id))))).filter(Boolean);
}

/** All that a writer taught and did not take back, without pictures, the oldest first; `tell(count)` hears how many came. */
export async function allSamples(writer, tell = () => {}) {
    const found = new Map();
    let after = null;
    do {
        const page = await service.corrections(writer, { after, limit: PAGE, images: "no" });
        for (const sample of page.corrections) found.set(sample.id, sample);
        after = page.next ?? null;
        tell(found.size);
    } while (after !== null);
    return [...found.values()];
}

/** The address of a sample's picture; null where none was kept. */
export const pictureOf = (sample) => (sample?.image ? `data:image/png;base64,${sample.image}` : null);
