// Strokes of a pen, checked: [[[x, y], …], …], y down, in any unit.

import { ImageError } from "./errors.js";

/** The largest coordinate that is drawn. */
const FARTHEST = 1e9;

/**
 * The strokes that have points, each { xs, ys } (Float64Array).
 *
 * Throws `ImageError`, naming the ink by `name`, when there is no point, one is not finite, or a stroke has another form.
 */
export function inkPaths(strokes, name = "the ink") {
    if (typeof strokes !== "object" || typeof strokes?.[Symbol.iterator] !== "function") {
        const kind = strokes === null ? "null" : typeof strokes;
        throw new ImageError(`${name} is a list of strokes, each a list of [x, y] pairs; this is ${kind}`);
    }
    const paths = Array.from(strokes, (stroke) => pathOf(stroke, name)).filter((path) => path.xs.length);
    if (!paths.length) throw new ImageError(`${name} is empty: it has no points`);
    return paths;
}

/** The edges of the points of paths, as they are without the pen's width: { left, top, right, bottom }. */
export function inkExtent(paths) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { xs, ys } of paths) {
        for (let i = 0; i < xs.length; i++) {
            left = Math.min(left, xs[i]);
            right = Math.max(right, xs[i]);
            top = Math.min(top, ys[i]);
            bottom = Math.max(bottom, ys[i]);
        }
    }
    return { left, top, right, bottom };
}

function pathOf(stroke, name) {
    const isList = (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
    if (!isList(stroke)) throw new ImageError(`${name}: a stroke is a list of [x, y] pairs of numbers`);
    const xs = new Float64Array(stroke.length);
    const ys = new Float64Array(stroke.length);
    for (let i = 0; i < stroke.length; i++) {
        const point = stroke[i];
        if (!isList(point) || point.length !== 2) throw new ImageError(`${name}: ${formOf(stroke, isList)}`);
        const [x, y] = point;
        if (typeof x !== "number" || typeof y !== "number")
            throw new ImageError(`${name}: a stroke is a list of [x, y] pairs of numbers`);
        if (!Number.isFinite(x) || !Number.isFinite(y)) throw new ImageError(`${name}: a point is not finite`);
        if (Math.abs(x) > FARTHEST || Math.abs(y) > FARTHEST) {
            throw new ImageError(`${name}: a point lies beyond ${FARTHEST}; scale the ink down`);
        }
        xs[i] = x;
        ys[i] = y;
    }
    return { xs, ys };
}

function formOf(stroke, isList) {
    const columns = stroke.length <= 3 && Array.from(stroke).every((one) => isList(one) && one.length > 3);
    const advice = columns ? ". It looks like columns, [xs, ys]: pass its points" : "";
    return `a stroke is a list of points, each [x, y]; this one has another form${advice}`;
}
