// Elements from words. Text is always text: a label such as "<" never becomes markup.

/** An element of the page, by its id. */
export const byId = (id) => document.getElementById(id);

/** `make("button", { class: "quiet", onclick: undo }, "Undo")`: names with a dash, `class` and `role` are attributes. */
export function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined || value === null) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (name === "class") element.className = value;
        else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
        else element[name] = value;
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

/** Put children in place of what an element holds. */
export function fill(element, ...children) {
    element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

/** A picture from the sprite in index.html. */
export function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    const use = document.createElementNS(space, "use");
    picture.setAttribute("class", "icon");
    picture.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#icon-${name}`);
    picture.append(use);
    return picture;
}

/** "1 sample", "2 samples". */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** "83 %"; a share that is known, but not quite all or nothing, never rounds to it. */
export function percent(share) {
    const rounded = Math.round(100 * share);
    if (rounded === 100 && share < 1) return "99 %";
    if (rounded === 0 && share > 0) return "1 %";
    return `${rounded} %`;
}
