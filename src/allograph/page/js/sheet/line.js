// A line of a document: the strokes of one row, what was read of them, and what the person said they are.
//
// status: "open" while it is written or looked at, "left" when the person went on from it.
// said: [{ strokes: [ids], label, space }]: what the person said that some strokes show; it stands whatever is read.
// turn: how often the person changed it; of two windows' lines that have the same id, the one with more turns is right.
// sent: what the service learned of the line last: "", "correct" or "accept".
// isNew: whether it may teach signs that the model does not know; untaught: those that it must not.

import { deviceName } from "../device.js";
import { newId } from "../ids.js";
import { asInk } from "../ink.js";
import { boxOfAll } from "./rows.js";

/** From this sureness on a character is shown as sure. */
export const SURE = 0.8;

/** An empty line; `scale` is how many CSS pixels a unit of its ink has. */
export const newLine = (writer, document, row, scale) => ({
    id: `line-${newId().slice(0, 11)}`, // as long as the service takes
    writer,
    document,
    row,
    turn: 0,
    at: Date.now(),
    strokes: [],
    measure: { scale },
    reading: null,
    readStrokes: [],
    first: [],
    said: [],
    touched: [],
    text: "",
    status: "open",
    sent: "",
    isNew: false,
    untaught: [],
    owes: false,
    waits: false,
    refused: null,
    unlearned: null,
});

const idsOf = (strokes) => strokes.map(({ id }) => id);
const isSame = (some, others) => some.length === others.length && some.every((id, i) => id === others[i]);

/** Whether the reading is one of just these strokes. */
export const isRead = (line) => line.reading !== null && isSame(idsOf(line.strokes), line.readStrokes);

/** What the service is told of it. */
export const asSent = (line) => ({
    id: line.id,
    ink: asInk(line.strokes, line.measure.scale),
    device: `${deviceName()} lines`,
});

/** What was read, character by character: { strokes: [ids], label, space, sureness, best, base }. */
const readCharacters = ({ reading, readStrokes }) =>
    (reading?.characters ?? []).map((one) => ({
        strokes: one.pieces.map((piece) => readStrokes[piece]),
        label: one.label,
        space: one.space_before,
        sureness: one.sureness,
        best: one.best.map(({ label }) => label),
        base: one.base,
        said: false,
    }));

/**
 * The line's characters in their order, those that the person said in place of what was read of the same strokes; `stale` where ink
 * came since. Strokes that nothing is known of are one character each, whose label is "". A said one may be several characters, or "".
 */
export function charactersOf(line) {
    const here = new Set(idsOf(line.strokes));
    const stale = !isRead(line);
    const said = line.said.map((one) => ({ ...one, strokes: [...one.strokes], sureness: 1, best: [], base: null, said: true }));
    const owner = new Map(said.flatMap((one) => one.strokes.map((id) => [id, one])));
    const placed = new Set();
    const found = [];
    const known = new Set(owner.keys());
    for (const one of readCharacters(line)) {
        const left = one.strokes.filter((id) => here.has(id));
        if (!left.length) continue;
        const owners = [...new Set(left.map((id) => owner.get(id)).filter(Boolean))];
        for (const mine of owners) {
            if (placed.has(mine)) continue;
            placed.add(mine);
            mine.best = one.best;
            found.push(mine);
        }
        const free = left.filter((id) => !known.has(id));
        for (const id of left) known.add(id);
        if (owners.length) owners[0].strokes.push(...free);
        else found.push({ ...one, strokes: left, stale: stale || left.length < one.strokes.length });
    }
    for (const mine of said) if (!placed.has(mine)) insert(line, found, mine);
    for (const { id } of line.strokes) {
        if (known.has(id)) continue;
        insert(line, found, {
            strokes: [id],
            label: "",
            space: false,
            sureness: 0,
            best: [],
            base: null,
            said: false,
            stale: true,
        });
    }
    return found;
}

/** Strokes by their ids. */
export const strokesOf = (line, ids) => line.strokes.filter(({ id }) => ids.includes(id));

/** Where a character is centred, in the line's units. */
export function centreOf(line, { strokes }) {
    const { left, right } = boxOfAll(strokesOf(line, strokes));
    return (left + right) / 2;
}

function insert(line, characters, one) {
    const centre = centreOf(line, one);
    const after = characters.findIndex((other) => centreOf(line, other) > centre);
    characters.splice(after < 0 ? characters.length : after, 0, one);
}

/** The text of characters, "…" for what is not read yet. */
export const textOf = (characters, unread = "…") =>
    characters
        .filter(({ label, said }) => label || !said)
        .map(({ label, space }, i) => (i && space ? " " : "") + (label || unread))
        .join("");

/** Whether all its strokes were read or named, so that its text is that of all its ink. */
export const isWhole = (line, characters = charactersOf(line)) =>
    line.strokes.length > 0 && characters.every(({ said, stale }) => said || !stale);

/** The places in the text, in code points, of what the person said. */
export function vouchedPlaces(characters) {
    const places = [];
    let place = 0;
    characters
        .filter(({ label }) => label)
        .forEach(({ label, space, said }, i) => {
            if (i && space) place += 1;
            for (const mark of label) {
                if (said && mark !== " ") places.push(place);
                place += 1;
            }
        });
    return places;
}

/** Keep in the line what its text is, and the places that the person said. */
export function describe(line) {
    const characters = charactersOf(line);
    line.text = textOf(characters);
    line.touched = vouchedPlaces(characters);
    return characters;
}

/** The person says what a character is. */
export function sayCharacter(line, character, label) {
    const rest = line.said.filter(({ strokes }) => !strokes.some((id) => character.strokes.includes(id)));
    line.said = [...rest, { strokes: [...character.strokes], label, space: character.space }];
}

/** Take strokes away; what was said of any of them is no longer said. */
export function removeStrokes(line, ids) {
    line.strokes = line.strokes.filter(({ id }) => !ids.includes(id));
    line.said = line.said.filter(({ strokes }) => !strokes.some((id) => ids.includes(id)));
}

/** Where the same characters stand in two texts, the most there are: pairs of places. */
function common(some, others) {
    const longest = Array.from({ length: some.length + 1 }, () => new Array(others.length + 1).fill(0));
    for (let i = some.length - 1; i >= 0; i--)
        for (let j = others.length - 1; j >= 0; j--)
            longest[i][j] = some[i] === others[j] ? 1 + longest[i + 1][j + 1] : Math.max(longest[i + 1][j], longest[i][j + 1]);
    const pairs = [];
    for (let i = 0, j = 0; i < some.length && j < others.length;) {
        if (some[i] === others[j]) pairs.push([i++, j++]);
        else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
        else j++;
    }
    return pairs;
}

/** A text as labels: { label, space }; `own` are labels of several code points. */
export function labelsOf(text, own = []) {
    const long = own.filter((label) => [...label].length > 1).sort((one, other) => other.length - one.length);
    const found = [];
    let rest = text.trim().normalize("NFC");
    let space = false;
    while (rest) {
        const label = long.find((one) => rest.startsWith(one)) ?? [...rest][0];
        rest = rest.slice(label.length);
        if (/^\s$/u.test(label)) space = true;
        else {
            found.push({ label, space });
            space = false;
        }
    }
    return found;
}

/**
 * The person says what some characters that follow one another read together. What is the same stays with its strokes; between that,
 * characters are paired in order where there are as many, and else named together, for the service to cut anew.
 */
export function sayText(line, characters, text, own = []) {
    const labels = labelsOf(text, own);
    const pairs = common(
        characters.map(({ label }) => label),
        labels.map(({ label }) => label),
    );
    const groups = [];
    let [from, begin] = [0, 0];
    for (const [i, j] of [...pairs, [characters.length, labels.length]]) {
        const [olds, news] = [characters.slice(from, i), labels.slice(begin, j)];
        if (olds.length === news.length) olds.forEach((old, k) => groups.push({ olds: [old], news: [news[k]] }));
        else if (olds.length || news.length) groups.push({ olds, news });
        if (i < characters.length) groups.push({ olds: [characters[i]], news: [labels[j]] });
        [from, begin] = [i + 1, j + 1];
    }
    for (const { olds, news } of joined(groups)) {
        const label = news.map(({ label: one, space }, k) => (k && space ? " " : "") + one).join("");
        const space = characters.indexOf(olds[0]) === 0 ? olds[0].space : news[0].space;
        const unchanged = olds.length === 1 && olds[0].label === label && olds[0].space === space;
        if (!unchanged) sayCharacter(line, { strokes: olds.flatMap(({ strokes }) => strokes), space }, label);
    }
}

/** Groups with ink and with labels: one that lacks either goes with the one before it, or after it. */
function joined(groups) {
    const found = [];
    let waiting = { olds: [], news: [] };
    for (const { olds, news } of groups) {
        const group = { olds: [...waiting.olds, ...olds], news: [...waiting.news, ...news] };
        waiting = { olds: [], news: [] };
        if (group.olds.length && group.news.length) found.push(group);
        else if (found.length) {
            const last = found[found.length - 1];
            found[found.length - 1] = { olds: [...last.olds, ...group.olds], news: [...last.news, ...group.news] };
        } else waiting = group;
    }
    return found;
}

/** What was read of each character when the line's ink was complete, before anything was learned from it. */
export function keepFirst(line) {
    const said = new Set(line.said.flatMap(({ strokes }) => strokes));
    const earlier = line.first.filter(({ strokes }) => strokes.some((id) => said.has(id)));
    const isEarlier = ({ strokes }) => earlier.some((one) => one.strokes.some((id) => strokes.includes(id)));
    const now = readCharacters(line).filter((one) => !isEarlier(one));
    line.first = [...earlier, ...now.map(({ strokes, label, base }) => ({ strokes, label, base }))];
}

/** What each character is, beside what was first read of it: { label, personal, base }. */
export function outcomeOf(line) {
    return charactersOf(line)
        .filter(({ label }) => label)
        .flatMap(({ label, strokes }) => {
            const first = line.first.filter((one) => one.strokes.some((id) => strokes.includes(id)));
            const labels = first.length > 1 ? [...label].filter((one) => one !== " ") : [label];
            return labels.map((one, i) => ({ label: one, personal: first[i]?.label ?? "", base: first[i]?.base ?? "" }));
        });
}
