// What was done, to be undone and done again.

const KEPT = 200;

/** Steps `{ undo, redo }`, each a function; tells of "change". A step that fails stays where it is. */
export class History extends EventTarget {
    #done = [];
    #undone = [];
    #last = Promise.resolve();

    get canUndo() {
        return this.#done.length > 0;
    }

    get canRedo() {
        return this.#undone.length > 0;
    }

    /** Something was done; what was undone before cannot be done again. */
    push(step) {
        this.#done = [...this.#done, step].slice(-KEPT);
        this.#undone = [];
        this.#changed();
    }

    clear() {
        this.#done = [];
        this.#undone = [];
        this.#changed();
    }

    undo() {
        return this.#inTurn("undo");
    }

    redo() {
        return this.#inTurn("redo");
    }

    /** Steps go one after the other, however quickly they are asked for. */
    #inTurn(way) {
        const mine = this.#last.then(() => this.#move(way));
        this.#last = mine.catch(() => {});
        return mine;
    }

    async #move(way) {
        const step = (way === "undo" ? this.#done : this.#undone).at(-1);
        if (!step) return;
        try {
            await step[way]();
            if (way === "undo") [this.#done, this.#undone] = [this.#done.filter((one) => one !== step), [...this.#undone, step]];
            else [this.#undone, this.#done] = [this.#undone.filter((one) => one !== step), [...this.#done, step]];
        } finally {
            this.#changed();
        }
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}

/** Let Ctrl+Z (⌘Z) undo and Ctrl+Shift+Z or Ctrl+Y redo while `isOpen()`, but where text is typed. */
export function listenForUndo(history, isOpen) {
    addEventListener("keydown", (event) => {
        if (!(event.ctrlKey || event.metaKey) || event.altKey || !isOpen()) return;
        if (event.target.closest?.("input, textarea, dialog")) return;
        const key = event.key.toLowerCase();
        if (key === "z" && !event.shiftKey) history.undo();
        else if (key === "y" || (key === "z" && event.shiftKey)) history.redo();
        else return;
        event.preventDefault();
    });
}
