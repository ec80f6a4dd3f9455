// A sheet to write on: mouse, touch, pen, and the keyboard's arrows.

import { outline, SPAN } from "./ink.js";
import { isAllowed, isPenOnly, pens } from "./pen_only.js";

const STEP = 40;
const FINE = 10;
const PALM = 1000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Tells of "down" before a stroke begins (so that the sheet can be changed under it), "lift" when it ends, and of what the keyboard
 * says while the sheet has the focus: "enter", "backspace", "escape", and "label" with the character typed.
 */
export class Pad extends EventTarget {
    strokes = [];
    #canvas;
    #nib;
    #stroke = null;
    #pointer = null;
    #cursor = null;
    #paths = new WeakMap();
    #asked = false;

    constructor(canvas, nib = 34) {
        super();
        this.#canvas = canvas;
        this.#nib = nib;
        canvas.addEventListener("pointerdown", (event) => this.#down(event));
        canvas.addEventListener("pointermove", (event) => this.#move(event));
        canvas.addEventListener("pointerup", (event) => this.#up(event));
        canvas.addEventListener("pointercancel", (event) => this.#up(event));
        canvas.addEventListener("touchstart", (event) => this.#hold(event), { passive: false });
        pens.addEventListener("pen", () => this.#dropPalm());
        pens.addEventListener("change", () => this.#letScroll());
        addEventListener("pagehide", () => this.#leave());
        canvas.addEventListener("keydown", (event) => this.#key(event));
        canvas.addEventListener("blur", () => this.#leave());
        this.#letScroll();
        new ResizeObserver(() => this.draw()).observe(canvas);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    }

    /** Show these strokes instead. */
    show(strokes) {
        this.strokes = strokes;
        this.draw();
    }

    /** Whether a stroke is being drawn. */
    get drawing() {
        return this.#stroke !== null;
    }

    /** How large the sheet is, for as long as it is not resized: CSS pixels in a unit, and those above its ruled line, if any. */
    get measure() {
        const line = parseFloat(getComputedStyle(this.#canvas).getPropertyValue("--baseline"));
        const { width, height } = this.#canvas.getBoundingClientRect();
        return { scale: width / SPAN, baseline: Number.isNaN(line) ? null : (height * line) / 100 };
    }

    focus() {
        this.#canvas.focus({ preventScroll: true });
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    /** Where only the pen draws, fingers move the page. */
    #letScroll() {
        this.#canvas.style.touchAction = isPenOnly() ? "pan-x pan-y" : "none";
    }

    #hold(event) {
        const touches = [...event.changedTouches];
        if (!isPenOnly() || touches.some(({ touchType }) => touchType === "stylus")) event.preventDefault();
    }

    /** A pen comes: what the hand beside it drew was its palm. */
    #dropPalm() {
        if (this.#stroke?.by === "touch") {
            this.#stroke = this.#pointer = null;
            this.draw();
        }
        const palms = this.strokes.filter(({ by, at }) => by === "touch" && performance.now() - at < PALM);
        if (palms.length) this.show(this.strokes.filter((stroke) => !palms.includes(stroke)));
    }

    #begin(point, by) {
        this.#tell("down");
        this.#stroke = { points: [point], pen: by === "pen", by, at: performance.now() };
        this.draw();
    }

    #end() {
        const stroke = this.#stroke;
        this.#stroke = null;
        this.strokes = [...this.strokes, stroke];
        this.#tell("lift");
        this.draw();
    }

    #down(event) {
        if (this.#pointer !== null || event.button !== 0 || !isAllowed(event)) return;
        event.preventDefault();
        this.#canvas.dataset.by = "pointer";
        this.#cursor = null;
        this.#pointer = event.pointerId;
        this.#canvas.setPointerCapture(event.pointerId);
        if (this.#stroke) this.#end();
        this.focus();
        this.#begin(this.#point(event), event.pointerType);
    }

    #move(event) {
        if (event.pointerId !== this.#pointer) return;
        const together = event.getCoalescedEvents?.() ?? [];
        for (const moved of together.length ? together : [event]) this.#stroke.points.push(this.#point(moved));
        this.draw();
    }

    #up(event) {
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = null;
        this.#end();
    }

    #point(event) {
        const box = this.#canvas.getBoundingClientRect();
        const scale = SPAN / box.width;
        const tenth = (number) => Math.round(number * 10) / 10;
        return [
            tenth((event.clientX - box.left) * scale),
            tenth((event.clientY - box.top) * scale),
            event.pointerType === "pen" ? event.pressure : 0.5,
        ];
    }

    #key(event) {
        this.#canvas.dataset.by = "keys";
        if (event.isComposing || ((event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph")))
            return;
        if (event.key in ARROWS) this.#steer(ARROWS[event.key], event.shiftKey ? FINE : STEP);
        else if (event.key === " ") this.#press();
        else if (["Enter", "Backspace", "Escape"].includes(event.key)) this.#tell(event.key.toLowerCase());
        else if ([...event.key].length === 1) this.#tell("label", event.key);
        else return;
        event.preventDefault();
    }

    /** Move the pen by the arrows; it draws while it is down. */
    #steer([x, y], step) {
        const [u, v] = this.#cursor ?? this.#middle;
        const within = (number, end) => Math.min(Math.max(number, 20), end - 20);
        this.#cursor = [within(u + x * step, SPAN), within(v + y * step, this.#height)];
        if (this.#stroke) this.#stroke.points.push([...this.#cursor, 0.5]);
        this.draw();
    }

    get #height() {
        return (SPAN * this.#canvas.clientHeight) / this.#canvas.clientWidth;
    }

    get #middle() {
        return [SPAN / 2, this.#height / 2];
    }

    /** Space puts the keyboard's pen down, and lifts it. */
    #press() {
        if (this.#pointer !== null) return;
        this.#cursor ??= this.#middle;
        if (this.#stroke) this.#end();
        else this.#begin([...this.#cursor, 0.5], "keys");
    }

    /** The sheet loses the focus, or the page is closed: a stroke that was begun ends here. */
    #leave() {
        delete this.#canvas.dataset.by;
        this.#cursor = null;
        if (this.#stroke && (this.#pointer === null || document.visibilityState === "hidden")) {
            this.#pointer = null;
            this.#end();
        }
        this.draw();
    }

    /** Draw with the next frame. */
    draw() {
        if (this.#asked) return;
        this.#asked = true;
        requestAnimationFrame(() => {
            this.#asked = false;
            this.#paint();
        });
    }

    #paint() {
        const canvas = this.#canvas;
        const dense = devicePixelRatio || 1;
        const [width, height] = [Math.round(canvas.clientWidth * dense), Math.round(canvas.clientHeight * dense)];
        if (!width) return;
        if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
        const brush = canvas.getContext("2d");
        const look = getComputedStyle(canvas);
        brush.setTransform(1, 0, 0, 1, 0, 0);
        brush.clearRect(0, 0, width, height);
        brush.scale(width / SPAN, width / SPAN);
        brush.fillStyle = look.color;
        for (const stroke of this.strokes) {
            if (!this.#paths.has(stroke)) this.#paths.set(stroke, outline(stroke, this.#nib));
            brush.fill(this.#paths.get(stroke));
        }
        if (this.#stroke) brush.fill(outline(this.#stroke, this.#nib));
        if (this.#cursor) this.#cross(brush, look.getPropertyValue("--accent"));
    }

    #cross(brush, colour) {
        const [x, y] = this.#cursor;
        brush.strokeStyle = colour;
        brush.lineWidth = 6;
        brush.beginPath();
        brush.arc(x, y, 26, 0, 2 * Math.PI);
        brush.moveTo(x - 44, y);
        brush.lineTo(x + 44, y);
        brush.moveTo(x, y - 44);
        brush.lineTo(x, y + 44);
        brush.stroke();
    }
}
