// What this browser remembers beside the ink: who writes here, and how.

const PLACE = "allograph";

const remembered = read();

function read() {
    try {
        return JSON.parse(localStorage.getItem(PLACE)) ?? {};
    } catch {
        return {};
    }
}

/** The value under a name, or `otherwise`. */
export const recall = (name, otherwise) => remembered[name] ?? otherwise;

/** Keep a value; `undefined` forgets it. */
export function remember(name, value) {
    if (value === undefined) delete remembered[name];
    else remembered[name] = value;
    try {
        localStorage.setItem(PLACE, JSON.stringify(remembered));
    } catch {
        // a browser that stores nothing still works until it is closed
    }
}
