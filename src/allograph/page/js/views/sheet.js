// The sheet: write freely, line by line; the text appears below the ink, and is corrected at the spot.

import { say, tell } from "../announce.js";
import { confirmed } from "../ask.js";
import { connection } from "../connection.js";
import { byId } from "../dom.js";
import { recall, remember } from "../device.js";
import { History, listenForUndo } from "../history.js";
import { newId } from "../ids.js";
import { nameOf } from "../labels.js";
import { labels, ownLabels } from "../model.js";
import { uncount } from "../outcomes.js";
import { learning } from "../post.js";
import { documentsOf, newDocument, textOfDocument, titleOf } from "../sheet/documents.js";
import { asInkml, asSvg, asText, fileName, save } from "../sheet/export.js";
import { scratchedOut, writtenOver } from "../sheet/gestures.js";
import { Guide } from "../sheet/guide.js";
import { dropLine, keepAgain, keepDocument, keepLine } from "../sheet/keeping.js";
import { leave, lessons, see, sent, teach } from "../sheet/lessons.js";
import { showLibrary } from "../sheet/library.js";
import {
    charactersOf,
    describe,
    isRead,
    labelsOf,
    newLine,
    removeStrokes,
    sayCharacter,
    sayText,
    strokesOf,
    SURE,
    textOf,
} from "../sheet/line.js";
import { closeMend, mendCharacter, mendLine } from "../sheet/mend.js";
import { Paper } from "../sheet/paper.js";
import { drop, readLine, readings } from "../sheet/reading.js";
import { boxOf, pitchAt, placeOf, rowOf } from "../sheet/rows.js";
import { TextRows } from "../sheet/text_rows.js";
import { records, renew } from "../store.js";
import { current, turns } from "../writers.js";

/** A line at rest is said after so many milliseconds, and is left after so many. */
const SAID = 1200;
const LEFT = 20000;

let paper;
let texts;
let guide;
const history = new History();

/** Whose document it is, the document, its lines, and the line that is being written. */
let writer = null;
let page = null;
let lines = [];
let active = null;

/** When each line was last written on or corrected, and what of it was last said. */
const touchedAt = new WeakMap();
const saidOf = new WeakMap();

/** Lines of which the person said something that is not known to be a label yet. */
const asking = new WeakSet();
let resting = null;
let leaving = null;

/** Build the room, once. */
export async function open() {
    paper = new Paper(byId("sheet-frame"), byId("sheet-page"), byId("sheet-ink"), byId("sheet-pad"));
    texts = new TextRows(byId("sheet-text"), { choose: mend, type: typeLine });
    guide = new Guide(byId("sheet-guide"));
    paper.addEventListener("down", began);
    paper.addEventListener("stroke", ({ detail }) => written(detail));
    paper.addEventListener("laid", () => lines.forEach(showText));
    paper.addEventListener("enter", ({ detail }) => typeRow(detail));
    paper.addEventListener("backspace", () => step("undo"));
    readings.addEventListener("read", ({ line }) => wasRead(line));
    records.addEventListener("elsewhere", ({ kind, id, record }) => kind === "lines" && changedElsewhere(id, record));
    lessons.addEventListener("taught", ({ line }) => isShown(line) && showText(line));
    learning.addEventListener("learned", readOpenAgain);
    learning.addEventListener("unlike", unlike);
    learning.addEventListener("learned", () => sent(lines));
    connection.addEventListener("back", () => sent(lines));
    turns.addEventListener("change", () => current().name !== writer && load());
    turns.addEventListener("erased", ({ name }) => erased(name));
    listenForUndo(history, () => !byId("sheet").hidden);
    history.addEventListener("change", showTools);
    const clicks = {
        "sheet-undo": () => step("undo"),
        "sheet-redo": () => step("redo"),
        "sheet-up": () => paper.scroll(-1),
        "sheet-down": () => paper.scroll(1),
        "sheet-documents": library,
        "sheet-new": begin,
        "sheet-copy": copy,
        "sheet-txt": () => save(asText([here()]), fileName(titleOf(here()), "txt"), "text/plain"),
        "sheet-svg": () => save(asSvg(here()), fileName(titleOf(here()), "svg"), "image/svg+xml"),
        "sheet-inkml": () => save(asInkml([here()]), fileName(titleOf(here()), "inkml"), "application/inkml+xml"),
    };
    for (const [id, work] of Object.entries(clicks)) byId(id).addEventListener("click", work);
    closeWhenDone(byId("sheet-take"));
    byId("sheet-guide").addEventListener("ended", () => paper.focus());
    await load();
}

/** A menu closes when something was chosen, by Escape, and when the person turns to something else. */
function closeWhenDone(menu) {
    const close = () => (menu.open = false);
    menu.addEventListener("click", (event) => event.target.closest("button") && close());
    menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && close());
    menu.addEventListener("keydown", ({ key }) => {
        if (key !== "Escape" || !menu.open) return;
        close();
        menu.querySelector("summary").focus();
    });
    addEventListener("pointerdown", ({ target }) => !menu.contains(target) && close());
}

/** The room is opened again. */
export async function enter() {
    if (current().name !== writer) await load();
    else paper.lay();
}

const here = () => ({ document: page, lines });
const isShown = (line) => lines.includes(line);

/** Open the document that this writer wrote in last; every line that is not read yet is read. */
async function load(id = null) {
    const name = current().name;
    leaveAll();
    [writer, page, lines, active] = [name, newDocument(name), [], null];
    refresh();
    const documents = await documentsOf(name);
    if (current().name !== name || writer !== name || lines.length) return;
    const found = documents.find(({ document }) => document.id === (id ?? recall(`document ${name}`))) ?? documents[0];
    if (found) show(found);
    for (const line of documents.flatMap((one) => one.lines)) {
        readLine(line);
        payDebt(line);
    }
    await sent(lines);
}

function show({ document, lines: some }) {
    closeMend();
    history.clear();
    guide.reset();
    [page, lines, active] = [document, some, null];
    remember(`document ${writer}`, document.id);
    refresh();
    byId("sheet-frame").scrollTop = 0;
    for (const line of lines) touchedAt.set(line, performance.now());
    active = [...lines].sort((one, other) => lastOf(one) - lastOf(other)).pop() ?? null;
    lines.forEach((line) => readLine(line));
    leaveLater();
}

/** When a line was written on last. */
const lastOf = ({ strokes }) => Math.max(0, ...strokes.map(({ at }) => at));

/** Everything of this page anew. */
function refresh() {
    texts.keepOnly(lines);
    paper.show(lines);
    lines.forEach(showText);
    texts.arrange();
    showTools();
}

/** Another window changed a line of this document, or dropped it; what was done here before is not to be undone over that. */
function changedElsewhere(id, record) {
    const mine = lines.find((line) => line.id === id);
    if (!mine && record?.document !== page.id) return;
    const ink = mine?.strokes.length !== record?.strokes.length;
    if (mine && record && !renew(mine, record, keepLine)) return;
    if (!mine) lines = [...lines, record].sort((one, other) => one.row - other.row);
    if (!record) {
        drop(mine);
        lines = lines.filter((line) => line !== mine);
    }
    if (!ink) return showText(mine);
    closeMend();
    history.clear();
    refresh();
}

/** A hand is no more: nothing of it stays here. Whose turn it is then, `turns` tells next. */
function erased(name) {
    if (name !== writer) return;
    closeMend();
    history.clear();
    lines.forEach(drop);
    [writer, page, lines, active] = [null, newDocument(name), [], null];
    refresh();
}

/** Another document, once what stands here is left. */
async function begin() {
    leaveAll();
    show({ document: newDocument(writer), lines: [] });
    paper.focus();
}

function library() {
    const name = writer;
    showLibrary(name, page.id, {
        open: async (id) => {
            leaveAll();
            const found = (await documentsOf(name)).find(({ document }) => document.id === id);
            if (writer === name && found) show(found);
            paper.focus();
        },
        begin,
        gone: ({ document, lines: some }) => {
            some.forEach(drop);
            if (document.id !== page.id) return;
            lines.forEach(drop);
            show({ document: newDocument(name), lines: [] });
        },
        isHere: () => writer === name,
    });
}

async function copy() {
    try {
        await navigator.clipboard.writeText(textOfDocument(lines));
        tell("Copied.");
    } catch {
        tell("This browser does not let pages copy. Save the text as a file instead.");
    }
}

// Writing

function began() {
    closeMend();
    clearTimeout(resting);
    byId("sheet-prompt").hidden = true;
}

/** Where the strokes of rows beside some points lie on the shown page. */
function boxesBeside(points) {
    const near = points[0][1] / pitchAt(paper.zoom);
    const some = lines.filter(({ row }) => Math.abs(row - near) < 3);
    return new Map(some.map(({ row, strokes }) => [row, strokes.map((stroke) => boxOf(onPage(stroke.points, row)))]));
}

const onPage = (points, row) =>
    points.map(([x, y, force]) => [x * paper.zoom, y * paper.zoom + row * pitchAt(paper.zoom), force]);
const inRow = (points, row) =>
    points.map(([x, y, force]) => [x / paper.zoom, (y - row * pitchAt(paper.zoom)) / paper.zoom, force]);

/** A stroke ended: it scratches out, writes over, or is added to the line of its row. */
function written(raw) {
    const row = rowOf(raw.points, boxesBeside(raw.points), paper.zoom);
    const stroke = { id: newId().slice(0, 12), points: inRow(raw.points, row), pen: raw.pen, began: raw.began, at: raw.at };
    const line = lineOf(row);
    const out = scratchedOut(stroke, line.strokes);
    if (out.length) {
        const ids = out.map(({ id }) => id);
        change("scratched out", line, () => removeStrokes(line, ids));
        return;
    }
    const read = charactersOf(line).filter(({ stale, said, label }) => label && (said || !stale));
    const old = writtenOver(
        stroke,
        read.map((one) => ({ ...one, strokes: strokesOf(line, one.strokes) })),
    );
    change(old ? "replaced" : "written", line, () => {
        const place = old ? line.strokes.indexOf(old.strokes[0]) : placeOf(stroke, line.strokes);
        if (old)
            removeStrokes(
                line,
                old.strokes.map(({ id }) => id),
            );
        line.strokes = [...line.strokes.slice(0, place), stroke, ...line.strokes.slice(place)];
    });
    if (active !== line) goOn(line);
}

/** The line of a row, a new one where there is none. */
function lineOf(row) {
    const known = lines.find((line) => line.row === row);
    if (known) return known;
    const line = newLine(writer, page.id, row, paper.zoom);
    lines = [...lines, line].sort((one, other) => one.row - other.row);
    return line;
}

/** The person goes on to another line: the others are left. */
function goOn(line) {
    active = line;
    leaveLater();
}

const stateOf = ({ strokes, said, status }) => ({ strokes, said, status });

/** Change a line so that it can be undone. Strokes and what was said are never changed in place, so a state is just these. */
function change(what, line, work) {
    const before = stateOf(line);
    work();
    if (line.strokes !== before.strokes) line.status = "open";
    const after = stateOf(line);
    history.push({ undo: () => restore(line, before, "Undone."), redo: () => restore(line, after, "Done again.") });
    changed(line, before.strokes !== after.strokes);
    if (what === "scratched out") say("Scratched out.");
    if (what === "replaced") say("Replaced.");
}

function restore(line, state, words) {
    const [ink, wasSaid] = [line.strokes !== state.strokes, line.said !== state.said];
    Object.assign(line, state);
    if (!lines.includes(line)) lines = [...lines, line].sort((one, other) => one.row - other.row);
    changed(line, ink);
    if (wasSaid && (line.sent || line.said.length)) teach(line);
    paper.reveal(line.row);
    say(words);
}

/** Keep a line, show it, and have its ink read, in this order. */
async function changed(line, ink) {
    touchedAt.set(line, performance.now());
    line.turn = (line.turn ?? 0) + 1;
    if (ink) line.refused = null;
    describe(line);
    if (ink) paper.show(lines);
    showText(line);
    texts.arrange();
    showTools();
    if (!line.strokes.length) {
        drop(line);
        if (line.sent) teach(line);
        else uncount(line.id);
        await dropLine(line);
    } else {
        keepAgain(line);
        await Promise.all([keepLine(line), keepDocument(page)]);
        remember(`document ${line.writer}`, line.document);
        if (ink) readLine(line);
    }
    leaveLater();
}

async function step(way) {
    if (way === "undo" ? !history.canUndo : !history.canRedo) return;
    closeMend();
    await history[way]();
}

// Reading

function wasRead(line) {
    payDebt(line);
    if (!isShown(line)) return;
    showText(line);
    showTools();
    clearTimeout(resting);
    resting = setTimeout(() => lines.forEach(sayLine), SAID);
    leaveLater();
}

/** Teach what is owed of a line, unless the person is asked about it. */
function payDebt(line) {
    if (line.owes && !asking.has(line)) teach(line);
}

/** Say what a line reads, once. */
function sayLine(line) {
    if (!isRead(line) || saidOf.get(line) === line.text) return;
    saidOf.set(line, line.text);
    const unsure = charactersOf(line).filter(({ said, sureness }) => !said && sureness < SURE);
    const doubt = unsure.length ? ` Unsure: ${unsure.map(({ label }) => nameOf(label)).join(", ")}.` : "";
    say(`Line ${line.row + 1} reads: ${line.text}.${doubt}`);
}

/** With what was learned, lines that are not left are read again; not what the person said of them. */
function readOpenAgain() {
    for (const line of lines) if (line.status === "open" && isRead(line)) readLine(line, true);
}

// What stands below the ink

function showText(line) {
    const characters = line.strokes.length ? charactersOf(line) : [];
    texts.show(line, characters, paper.zoom, byId("sheet-page").clientWidth);
    if (!byId("sheet").hidden && document.visibilityState === "visible") see(line);
}

function showTools() {
    byId("sheet-undo").disabled = !history.canUndo;
    byId("sheet-redo").disabled = !history.canRedo;
    const some = lines.some(({ strokes }) => strokes.length);
    byId("sheet-prompt").hidden = some;
    for (const id of ["sheet-copy", "sheet-txt", "sheet-svg", "sheet-inkml"]) byId(id).disabled = !some;
    byId("sheet-title").textContent = some || page.title ? titleOf(here()) : "New document";
    guide.show(lines);
}

// Correcting

/** The characters of the word that one is part of. */
function wordOf(characters, place) {
    let [from, end] = [place, place + 1];
    while (from > 0 && !characters[from].space) from -= 1;
    while (end < characters.length && !characters[end].space) end += 1;
    return characters.slice(from, end);
}

function mend(line, character, button, place) {
    const characters = charactersOf(line);
    const word = wordOf(characters, place);
    const spelled = word.map(({ label }) => label).join("");
    mendCharacter(
        button,
        { label: character.label, best: isRead(line) ? character.best : [], word: word.length > 1 ? spelled : "" },
        {
            choose: (label) => correct(line, [character], label, () => sayCharacter(line, character, label)),
            sayWord: async (text) => {
                const own = await ownLabels();
                correct(line, word, text, () => sayText(line, word, text, own));
            },
            remove: () => {
                change("deleted", line, () => removeStrokes(line, character.strokes));
                say("Deleted.");
                (texts.button(line, place) ?? byId("sheet-pad")).focus();
            },
        },
    );
}

function typeLine(line, button) {
    const characters = charactersOf(line);
    const text = textOf(characters, "");
    mendLine(button, text, async (given) => {
        const own = await ownLabels();
        if (given !== text) correct(line, characters, given, () => sayText(line, characters, given, own));
    });
}

function typeRow(row) {
    const line = lines.find((one) => one.row === row && one.strokes.length);
    if (line) typeLine(line, byId("sheet-pad"));
    else say("This row has no ink.");
}

/** What the person said stands at once; the service is told when its labels are known, or were asked about. */
async function correct(line, characters, text, work) {
    const was = characters.length === 1 ? characters[0].label : "";
    const status = line.status;
    asking.add(line);
    change("corrected", line, () => {
        work();
        line.owes = true;
    });
    line.status = status;
    const [known, own] = await Promise.all([labels(), ownLabels()]);
    const all = new Set([...known, ...own]);
    const fresh = [...new Set(labelsOf(text, own).map(({ label }) => label))].filter(
        (label) => known.length && !all.has(label),
    );
    if (fresh.length) {
        const signs = fresh.join(" ");
        const teaches = await confirmed(
            `Teach ${signs} as ${fresh.length > 1 ? "signs" : "a sign"} of your own?`,
            "Nobody taught me to read it. I can learn it from you, for your hand alone.",
            "Teach it",
            "Only keep the text",
        );
        if (teaches) line.isNew = true;
        else {
            asking.delete(line);
            line.owes = false;
            line.untaught = fresh;
            line.unlearned = "Your text is kept, and not learned: it has a sign that I do not know.";
            await keepLine(line);
            return showText(line);
        }
    }
    if (characters.length === 1) guide.learned(text, was, line.row);
    guide.show(lines);
    asking.delete(line);
    await teach(line);
    if (line.unlearned) say(line.unlearned);
    else say(`${line.waits || line.owes ? "Kept" : "Learned"}: ${[...text].length === 1 ? nameOf(text) : text}.`);
}

/** The ink of some characters of a line looks like nothing of what they are said to be: they are not learned. */
function unlike({ line: id, labels: signs }) {
    const line = lines.find((other) => other.id === id);
    if (!line) return;
    const names = [...new Set(signs)].map(nameOf).join(", ");
    line.unlearned = `I do not learn ${names} from it: the ink does not look like it. Your text is kept.`;
    keepLine(line);
    showText(line);
}

// Leaving

/** Lines other than the one that is written on are left as soon as they were seen; that one too, after a while at rest. */
function leaveLater() {
    clearTimeout(leaving);
    leaving = setTimeout(leaveSome, 500);
}

async function leaveSome() {
    const now = performance.now();
    let some = false;
    for (const line of lines) {
        if (line.status === "left" || !line.strokes.length) continue;
        const rests = now - (touchedAt.get(line) ?? 0) >= LEFT && !paper.isWriting;
        if (line !== active || rests) await leave(line);
        some ||= line.status !== "left" && !line.refused;
    }
    if (some) leaveLater();
}

function leaveAll() {
    for (const line of lines) leave(line);
}
