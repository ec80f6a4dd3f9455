// Who has a pen rests the hand on the sheet: from the first pen on, fingers and palms do not draw unless the person says so.

import { recall, remember } from "./device.js";

/** Tells of "pen" when a pen touches down, before anything is drawn; and of "change" when it is settled anew who may draw. */
export const pens = new EventTarget();

/** Whether a pen was ever used on this device. */
export const wasPenSeen = () => recall("penSeen", false);

/** Whether only the pen draws. */
export const isPenOnly = () => recall("penOnly", wasPenSeen());

export function setPenOnly(only) {
    remember("penOnly", only);
    pens.dispatchEvent(new Event("change"));
}

/** Whether a pointer may draw. */
export const isAllowed = ({ pointerType }) => pointerType !== "touch" || !isPenOnly();

addEventListener(
    "pointerdown",
    ({ pointerType }) => {
        if (pointerType !== "pen") return;
        if (!wasPenSeen()) {
            remember("penSeen", true);
            pens.dispatchEvent(new Event("change"));
        }
        pens.dispatchEvent(new Event("pen"));
    },
    { capture: true },
);
