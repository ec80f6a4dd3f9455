// Strokes of a pen, and how they are drawn. A stroke is { points: [[x, y, pressure], …], pen }, on a sheet 1000 units wide.

import { getStroke } from "../vendor/perfect-freehand.js";

/** Units along each side of a sheet. */
export const SPAN = 1000;

/** The outline of a stroke as a path; `nib` is the pen's width in units. */
export function outline(stroke, nib) {
    const edge = getStroke(stroke.points, {
        size: nib,
        thinning: stroke.pen ? 0.55 : 0.35,
        smoothing: 0.5,
        streamline: 0.35,
        simulatePressure: !stroke.pen,
        last: true,
    });
    const path = new Path2D();
    if (edge.length < 3) {
        const [x, y] = stroke.points[0];
        path.arc(x, y, nib / 2, 0, 2 * Math.PI);
        return path;
    }
    path.moveTo(...middle(edge[0], edge[1]));
    for (let i = 1; i <= edge.length; i++) {
        const corner = edge[i % edge.length];
        path.quadraticCurveTo(...corner, ...middle(corner, edge[(i + 1) % edge.length]));
    }
    path.closePath();
    return path;
}

const middle = ([x, y], [u, v]) => [(x + u) / 2, (y + v) / 2];

const hundredth = (number) => Math.round(number * 100) / 100;

/** A sheet's strokes as the service takes them: x and y alone, in CSS pixels where `scale` says how many a unit has. */
export const asInk = (strokes, scale = 1) =>
    strokes.map((stroke) => stroke.points.map(([x, y]) => [hundredth(x * scale), hundredth(y * scale)]));

const pictures = new WeakMap();

const inkColour = () => getComputedStyle(document.documentElement).getPropertyValue("--ink");

/** A small picture of strokes, a new element each time; it is decoration, so name it where it stands. */
export const picture = (strokes) => drawn(strokes, inkColour());

/** The same, but one element for the same strokes, for where they are shown again and again. */
export function thumbnail(strokes) {
    const ink = inkColour();
    const known = pictures.get(strokes);
    if (known?.ink === ink) return known.picture;
    const made = drawn(strokes, ink);
    pictures.set(strokes, { ink, picture: made });
    return made;
}

function drawn(strokes, ink, side = 64) {
    const canvas = document.createElement("canvas");
    const dense = Math.min(devicePixelRatio || 1, 3);
    canvas.width = canvas.height = side * dense;
    canvas.className = "thumbnail";
    canvas.setAttribute("aria-hidden", "true");
    const points = strokes.flatMap((stroke) => stroke.points);
    if (!points.length) return canvas;
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const extent = Math.max(right - left, bottom - top, 60);
    const scale = (0.7 * canvas.width) / extent;
    const brush = canvas.getContext("2d");
    brush.fillStyle = ink;
    brush.translate(canvas.width / 2, canvas.height / 2);
    brush.scale(scale, scale);
    brush.translate(-(left + right) / 2, -(top + bottom) / 2);
    for (const stroke of strokes) brush.fill(outline(stroke, (0.09 * canvas.width) / scale));
    return canvas;
}
