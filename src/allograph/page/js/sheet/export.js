// A document as a file: plain text, a picture with its text, or digital ink (InkML, W3C 2011). Files hold no name of a person.

import { textOfDocument } from "./documents.js";
import { BAND, BASELINE, boxOfAll, pitchAt } from "./rows.js";

const MARGIN = 24;

/** What XML 1.0 cannot hold is left out, what it reads as markup is escaped. */
const escaped = (text) =>
    text
        .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "")
        .replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

const hundredth = (number) => Math.round(number * 100) / 100;
const written = (lines) => lines.filter(({ strokes }) => strokes.length);

/** The text of documents, [{ document, lines }], an empty line between two. */
export const asText = (documents) => `${documents.map(({ lines }) => textOfDocument(lines)).join("\n\n")}\n`;

/** A stroke as an SVG path; a dot is a line of no length, which round ends make visible. */
const path = ({ points }, top) =>
    `<path d="M${points.map(([x, y]) => `${hundredth(x)} ${hundredth(y + top)}`).join("L")}${points.length > 1 ? "" : "h0"}"/>`;

/** A document as a picture: the ink as it lies on the page, and the text of each line below it. */
export function asSvg({ lines }) {
    const some = written(lines);
    const pitch = pitchAt(1);
    const width = Math.ceil(MARGIN + Math.max(200, ...some.map(({ strokes }) => boxOfAll(strokes).right)));
    const height = Math.ceil(pitch * (1 + Math.max(0, ...some.map(({ row }) => row))));
    const line = ({ row, strokes, text }) => {
        const top = row * pitch;
        const left = Math.max(0, hundredth(boxOfAll(strokes).left));
        return [
            `<g fill="none" stroke="#1b2333" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round">`,
            ...strokes.map((stroke) => path(stroke, top)),
            "</g>",
            `<text x="${left}" y="${top + BAND + 26}" xml:space="preserve">${escaped(text)}</text>`,
        ].join("\n");
    };
    const rule = ({ row }) => `<path d="M0 ${row * pitch + BASELINE}H${width}"/>`;
    return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="${width}" height="${height}" fill="#fffefa"/>
<g stroke="#c9d6da">${some.map(rule).join("")}</g>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="20" fill="#3c4552">
${some.map(line).join("\n")}
</g>
</svg>
`;
}

/** A line's traces: X and Y in CSS pixels on the page, and F, the pressure, where a pen told it. */
function traces({ row, strokes, measure, text }) {
    const top = row * pitchAt(1);
    const trace = ({ points, pen }) => {
        const numbers = points.map(([x, y, force]) => {
            const place = [hundredth(x * measure.scale), hundredth((y + top) * measure.scale)];
            return (pen ? [...place, hundredth(force)] : place).join(" ");
        });
        return `<trace contextRef="#${pen ? "pen" : "pointer"}">${numbers.join(", ")}</trace>`;
    };
    return [
        "<traceGroup>",
        `<annotation type="truth">${escaped(text)}</annotation>`,
        ...strokes.map(trace),
        "</traceGroup>",
    ].join("\n");
}

const channel = (name, more) => `<channel name="${name}" type="decimal" ${more}/>`;
const PLACE = [channel("X", 'units="px"'), channel("Y", 'units="px"')];

const context = (id, channels) =>
    `<context xml:id="${id}"><inkSource xml:id="${id}-source"><traceFormat>${channels.join("")}</traceFormat></inkSource></context>`;

/** Documents as InkML, a group of traces for each, in it one for each line. */
export function asInkml(documents) {
    const groups = documents.map(({ lines }) => ["<traceGroup>", ...written(lines).map(traces), "</traceGroup>"].join("\n"));
    return `<?xml version="1.0" encoding="UTF-8"?>
<ink xmlns="http://www.w3.org/2003/InkML">
<definitions>
${context("pointer", PLACE)}
${context("pen", [...PLACE, channel("F", 'min="0" max="1"')])}
</definitions>
${groups.join("\n")}
</ink>
`;
}

/** Let the browser save a text as a file. */
export function save(text, name, type) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    [link.href, link.download] = [address, name];
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A name for a file, from a title: what file systems do not take is left out. */
export const fileName = (title, ending) =>
    `${
        title
            .replace(/[^\p{L}\p{N} _-]/gu, "")
            .trim()
            .slice(0, 60) || "handwriting"
    }.${ending}`;
