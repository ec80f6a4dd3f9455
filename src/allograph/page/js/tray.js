// The characters written last, each with what it reads.

import { byId, fill, make } from "./dom.js";
import { isSettled, labelOf } from "./drawing.js";
import { thumbnail } from "./ink.js";
import { nameOf } from "./labels.js";

const STATES = { corrected: "you corrected it", accepted: "left standing", read: "not confirmed yet", open: "not read yet" };

/** Show drawings, the newest first; `select(drawing)` opens one. */
export function showTray(drawings, selected, select) {
    byId("recent").hidden = drawings.length === 0;
    fill(
        byId("recent-list"),
        [...drawings].reverse().map((drawing) => {
            const label = labelOf(drawing);
            const state = drawing.waits ? "kept, not sent yet" : drawing.doubtful ? "is it really?" : STATES[drawing.status];
            return make(
                "li",
                {},
                make(
                    "button",
                    {
                        type: "button",
                        class: `written ${isSettled(drawing) ? drawing.status : "unsettled"}`,
                        "aria-label": `${label === null ? "not read yet" : nameOf(label)}, ${state}`,
                        "aria-current": drawing === selected ? "true" : undefined,
                        onclick: () => select(drawing),
                    },
                    thumbnail(drawing.strokes),
                    make("span", { class: "glyph" }, label ?? "…"),
                ),
            );
        }),
    );
}
