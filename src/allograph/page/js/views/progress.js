// See: how well it reads by now, what it confused, and every sample it learned from.

import { say, tell } from "../announce.js";
import { confirmed } from "../ask.js";
import { heard } from "../connection.js";
import { byId, counted, fill, icon, make, percent } from "../dom.js";
import { nameOf } from "../labels.js";
import { labels, ownLabels } from "../model.js";
import { pickLabel } from "../picker.js";
import { send } from "../post.js";
import { allSamples, pictureOf } from "../samples.js";
import * as service from "../service.js";
import { current, turns } from "../writers.js";

const FEW = 5;
const RECENT = 50;

let takeAway = () => {};

/** Build the room, once. */
export async function open() {
    turns.addEventListener("change", () => !byId("progress").hidden && enter());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => !byId("progress").hidden && enter());
    await enter();
}

/** Ask the service anew. */
export async function enter() {
    const place = byId("progress-body");
    const name = current().name;
    try {
        const asked = [service.progress(name), service.confusions(name), service.styles(name), allSamples(name)];
        const [progress, confusions, styles, samples] = await heard(Promise.all(asked));
        takeAway();
        takeAway = () => {};
        if (!samples.length) return showNothing(place);
        fill(
            place,
            summary(progress?.points.at(-1), samples),
            chart(progress?.points ?? []),
            confused(confusions?.pairs ?? []),
            gallery(samples, styles?.styles ?? []),
        );
        await drawChart(progress?.points ?? []);
    } catch (error) {
        fill(
            place,
            make("p", {}, `I cannot show it now: ${error.message}.`),
            make("button", { type: "button", onclick: enter }, "Try again"),
        );
    }
}

function showNothing(place) {
    fill(
        place,
        make(
            "div",
            { class: "card empty" },
            make(
                "p",
                {},
                "Nothing yet. Everything that you correct or confirm appears here, and you can change it or take it back.",
            ),
            make("div", { class: "tools" }, make("a", { class: "button primary", href: "#sheet" }, "Write something")),
        ),
    );
}

function summary(last, samples) {
    const given = samples.filter(({ implicit }) => !implicit).length;
    return make(
        "div",
        { class: "figures" },
        last &&
            figure(percent(last.recent.personal), `of your last ${Math.min(samples.length, RECENT)}, I read rightly`, "learned"),
        last && figure(percent(last.recent.base), "I would have read rightly without your corrections", ""),
        figure(
            String(samples.length),
            `of your characters I know${given < samples.length ? `; ${given} of them you named` : ""}`,
            "",
        ),
    );
}

const figure = (number, text, look) =>
    make("div", { class: `card figure ${look}` }, make("strong", {}, number), make("span", {}, text));

function chart(points) {
    const last = points.at(-1);
    return make(
        "section",
        { class: "card" },
        make("h2", {}, "Read rightly, over time"),
        points.length < 2
            ? make("p", { class: "hush" }, "After a few more characters there is a curve here.")
            : make("div", {
                  id: "progress-chart",
                  class: "chart",
                  role: "img",
                  "aria-label":
                      `A chart of the share read rightly over ${counted(last.corrections, "character")}: ` +
                      `${percent(last.recent.personal)} for you at the end, ${percent(last.recent.base)} for everybody.`,
              }),
    );
}

async function drawChart(points) {
    const place = byId("progress-chart");
    if (!place) return;
    const { accuracyChart } = await import("../chart.js");
    if (place.isConnected) takeAway = accuracyChart(place, points);
}

function confused(pairs) {
    if (!pairs.length) return null;
    const cell = (content, look) => make("td", { class: look }, content);
    return make(
        "section",
        { class: "card" },
        make("h2", {}, "What I confused"),
        make(
            "div",
            { class: "wide" },
            make(
                "table",
                { class: "pairs" },
                make(
                    "thead",
                    {},
                    make(
                        "tr",
                        {},
                        ["Yours", "Taken for", "For everybody", "For you lately"].map((title) =>
                            make("th", { scope: "col" }, title),
                        ),
                    ),
                ),
                make(
                    "tbody",
                    {},
                    pairs
                        .slice(0, 8)
                        .map((pair) =>
                            make(
                                "tr",
                                {},
                                make("th", { scope: "row", class: "glyph" }, pair.label),
                                cell(pair.read_as, "glyph"),
                                cell(times(pair.times)),
                                cell(pair.still ? times(pair.still) : "no longer", pair.still ? "" : "gone"),
                            ),
                        ),
                ),
            ),
        ),
    );
}

const times = (count) => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

function gallery(samples, styles) {
    const byLabel = new Map();
    for (const sample of samples) byLabel.set(sample.label, [...(byLabel.get(sample.label) ?? []), sample]);
    const order = [...byLabel.keys()].sort(
        (one, other) => byLabel.get(other).length - byLabel.get(one).length || (one < other ? -1 : 1),
    );
    return make(
        "section",
        { class: "card gallery" },
        make("h2", {}, "Your characters"),
        make(
            "p",
            { class: "hush" },
            "Yours on the left; on the right, the most alike of the hands that I was made from. Tap one of yours to change or forget it.",
        ),
        order.map((label) =>
            shelf(
                label,
                byLabel.get(label),
                styles.filter((style) => style.label === label),
            ),
        ),
    );
}

function shelf(label, samples, styles) {
    const newest = [...samples].reverse();
    const list = make("ul", { class: "own-samples" }, newest.slice(0, FEW).map(button));
    const more =
        newest.length > FEW &&
        make(
            "li",
            {},
            make(
                "button",
                { type: "button", class: "more", onclick: () => fill(list, newest.map(button)) },
                `All ${newest.length}`,
            ),
        );
    if (more) list.append(more);
    return make(
        "section",
        { class: "shelf" },
        make("h3", {}, make("span", { class: "glyph" }, label), make("span", { class: "name" }, nameOf(label))),
        list,
        styles.length
            ? make(
                  "ul",
                  { class: "styles", "aria-label": "Alike in other hands" },
                  styles.slice(0, 3).map((style) => make("li", {}, styleOf(style))),
              )
            : null,
    );
}

const styleOf = (style) =>
    make("img", {
        src: `data:image/png;base64,${style.image}`,
        alt: `${nameOf(style.label)} in another hand`,
        width: 44,
        height: 44,
    });

function button(sample) {
    const source = pictureOf(sample);
    const when = new Date(1000 * sample.time).toLocaleDateString();
    const misread = sample.base !== sample.label;
    return make(
        "li",
        {},
        make(
            "button",
            {
                type: "button",
                class: `own-sample ${misread ? "misread" : ""}`,
                "aria-label": `Your ${nameOf(sample.label)} of ${when}${misread ? `, taken for ${nameOf(sample.base)} by everybody's reading` : ""}`,
                onclick: () => change(sample),
            },
            source
                ? make("img", { src: source, alt: "", width: 44, height: 44 })
                : make("span", { class: "no-picture" }, "no picture"),
        ),
    );
}

/** One sample: relabel it, or forget it. */
function change(sample) {
    const source = pictureOf(sample);
    const act = (work) => async () => {
        dialog.close();
        try {
            await work();
        } catch (error) {
            tell(error.message);
        }
        await enter();
    };
    const dialog = make(
        "dialog",
        { class: "question", "aria-labelledby": "sample-title", onclose: () => dialog.remove() },
        make(
            "header",
            {},
            make("h2", { id: "sample-title" }, "Your ", make("b", { class: "glyph" }, sample.label)),
            make(
                "button",
                { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() },
                icon("clear"),
            ),
        ),
        source && make("img", { class: "large", src: source, alt: `your ${nameOf(sample.label)}`, width: 140, height: 140 }),
        make("p", {}, history(sample)),
        make(
            "div",
            { class: "tools" },
            make("button", { type: "button", onclick: act(() => relabel(sample)) }, "It is something else"),
            make("button", { type: "button", class: "danger", onclick: act(() => forget(sample)) }, "Forget it"),
        ),
    );
    document.body.append(dialog);
    dialog.showModal();
}

function history({ implicit, base, answer, label, time }) {
    const when = new Date(1000 * time).toLocaleString();
    const read = answer === label ? "I read it rightly" : `I read ${nameOf(answer)}`;
    const plain = base === answer ? "" : `; for everybody it would have been ${nameOf(base)}`;
    return `${when}: ${read}${plain}. ${implicit ? "You left it standing." : "You said what it is."}`;
}

async function relabel(sample) {
    const chosen = await pickLabel(await labels(), await ownLabels());
    if (!chosen) return;
    await send({
        kind: "correct",
        writer: current().name,
        corrections: [{ id: sample.id, label: chosen.label, new: chosen.isNew }],
    });
    say(`Changed. It is ${nameOf(chosen.label)}.`);
}

async function forget(sample) {
    if (!(await confirmed("Forget this one?", "I no longer know it, as if you had never written it.", "Forget it"))) return;
    await send({ kind: "undo", writer: current().name, id: sample.id });
    tell("Forgotten.");
}
