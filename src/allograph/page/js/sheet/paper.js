// The paper: a ruled sheet that scrolls. Mouse, touch, pen and the keyboard's arrows write on it; two canvases as large as what is
// seen show the ink, one what is settled, one the stroke that is being written.

import { outline } from "../ink.js";
import { isAllowed, pens } from "../pen_only.js";
import { BAND, BASELINE, boxOfAll, pitchAt } from "./rows.js";

const NIB = 3.6;
const STEP = 12;
const FINE = 3;
const MARGIN = 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** Rows of a sheet that nobody wrote on. */
const LEAST_ROWS = 4;

const tenth = (number) => Math.round(number * 10) / 10;

/**
 * Tells of "down" when a stroke begins, of "stroke" when it ends, with { points, pen, began, at } in CSS pixels on the page, of
 * "laid" when its size changed, and of "enter" and "backspace", typed on it.
 */
export class Paper extends EventTarget {
    zoom = 1;
    #frame;
    #page;
    #ink;
    #wet;
    #width = 0;
    #lines = [];
    #stroke = null;
    #pointer = null;
    #fingers = new Map();
    #cursor = null;
    #paths = new WeakMap();
    #asked = new Set();

    /** `frame` scrolls `page`, on which the canvases `ink` and `wet` lie. */
    constructor(frame, page, ink, wet) {
        super();
        [this.#frame, this.#page, this.#ink, this.#wet] = [frame, page, ink, wet];
        wet.addEventListener("pointerdown", (event) => this.#down(event));
        wet.addEventListener("pointermove", (event) => this.#move(event));
        wet.addEventListener("pointerup", (event) => this.#up(event));
        wet.addEventListener("pointercancel", (event) => this.#cancel(event));
        wet.addEventListener("keydown", (event) => this.#key(event));
        wet.addEventListener("blur", () => this.#leave());
        frame.addEventListener("scroll", () => this.draw(), { passive: true });
        pens.addEventListener("pen", () => this.#penCame());
        pens.addEventListener("change", () => this.#penCame());
        new ResizeObserver(() => this.lay()).observe(frame);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
        matchMedia("(forced-colors: active)").addEventListener("change", () => this.draw());
        this.#penCame();
    }

    /** Show these lines. */
    show(lines) {
        this.#lines = lines;
        this.lay();
    }

    /** Whether a stroke is being written. */
    get isWriting() {
        return this.#stroke !== null;
    }

    focus() {
        this.#wet.focus({ preventScroll: true });
    }

    /** Bring a row to sight. */
    reveal(row) {
        const pitch = pitchAt(this.zoom);
        const { scrollTop, clientHeight } = this.#frame;
        const [top, bottom] = [row * pitch, (row + 1) * pitch];
        if (top < scrollTop) this.#frame.scrollTop = top;
        else if (bottom > scrollTop + clientHeight) this.#frame.scrollTop = bottom - clientHeight;
    }

    /** Scroll by rows. */
    scroll(rows) {
        this.#frame.scrollTop += rows * pitchAt(this.zoom);
    }

    /** Give the page its zoom and height: all ink is seen, and a free row follows the last. */
    lay() {
        const { clientWidth: width, clientHeight: height } = this.#frame;
        if (!width) return;
        const right = Math.max(0, ...this.#lines.map((line) => (line.strokes.length ? rightOf(line) : 0)));
        const before = `${this.zoom} ${this.#width}`;
        this.#width = width;
        this.zoom = Math.min(1, width / (right + MARGIN));
        const pitch = pitchAt(this.zoom);
        const last = Math.max(-1, ...this.#lines.filter(({ strokes }) => strokes.length).map(({ row }) => row));
        const rows = Math.max(LEAST_ROWS, last + 2 + Math.floor(height / pitch / 2));
        this.#page.style.setProperty("--pitch", `${pitch}px`);
        this.#page.style.setProperty("--baseline", `${BASELINE * this.zoom}px`);
        this.#page.style.setProperty("--band", `${BAND * this.zoom}px`);
        this.#page.style.blockSize = `${Math.max(rows * pitch, height)}px`;
        this.#page.style.setProperty("--frame-height", `${height}px`);
        for (const canvas of [this.#ink, this.#wet]) {
            canvas.style.blockSize = `${height}px`;
            const dense = devicePixelRatio || 1;
            const [wide, high] = [Math.round(width * dense), Math.round(height * dense)];
            if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
        }
        if (before !== `${this.zoom} ${width}`) this.dispatchEvent(new Event("laid"));
        this.draw();
        this.#drawWet();
    }

    /** Draw what is settled, with the next frame. */
    draw() {
        this.#later("ink", () => this.#paint());
    }

    #drawWet() {
        this.#later("wet", () => this.#paintWet());
    }

    #later(what, paint) {
        if (this.#asked.has(what)) return;
        this.#asked.add(what);
        requestAnimationFrame(() => {
            this.#asked.delete(what);
            paint();
        });
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    #begin(point, pen) {
        this.#stroke = { points: [point], pen, began: Date.now() };
        this.#tell("down");
        this.#drawWet();
    }

    #end() {
        const stroke = { ...this.#stroke, at: Date.now() };
        this.#stroke = null;
        this.#tell("stroke", stroke);
        this.#drawWet();
    }

    #down(event) {
        if (event.pointerType === "touch") this.#fingers.set(event.pointerId, event.clientY);
        if (this.#fingers.size > 1) return this.#giveUp();
        if (this.#pointer !== null || event.button !== 0 || !isAllowed(event)) return;
        event.preventDefault();
        this.#wet.dataset.by = "pointer";
        this.#wet.setPointerCapture(event.pointerId);
        if (this.#stroke) this.#end();
        this.#cursor = null;
        this.#pointer = event.pointerId;
        this.focus();
        this.#begin(this.#point(event), event.pointerType === "pen");
    }

    #move(event) {
        if (this.#fingers.size > 1) return this.#pan(event);
        if (event.pointerId !== this.#pointer) return;
        const together = event.getCoalescedEvents?.() ?? [];
        for (const moved of together.length ? together : [event]) this.#stroke.points.push(this.#point(moved));
        this.#drawWet();
    }

    #up(event) {
        this.#fingers.delete(event.pointerId);
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = null;
        if (this.#stroke) this.#end();
    }

    /** The browser took a pointer away: a finger that scrolls; what a pen or a mouse wrote until then stays. */
    #cancel(event) {
        if (event.pointerId === this.#pointer && event.pointerType === "touch") this.#giveUp();
        this.#up(event);
    }

    /** Two fingers scroll. */
    #pan(event) {
        const before = this.#fingers.get(event.pointerId);
        if (before === undefined) return;
        this.#fingers.set(event.pointerId, event.clientY);
        this.#frame.scrollTop -= (event.clientY - before) / this.#fingers.size;
    }

    /** What is being written was not meant. */
    #giveUp() {
        this.#pointer = null;
        this.#stroke = null;
        this.#drawWet();
    }

    /** A pen came: what the hand that holds it wrote was not meant, and from now on fingers scroll. */
    #penCame() {
        const fingersWrite = isAllowed({ pointerType: "touch" });
        this.#wet.style.touchAction = fingersWrite ? "none" : "pan-y";
        if (!fingersWrite && this.#pointer !== null && !this.#stroke?.pen) this.#giveUp();
    }

    #point(event) {
        const { left, top } = this.#page.getBoundingClientRect();
        const pressure = event.pointerType === "pen" ? event.pressure : 0.5;
        return [tenth(event.clientX - left), tenth(event.clientY - top), pressure];
    }

    #key(event) {
        if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key in ARROWS) this.#steer(ARROWS[event.key], event.shiftKey ? FINE : STEP);
        else if (event.key === " ") this.#press();
        else if (event.key === "Enter") this.#tell("enter", this.#row());
        else if (event.key === "Backspace") this.#tell("backspace");
        else return;
        this.#wet.dataset.by = "keys";
        event.preventDefault();
    }

    /** The row that the keyboard's pen is in, or the last that is written on. */
    #row() {
        if (this.#cursor) return Math.floor(this.#cursor[1] / pitchAt(this.zoom));
        return Math.max(0, ...this.#lines.filter(({ strokes }) => strokes.length).map(({ row }) => row));
    }

    /** Where the keyboard's pen begins: behind what the last row holds. */
    #start() {
        const row = this.#row();
        const line = this.#lines.find((one) => one.row === row && one.strokes.length);
        const x = line ? rightOf(line) * this.zoom + STEP : MARGIN;
        return [Math.min(x, this.#frame.clientWidth - MARGIN), row * pitchAt(this.zoom) + 0.35 * BAND * this.zoom];
    }

    #steer([x, y], step) {
        const [u, v] = this.#cursor ?? this.#start();
        const within = (number, end) => Math.min(Math.max(number, 4), end - 4);
        this.#cursor = [within(u + x * step, this.#page.clientWidth), within(v + y * step, this.#page.clientHeight)];
        this.reveal(Math.floor(this.#cursor[1] / pitchAt(this.zoom)));
        if (this.#stroke) this.#stroke.points.push([...this.#cursor, 0.5]);
        this.#drawWet();
    }

    /** Space puts the keyboard's pen down, and lifts it. */
    #press() {
        if (this.#pointer !== null) return;
        this.#cursor ??= this.#start();
        if (this.#stroke) this.#end();
        else this.#begin([...this.#cursor, 0.5], false);
    }

    #leave() {
        delete this.#wet.dataset.by;
        this.#cursor = null;
        if (this.#stroke && this.#pointer === null) this.#end();
        this.#drawWet();
    }

    /** A brush that draws a row, or the whole page, on a canvas. */
    #brush(canvas, row, zoom) {
        const dense = devicePixelRatio || 1;
        const brush = canvas.getContext("2d");
        const top = row * pitchAt(this.zoom) - this.#frame.scrollTop;
        brush.setTransform(dense * zoom, 0, 0, dense * zoom, 0, dense * top);
        brush.fillStyle = getComputedStyle(canvas).color;
        return brush;
    }

    #clear(canvas) {
        const brush = canvas.getContext("2d");
        brush.setTransform(1, 0, 0, 1, 0, 0);
        brush.clearRect(0, 0, canvas.width, canvas.height);
    }

    #paint() {
        this.#clear(this.#ink);
        const pitch = pitchAt(this.zoom);
        const { scrollTop, clientHeight } = this.#frame;
        for (const { row, strokes } of this.#lines) {
            if ((row + 2) * pitch < scrollTop || (row - 1) * pitch > scrollTop + clientHeight) continue;
            this.#brush(this.#ink, row, this.zoom).fill(this.#pathOf(strokes));
        }
        if (this.#cursor || this.#stroke) this.#drawWet();
    }

    /** All strokes of a line as one path, which is drawn at once; each stroke's outline is made once. */
    #pathOf(strokes) {
        if (this.#paths.has(strokes)) return this.#paths.get(strokes);
        const path = new Path2D();
        for (const stroke of strokes) {
            if (!this.#paths.has(stroke)) this.#paths.set(stroke, outline(stroke, NIB));
            path.addPath(this.#paths.get(stroke));
        }
        this.#paths.set(strokes, path);
        return path;
    }

    #paintWet() {
        this.#clear(this.#wet);
        if (!this.#stroke && !this.#cursor) return;
        const brush = this.#brush(this.#wet, 0, 1);
        if (this.#stroke) brush.fill(outline(this.#stroke, NIB * this.zoom));
        if (this.#cursor) this.#cross(brush);
    }

    #cross(brush) {
        const [x, y] = this.#cursor;
        brush.strokeStyle = getComputedStyle(this.#wet).getPropertyValue("--accent") || brush.fillStyle;
        brush.lineWidth = 2;
        brush.beginPath();
        brush.arc(x, y, 8, 0, 2 * Math.PI);
        for (const [u, v] of [
            [14, 0],
            [0, 14],
        ]) {
            brush.moveTo(x - u, y - v);
            brush.lineTo(x + u, y + v);
        }
        brush.stroke();
    }
}

const rights = new WeakMap();

/** How far to the right a line's ink goes; kept by its strokes, which never change in place. */
function rightOf({ strokes }) {
    if (!rights.has(strokes)) rights.set(strokes, boxOfAll(strokes).right);
    return rights.get(strokes);
}
