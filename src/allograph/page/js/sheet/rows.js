// The geometry of a ruled sheet. Ink is kept in CSS pixels from the left edge and from the top of its row, as it was written; a
// narrower window shows it smaller, with the text below it as large as ever.

/** Of a row: how high the band for ink is, where in it the ruled line lies, and how high the band for its text is. */
export const BAND = 116;
export const BASELINE = 80;
export const TEXT = 46;

/** How far apart rows are where ink is shown at `zoom`. */
export const pitchAt = (zoom) => BAND * zoom + TEXT;

/** Left, top, right and bottom of points. */
export function boxOf(points) {
    const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (const [x, y] of points) {
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y);
    }
    return box;
}

/** The box of several strokes. */
export const boxOfAll = (strokes) => boxOf(strokes.flatMap(({ points }) => points));

const clamped = (row) => Math.max(0, row);
const distance = (box, { left, top, right, bottom }) =>
    Math.hypot(Math.max(0, left - box.right, box.left - right), Math.max(0, top - box.bottom, box.top - bottom));

/**
 * The row that points on the shown sheet belong to: where their middle lies. What lies between two rows (a tail, a comma, the dot
 * of an i) belongs to the nearer ink; `boxes` maps rows to the boxes of their strokes, on the shown sheet.
 */
export function rowOf(points, boxes, zoom) {
    const pitch = pitchAt(zoom);
    const middle = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
    const row = clamped(Math.floor(middle / pitch));
    const within = middle - row * pitch;
    const other = within > BAND * zoom ? row + 1 : within < 0.12 * BAND * zoom ? row - 1 : null;
    if (other === null || other < 0) return row;
    const box = boxOf(points);
    const nearest = (some) => Math.min(Infinity, ...(boxes.get(some) ?? []).map((one) => distance(box, one)));
    const near = 0.5 * BAND * zoom;
    return nearest(other) < Math.min(nearest(row), near) ? other : row;
}

const width = ({ left, right }) => right - left;
const shared = (one, other) => Math.min(one.right, other.right) - Math.max(one.left, other.left);

/**
 * Where in the order of writing a stroke belongs: at the end, unless it was added to what stands further left, as the dot of an i
 * or a letter that was left out; then after the stroke that it lies over, or by its place.
 */
export function placeOf(stroke, strokes) {
    const box = boxOf(stroke.points);
    const middle = (box.left + box.right) / 2;
    let place = strokes.length;
    const boxes = strokes.map(({ points }) => boxOf(points));
    if (!boxes.some(({ left }) => left > middle)) return place;
    let most = 0;
    boxes.forEach((other, i) => {
        const over = shared(box, other) / Math.max(4, Math.min(width(box), width(other)));
        if (over >= most && over > 0.3) [most, place] = [over, i + 1];
    });
    if (most) return place;
    const after = boxes.map(({ left, right }) => (left + right) / 2 < middle);
    return after.lastIndexOf(true) + 1;
}
