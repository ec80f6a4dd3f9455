// From strokes to an image in the `mnist` frame: the same arithmetic, and so the same image, as the service's.

import { inkExtent, inkPaths } from "./ink.js";
import { roundToEven } from "./rounding.js";

/** Pixels along each side of an image. */
export const SIDE = 28;
/** Pixels along the longer side of the ink, the pen's width included. */
const INK = 20;
/** Half the width of the pen, in pixels of the image. */
const RADIUS = 1;
/** Pixels from the middle of the pen's path that take ink; at its edge it fades over one pixel. */
const REACH = RADIUS + 0.5;
/** Pixels between the points of a path, at most. */
const STEP = 0.75;
/** Pixels along each side of the square that ink between two points can reach. */
const WINDOW = 5;
/** Pixels around the image that are drawn on and then cut off: the ink's mass may be so far from its middle, and stay whole. */
const MARGIN = 7;
/** Ink of overlapping steps is joined by the norm of order 2 to this power, nearly their maximum. */
const SHARPNESS = 4;
/** Ink that is no larger, in its own unit, is a dot. */
const TINY = 1e-9;
const WIDTH = SIDE + 2 * MARGIN;

/**
 * The image of one sample's strokes [[[x, y], …], …], y down, in any unit: Uint8Array(784), row by row, white on black.
 *
 * The longer side of the ink is 20 pixels; the ink is centred by its mass, to whole pixels, as far as it stays whole. Throws
 * `ImageError` where there is no point, one is not finite, or a stroke has another form.
 */
export function rasterize(strokes, name = "the ink") {
    const paths = inkPaths(strokes, name);
    const { left, top, right, bottom } = inkExtent(paths);
    const extent = Math.max(right - left, bottom - top);
    const scale = extent > TINY ? (INK - 2 * RADIUS) / extent : 0;
    const size = { x: (right - left) * scale, y: (bottom - top) * scale };
    const begin = { x: (WIDTH - size.x) / 2, y: (WIDTH - size.y) / 2 };
    const canvas = new Float64Array(WIDTH * WIDTH);
    let travelled = 0; // over all paths, as the service adds it up: lengths that are rounded otherwise may be a step longer
    for (const path of paths) {
        const xs = path.xs.map((x) => (x - left) * scale);
        const ys = path.ys.map((y) => (y - top) * scale);
        const lengths = pathLengths(xs, ys, travelled);
        travelled = lengths[lengths.length - 1];
        const points = steps(xs, ys, lengths);
        for (let i = 0; i < points.xs.length; i++) {
            points.xs[i] += begin.x;
            points.ys[i] += begin.y;
        }
        for (let i = 1; i < points.xs.length; i++) draw(canvas, points.xs[i - 1], points.ys[i - 1], points.xs[i], points.ys[i]);
    }
    for (let i = 0; i < canvas.length; i++) {
        let ink = canvas[i];
        for (let k = 0; k < SHARPNESS; k++) ink = Math.sqrt(ink);
        canvas[i] = Math.min(ink, 1);
    }
    return centreByMass(canvas, size.x + 2 * RADIUS, size.y + 2 * RADIUS);
}

/** How long the path is up to each of its points, from what was travelled before it. */
function pathLengths(xs, ys, travelled) {
    const lengths = new Float64Array(xs.length).fill(travelled);
    for (let i = 1; i < xs.length; i++) lengths[i] = lengths[i - 1] + Math.hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]);
    return lengths;
}

/** Points on a path at equal distances of at most `STEP`, at least two: { xs, ys }. */
function steps(xs, ys, lengths) {
    const along = lengths[lengths.length - 1] - lengths[0];
    const count = Math.max(Math.ceil(along / STEP), 1);
    const points = { xs: new Float64Array(count + 1), ys: new Float64Array(count + 1) };
    for (let step = 0, last = 0; step <= count; step++) {
        const wanted = lengths[0] + along * (step / count);
        while (last + 1 < xs.length && lengths[last + 1] <= wanted) last++;
        const next = Math.min(last + 1, xs.length - 1);
        const gap = lengths[next] - lengths[last];
        for (const [axis, from] of [
            ["xs", xs],
            ["ys", ys],
        ]) {
            points[axis][step] =
                gap > 0 ? ((from[next] - from[last]) / gap) * (wanted - lengths[last]) + from[last] : from[last];
        }
    }
    return points;
}

/** Add the ink between two points, to the power of the norm, to the canvas; in single precision, as the service does. */
function draw(canvas, x, y, toX, toY) {
    const towardsX = Math.fround(toX - x);
    const towardsY = Math.fround(toY - y);
    const left = Math.ceil(Math.min(x, toX) - REACH - 0.5);
    const top = Math.ceil(Math.min(y, toY) - REACH - 0.5);
    const acrossX = Math.fround(left + 0.5 - x);
    const acrossY = Math.fround(top + 0.5 - y);
    const square = Math.fround(Math.fround(towardsX * towardsX) + Math.fround(towardsY * towardsY));
    const length = Math.max(square, Math.fround(1e-12));
    const unitX = Math.fround(towardsX / length);
    const unitY = Math.fround(towardsY / length);
    for (let row = 0; row < WINDOW; row++) {
        const dy = Math.fround(acrossY + row);
        for (let column = 0; column < WINDOW; column++) {
            const dx = Math.fround(acrossX + column);
            const along = Math.fround(Math.fround(dx * unitX) + Math.fround(dy * unitY));
            const share = Math.min(Math.max(along, 0), 1);
            const awayX = Math.fround(dx - Math.fround(share * towardsX));
            const awayY = Math.fround(dy - Math.fround(share * towardsY));
            const away = Math.fround(Math.sqrt(awayX * awayX + awayY * awayY));
            let ink = Math.min(Math.max(Math.fround(REACH - away), 0), 1);
            for (let k = 0; k < SHARPNESS; k++) ink = Math.fround(ink * ink);
            canvas[(top + row) * WIDTH + left + column] += ink;
        }
    }
}

/** The image whose middle is where the ink's mass is, by whole pixels; the ink, of this width and height, is never cut off. */
function centreByMass(canvas, inkWidth, inkHeight) {
    let [mass, massX, massY] = [0, 0, 0];
    for (let y = 0; y < WIDTH; y++) {
        for (let x = 0; x < WIDTH; x++) {
            const ink = canvas[y * WIDTH + x];
            mass += ink;
            massX += ink * (x + 0.5);
            massY += ink * (y + 0.5);
        }
    }
    const corner = (centre, half) => {
        const wanted = roundToEven(centre - SIDE / 2);
        return Math.min(Math.max(wanted, Math.ceil(WIDTH / 2 + half - SIDE)), Math.floor(WIDTH / 2 - half));
    };
    const left = corner(massX / mass, inkWidth / 2);
    const top = corner(massY / mass, inkHeight / 2);
    const image = new Uint8Array(SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) image[y * SIDE + x] = roundToEven(canvas[(top + y) * WIDTH + left + x] * 255);
    }
    return image;
}
