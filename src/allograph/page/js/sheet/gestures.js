// Strokes that change what is written instead of adding to it: scratching out, and writing over.

import { boxOf, boxOfAll } from "./rows.js";

/** A zigzag turns back at least so often: from side to side, or up and down, where m and w turn often too. */
const SIDEWAYS = 4;
const UPRIGHT = 6;
/** Each way of a zigzag is at least this share of its extent. */
const SWEEP = 0.5;
/** The share of a stroke's points that a zigzag covers to delete it. */
const COVERED = 0.65;
const MARGIN = 6;
/** After so many milliseconds a character is no longer being written. */
const DONE = 1500;
const OVER = 0.6;
const STRAIGHT = 1.35;

/** How often a coordinate turns back, counting only ways of at least `least`. */
function turns(values, least) {
    let [count, heading, extreme] = [0, 0, values[0]];
    for (const value of values) {
        const moved = value - extreme;
        if (heading === 0 ? Math.abs(moved) >= least : moved * heading < 0 && Math.abs(moved) >= least) {
            if (heading !== 0) count += 1;
            heading = Math.sign(moved);
            extreme = value;
        } else if (heading !== 0 && moved * heading > 0) extreme = value;
    }
    return count;
}

/** Whether the way of a pen is a zigzag. */
export function isZigzag(points) {
    const { left, top, right, bottom } = boxOf(points);
    const [width, height] = [right - left, bottom - top];
    if (Math.max(width, height) < 12) return false;
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    return turns(xs, Math.max(8, SWEEP * width)) >= SIDEWAYS || turns(ys, Math.max(8, SWEEP * height)) >= UPRIGHT;
}

/** The strokes that a stroke scratches out; none where it is no zigzag, or lies on free paper. */
export function scratchedOut(stroke, strokes) {
    if (!isZigzag(stroke.points)) return [];
    const { left, top, right, bottom } = boxOf(stroke.points);
    const isIn = ([x, y]) => x >= left - MARGIN && x <= right + MARGIN && y >= top - MARGIN && y <= bottom + MARGIN;
    return strokes.filter(({ points }) => points.filter(isIn).length >= COVERED * points.length);
}

const length = (points) => points.slice(1).reduce((sum, [x, y], i) => sum + Math.hypot(x - points[i][0], y - points[i][1]), 0);

/** A bar, a stem, or half of an x: it completes a character and replaces none. */
function isStraight(points) {
    const [[x, y], [u, v]] = [points[0], points[points.length - 1]];
    return length(points) <= STRAIGHT * Math.hypot(u - x, v - y);
}

/** Whether two spans, at least 6 wide, lie over one another and are of like width. */
function lieOver([from, to], [begin, end]) {
    const [one, other] = [Math.max(6, to - from), Math.max(6, end - begin)];
    const both = Math.min(to, end) - Math.max(from, begin);
    return both >= OVER * other && Math.min(one, other) >= OVER * Math.max(one, other);
}

/**
 * Which of some characters, { strokes }, a stroke is written over; null for none. It began at `stroke.began`, and each of theirs ended at
 * its `at`.
 */
export function writtenOver(stroke, characters) {
    if (isStraight(stroke.points)) return null;
    const box = boxOf(stroke.points);
    const found = characters.find(({ strokes }) => {
        if (!strokes.length || strokes.some(({ at }) => stroke.began - at < DONE)) return false;
        const old = boxOfAll(strokes);
        return lieOver([box.left, box.right], [old.left, old.right]) && lieOver([box.top, box.bottom], [old.top, old.bottom]);
    });
    return found ?? null;
}
