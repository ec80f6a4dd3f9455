// See: how well it reads by now, what it confused, and every character it learned from.

import { accuracyChart } from "../chart.js";
import { connection, heard, isLost } from "../connection.js";
import { byId, counted, fill, make, percent } from "../dom.js";
import { changes, galleryOf } from "../gallery.js";
import { curveOf, figuresOf, outcomesOf, pairsOf, RECENT } from "../outcomes.js";
import { allSamples } from "../samples.js";
import * as service from "../service.js";
import { current, isKnown, turns } from "../writers.js";

const SLOW = 2000;
const ROWS = 12;
const UNSTEADY = 10;
const PAIRS = 8;

/** What is shown now: whose, in which visit, and how to take the chart away. */
let visit = { writer: null, parts: null, takeAway: () => {} };

/** Build the room, once. */
export async function open() {
    turns.addEventListener("change", start);
    turns.addEventListener("erased", start);
    connection.addEventListener("back", () => !byId("progress").hidden && enter());
    changes.addEventListener("change", () => !byId("progress").hidden && showCounted(visit));
    await enter();
}

/** Somebody else writes: nothing of the last writer stays to be seen. */
function start() {
    if (visit.writer === current().name) return;
    visit.takeAway();
    visit = { writer: null, parts: null, takeAway: () => {} };
    fill(byId("progress-body"));
    if (!byId("progress").hidden) enter();
}

/** Ask anew; what is shown of this writer stays until the answer is there. */
export async function enter() {
    const writer = current().name;
    const parts = visit.writer === writer ? visit.parts : newParts();
    visit = { ...visit, writer, parts };
    const mine = visit;
    const isHere = () => mine === visit && current().name === writer && !byId("progress").hidden;
    if (!parts.body.isConnected) fill(byId("progress-body"), parts.body);
    await Promise.all([showCounted(mine), showLearned(mine, isHere)]);
}

/** Places that are filled one by one, as their answers come. */
function newParts() {
    const [figures, curve, pairs, gallery] = Array.from({ length: 4 }, () => make("div"));
    return { figures, curve, pairs, gallery, body: make("div", { class: "progress" }, figures, curve, pairs, gallery) };
}

/** What this device counted: the shares, and how they grew. */
async function showCounted(mine) {
    const { writer, parts } = mine;
    const pairs = pairsOf(await outcomesOf(writer));
    if (mine !== visit || current().name !== writer) return;
    mine.takeAway();
    mine.takeAway = () => {};
    mine.counted = pairs.length;
    fill(parts.figures, pairs.length ? figures(pairs) : null);
    const points = steady(curveOf(pairs));
    fill(parts.curve, points.length > 1 && curve(points));
    const place = parts.curve.querySelector(".chart");
    if (place?.isConnected) mine.takeAway = accuracyChart(place, points);
    showUncounted(mine);
}

/** What the service knows: the characters it learned from, and which of them it confused. */
async function showLearned(mine, isHere) {
    const { writer, parts } = mine;
    const waiting = parts.gallery.childElementCount ? null : setTimeout(() => isHere() && fill(parts.gallery, loading()), SLOW);
    const tell = (count) => {
        const bar = parts.gallery.querySelector(".loading span");
        if (bar) bar.textContent = `${counted(count, "character")} so far …`;
    };
    try {
        const asked = () => heard(Promise.all([allSamples(writer, tell), service.confusions(writer)]));
        const [samples, confusions] = isKnown(writer) ? await asked() : [[], null];
        if (!isHere()) return;
        clearTimeout(waiting);
        mine.samples = samples;
        fill(parts.pairs, confused(confusions?.pairs ?? []));
        if (!parts.shown?.shows(samples)) showGallery(mine);
        showUncounted(mine);
    } catch (error) {
        clearTimeout(waiting);
        if (isHere() && !parts.shown) fill(parts.gallery, failure(error));
    }
}

const loading = () =>
    make(
        "p",
        { class: "loading", role: "status" },
        make("progress", { "aria-label": "Loading" }),
        make("span", {}, "One moment …"),
    );

function failure(error) {
    if (isLost())
        return make("p", { class: "card hush" }, "The service does not answer. Your characters appear here when it is back.");
    return make(
        "div",
        { class: "card" },
        make("p", {}, `Your characters cannot be shown now: ${error.message}.`),
        make("div", { class: "tools" }, make("button", { type: "button", onclick: enter }, "Try again")),
    );
}

/** Where nothing was counted here: why there are no shares, or that there is nothing at all. */
function showUncounted(mine) {
    if (mine.counted !== 0 || !mine.samples) return;
    const known = mine.samples.length;
    fill(mine.parts.figures, known ? uncounted(known) : null);
    if (!known) fill(mine.parts.gallery, nothing());
}

const nothing = () =>
    make(
        "div",
        { class: "card empty" },
        make(
            "p",
            {},
            "Nothing yet. What you write is counted here, and what you correct or confirm can be changed or taken back.",
        ),
        make("div", { class: "tools" }, make("a", { class: "button primary", href: "#sheet" }, "Write something")),
    );

const uncounted = (known) =>
    make(
        "p",
        { class: "card" },
        `I know ${counted(known, "character")} of yours, but on this device nothing that you wrote was counted ` +
            "yet. How much I read rightly is counted from what you write: what was taught shows every error, and little else.",
    );

function figures(pairs) {
    const last = figuresOf(pairs.slice(-RECENT));
    const all = figuresOf(pairs);
    const lately = last.count < all.count ? `the last ${last.count} characters` : counted(last.count, "character");
    return [
        make(
            "div",
            { class: "figures" },
            figure(percent(last.personal), `of ${lately} that you wrote here, I read rightly`, "learned"),
            figure(percent(last.base), "I would have read rightly without your corrections", ""),
            figure(String(all.count), `${all.count === 1 ? "character" : "characters"} that you wrote here and I read`, ""),
        ),
        make(
            "p",
            { class: "hush" },
            `Of ${lately} that you wrote here, you left ${last.standing} standing and named ${last.named}. What is left ` +
                "standing counts as read rightly, sure or not; what you corrected, as read wrongly. What you write in Teach " +
                "is not counted: it is asked for because it is hard.",
        ),
    ];
}

const figure = (number, text, look) =>
    make("div", { class: `card figure ${look}` }, make("strong", {}, number), make("span", {}, text));

/** Without the first few points, once there are more: in them a single reading moves the share far. */
const steady = (points) => (points.length < 2 * UNSTEADY ? points : points.slice(UNSTEADY - 1));

function curve(points) {
    const last = points.at(-1);
    return make(
        "section",
        { class: "card", "aria-labelledby": "curve-title" },
        make("h2", { id: "curve-title" }, `Read rightly of the last ${RECENT}, over time`),
        make("div", {
            id: "progress-chart",
            class: "chart",
            role: "img",
            "aria-label":
                `A chart of the share read rightly over ${counted(last.count, "character")}, with its numbers in the table: ` +
                `${percent(last.personal)} for you at the end, ${percent(last.base)} for everybody.`,
        }),
        make("details", {}, make("summary", {}, "As a table"), table(points)),
    );
}

/** Points of the curve, a few of them evenly, the last among them. */
function table(points) {
    const step = Math.ceil(points.length / ROWS);
    const some = points.filter((_, i) => (points.length - 1 - i) % step === 0);
    return grid(
        ["Characters written", "For you", "For everybody"],
        some.map(({ count, personal, base }) => [String(count), percent(personal), percent(base)]),
    );
}

/** A table with a heading for each row and column; a cell is a text or an element. */
function grid(titles, rows, look = "") {
    const row = ([first, ...rest]) =>
        make(
            "tr",
            {},
            cell("th", first, "row"),
            rest.map((content) => cell("td", content)),
        );
    const cell = (tag, content, scope) => make(tag, { scope }, content);
    return make(
        "div",
        { class: "wide" },
        make(
            "table",
            { class: `pairs ${look}` },
            make(
                "thead",
                {},
                make(
                    "tr",
                    {},
                    titles.map((title) => cell("th", title, "col")),
                ),
            ),
            make("tbody", {}, rows.map(row)),
        ),
    );
}

function confused(pairs) {
    if (!pairs.length) return null;
    const glyph = (label) => make("span", { class: "glyph" }, label);
    const still = (count) => (count ? times(count) : make("span", { class: "gone" }, "no longer"));
    return make(
        "section",
        { class: "card", "aria-labelledby": "pairs-title" },
        make("h2", { id: "pairs-title" }, "What I confused"),
        grid(
            ["Yours", "Taken for", "For everybody", "For you lately"],
            pairs.slice(0, PAIRS).map((pair) => [glyph(pair.label), glyph(pair.read_as), times(pair.times), still(pair.still)]),
        ),
    );
}

const times = (count) => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

function showGallery({ writer, samples, parts }) {
    const isHere = () => visit.parts === parts && current().name === writer;
    parts.shown = null;
    if (!samples.length) return fill(parts.gallery);
    let styles = null;
    const alike = async (label) => {
        styles ??= heard(service.styles(writer));
        const asked = styles;
        try {
            return ((await asked)?.styles ?? []).filter((style) => style.label === label);
        } catch (error) {
            if (styles === asked) styles = null;
            throw error;
        }
    };
    parts.shown = galleryOf(writer, samples, alike, isHere);
    const named = samples.filter(({ implicit }) => !implicit).length;
    fill(
        parts.gallery,
        make(
            "section",
            { class: "card gallery", "aria-labelledby": "gallery-title" },
            make("h2", { id: "gallery-title" }, "Your characters"),
            make(
                "p",
                { class: "hush" },
                `I learned from ${counted(samples.length, "character")}, of which you named ${named}. Open one to see yours, ` +
                    "and the most alike of the hands that I was made from. Tap one of yours to change or forget it.",
            ),
            parts.shown.element,
        ),
    );
}
