// Why a reading is what it is, in words and in the writer's own samples.

import { connection } from "./connection.js";
import { make } from "./dom.js";
import { nameOf } from "./labels.js";
import { pictureOf, samplesWith } from "./samples.js";

const SHOWN = 5;

/** The paragraph and the pictures; the pictures come when they are there. */
export function whyOf(reading, writer) {
    const place = make("div", { class: "why" }, make("h3", {}, "Why"), make("p", {}, sentence(reading)));
    const kin = relatives(reading);
    if (kin.length) {
        const list = make("ul", { class: "kin" });
        place.append(list);
        fillIn(list, kin, null);
        show(list, kin, writer);
    }
    return place;
}

/** The writer's samples that decided; where nothing had to be decided, the nearest. */
function relatives({ label, base, why }) {
    const { decided = [], nearest = [] } = why?.evidence ?? {};
    const spoke = label === base ? [] : decided.filter((sample) => sample.id && sample.weight > 0);
    return (spoke.length ? spoke : nearest.filter((sample) => sample.id)).slice(0, SHOWN);
}

function sentence(reading) {
    const { label, base, why } = reading;
    const taught = Object.values(why?.evidence ?? {}).some((part) => Array.isArray(part) && part.length);
    if (!taught) return "I do not know your hand yet. This is how I read everybody.";
    if (label === base) return "Nothing that you taught me speaks against it. The most alike of yours:";
    return `In most hands this would be ${quoted(base)}. In yours it is ${quoted(label)}, because of these of yours:`;
}

const quoted = (label) => (nameOf(label) === label ? `“${label}”` : `${nameOf(label).replace(/ \S$/u, "")} “${label}”`);

/** Put the pictures in, when they come; where the service is away, when it is back. */
async function show(list, kin, writer) {
    const ids = kin.map(({ id }) => id);
    try {
        fillIn(list, kin, await samplesWith(writer, ids));
    } catch {
        const again = () => list.isConnected && show(list, kin, writer);
        connection.addEventListener("back", again, { once: true });
    }
}

function fillIn(list, kin, samples) {
    const known = new Map((samples ?? []).map((sample) => [sample.id, sample]));
    list.replaceChildren(
        ...kin.map(({ id, label }) => {
            const source = pictureOf(known.get(id));
            const picture = source
                ? make("img", { src: source, alt: `your ${nameOf(label)}`, width: 56, height: 56 })
                : make("span", { class: "no-picture" }, samples ? "no picture" : "…");
            return make("li", {}, picture, make("span", { class: "glyph" }, label));
        }),
    );
}
