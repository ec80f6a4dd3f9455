// A line of boxes, as on a form: one character each, read as it is finished.

import { say, tell } from "../announce.js";
import { showAnswer } from "../answer.js";
import { connection } from "../connection.js";
import { byId, fill, make } from "../dom.js";
import { question } from "../doubt.js";
import * as drawings from "../drawing.js";
import { asLabel, nameOf } from "../labels.js";
import { labels, ownLabels } from "../model.js";
import { Pad } from "../pad.js";
import { pickLabel } from "../picker.js";
import { drawingsOf } from "../shelf.js";
import { current, turns } from "../writers.js";

const NIB = 62;
const BOXES = 12;

let boxes = [];
let selected = null;

/** Build the room, once. */
export async function open() {
    boxes = Array.from({ length: BOXES }, (_, place) => newBox(place));
    fill(
        byId("line-boxes"),
        boxes.map(({ item }) => item),
    );
    byId("line-next").addEventListener("click", nextLine);
    byId("line-copy").addEventListener("click", copy);
    byId("line-clear").addEventListener("click", clearLine);
    byId("line-alphabet").addEventListener("change", () => readAll(boxes));
    connection.addEventListener("back", () => readAll(boxes.filter((box) => !box.drawing?.reading)));
    turns.addEventListener("change", load);
    drawings.doubts.addEventListener("doubted", ({ id }) => ask(boxes.find(({ drawing }) => drawing?.id === id)));
    await load();
}

/** What this writer left in the boxes. */
async function load() {
    const kept = (await drawingsOf(current().name)).filter(({ room }) => room === "line");
    for (const box of boxes) {
        box.drawing = kept.find(({ box: place }) => place === box.place) ?? null;
        box.pad.show(box.drawing?.strokes ?? []);
        show(box);
    }
    readAll(boxes.filter((box) => !box.drawing?.reading));
    select(null);
}

function newBox(place) {
    const canvas = make("canvas", {
        tabIndex: 0,
        role: "application",
        "aria-label": `Box ${place + 1}`,
        "aria-describedby": "write-keys",
    });
    const said = make("button", { type: "button", class: "said", disabled: true, onclick: () => select(box) });
    const box = { place, pad: new Pad(canvas, NIB), drawing: null, said, item: make("li", {}, canvas, said) };
    box.pad.addEventListener("down", () => begin(box));
    box.pad.addEventListener("lift", () => lift(box));
    box.pad.addEventListener("label", ({ detail }) => box.drawing && choose(box, asLabel(detail)));
    box.pad.addEventListener("enter", () => box.drawing?.reading && choose(box, box.drawing.reading.label));
    box.pad.addEventListener("backspace", () => undoStroke(box));
    box.pad.addEventListener("escape", () => clear(box));
    return box;
}

/** "digits", "letters", or none where all may come. */
function alphabet() {
    const chosen = byId("line-alphabet").querySelector(":checked").value;
    return chosen === "all" ? undefined : chosen;
}

function begin(box) {
    if (box.drawing && drawings.isSettled(box.drawing)) {
        box.drawing = null;
        box.pad.show([]);
    }
    box.drawing ??= { ...drawings.newDrawing(current().name, "line"), box: box.place };
}

async function lift(box) {
    drawings.draw(box.drawing, box.pad);
    await read(box);
}

/** What is written in the boxes. */
const drawn = () => boxes.map(({ drawing }) => drawing).filter(Boolean);

/** Read all of these that are written in, together. */
async function readAll(some) {
    const full = some.filter((box) => box.drawing);
    if (!full.length) return;
    for (const box of full) box.reading?.abort();
    await drawings.readTogether(
        full.map((box) => box.drawing),
        { alphabet: alphabet(), beside: drawn() },
    );
    full.forEach(show);
}

async function read(box) {
    const here = box.drawing;
    box.reading?.abort();
    box.reading = new AbortController();
    try {
        await drawings.readDrawing(here, { alphabet: alphabet(), beside: drawn(), signal: box.reading.signal });
    } catch (error) {
        if (error.name === "AbortError") return;
        throw error;
    }
    if (box.drawing === here) show(box);
}

async function choose(box, label, isNew = false) {
    const here = box.drawing;
    const beside = drawn();
    if (!(await drawings.correctDrawing(here, label, { isNew, beside, ...(isNew ? {} : offered(label)) }))) return;
    if (!here.waits) await drawings.readDrawing(here, { alphabet: offered(label).alphabet, beside }).catch(() => {});
    if (!here.doubtful) say(`Box ${box.place + 1}: learned, it is ${nameOf(label)}.`);
    show(box);
    await readAll(boxes.filter((other) => other !== box && other.drawing?.status === "read"));
}

/** A label may be a slip: its box says so. */
function ask(box) {
    if (!box) return;
    box.drawing.doubtful = true;
    say(`Box ${box.place + 1}: ${question(box.drawing.label)}`);
    show(box);
}

/** The alphabet goes with a correction, unless the label lies outside it. */
function offered(label) {
    const name = alphabet();
    const within = name === "digits" ? /^\d$/ : /^[A-Za-z]$/;
    return name && within.test(label) ? { alphabet: name } : {};
}

function undoStroke(box) {
    if (!box.drawing || drawings.isSettled(box.drawing)) return;
    box.pad.undo();
    if (!box.pad.strokes.length) return clear(box);
    drawings.draw(box.drawing, box.pad);
    read(box);
}

function clear(box) {
    box.reading?.abort();
    if (box.drawing) drawings.discard(box.drawing);
    box.drawing = null;
    box.pad.show([]);
    show(box);
}

function show(box) {
    const label = box.drawing ? drawings.labelOf(box.drawing) : null;
    box.said.disabled = !box.drawing;
    box.said.textContent = box.drawing ? (label ?? "…") : "";
    const marks = [box.drawing?.status, isLearned(box) && "learned", box.drawing?.doubtful && "doubtful"];
    box.said.className = ["said", "glyph", ...marks.filter(Boolean)].join(" ");
    box.said.setAttribute("aria-label", `Box ${box.place + 1}: ${says(box, label)}`);
    byId("line-text").textContent = text();
    const some = boxes.some((other) => other.drawing);
    for (const name of ["line-next", "line-copy", "line-clear"]) byId(name).disabled = !some;
    if (selected === box) select(box.drawing ? box : null);
}

const isLearned = ({ drawing }) => Boolean(drawing?.reading && drawing.reading.label !== drawing.reading.base);

function says(box, label) {
    if (!box.drawing) return "empty";
    if (box.drawing.doubtful) return question(label);
    return label === null ? "not read yet" : `reads ${nameOf(label)}; change it`;
}

/** What the line reads; an empty box between others is a space. */
function text() {
    const labels = boxes.map(({ drawing }) => (drawing ? (drawings.labelOf(drawing) ?? "…") : " "));
    return labels.join("").trim();
}

/** Show a box's answer below the line. */
function select(box) {
    selected = box;
    for (const other of boxes) other.item.classList.toggle("selected", other === box);
    const place = byId("line-answer");
    place.hidden = !box;
    if (!box) return;
    showAnswer(place, box.drawing, {
        choose: (label) => choose(box, label),
        confirm: () => choose(box, box.drawing.reading.label),
        pick: async () => {
            const chosen = await pickLabel(await labels(), await ownLabels());
            if (chosen) await choose(box, chosen.label, chosen.isNew);
        },
        undo: async () => {
            try {
                await drawings.undoDrawing(box.drawing);
            } catch (error) {
                return tell(error.message);
            }
            await read(box);
        },
        mean: async () => {
            await drawings.confirmDrawing(box.drawing);
            show(box);
        },
    });
    place.scrollIntoView?.({ block: "nearest" });
}

/** Moving on takes what stands as right. */
async function nextLine() {
    const done = boxes.filter((box) => box.drawing);
    const waiting = done.filter((box) => box.drawing.status === "open").length;
    if (waiting) return tell("Some boxes are not read yet. They wait here until the service is back.");
    const standing = done.filter((box) => box.drawing.status === "read").map((box) => box.drawing);
    const written = text();
    const beside = drawn();
    for (const drawing of standing) await drawings.acceptDrawing(drawing, { alphabet: alphabet(), beside });
    for (const box of done) clear(box);
    select(null);
    tell(`Taken: ${written}`);
    boxes[0].pad.focus();
}

function clearLine() {
    for (const box of boxes) if (box.drawing) clear(box);
    select(null);
    boxes[0].pad.focus();
}

async function copy() {
    try {
        await navigator.clipboard.writeText(text());
        tell("Copied.");
    } catch {
        tell("This browser does not let pages copy.");
    }
}
