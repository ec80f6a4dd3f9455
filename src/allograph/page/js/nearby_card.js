// The switch for reading on this device, with what it fetches and how far that is.

import { tell } from "./announce.js";
import { make } from "./dom.js";
import { isOn, switchOff, switchOn } from "./nearby.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The card; one element for as long as the page is open, so that a download goes on while rooms change. */
export function nearbyCard() {
    const state = make("p", { class: "hush", role: "status" });
    const bar = make("progress", { hidden: true, max: 1, value: 0, "aria-label": "Fetched" });
    const input = make("input", { type: "checkbox", id: "read-here", checked: isOn(), onchange: change });

    async function change() {
        input.disabled = true;
        try {
            if (input.checked) await fetchAll();
            else await switchOff();
            state.textContent = input.checked ? "Characters are read here now." : "The service reads again.";
        } catch (error) {
            input.checked = isOn();
            state.textContent = "";
            tell(`It cannot be switched: ${error.message}.`);
        } finally {
            bar.hidden = true;
            input.disabled = false;
        }
    }

    async function fetchAll() {
        bar.hidden = false;
        await switchOn(({ loaded, total }) => {
            bar.value = total ? loaded / total : 0;
            state.textContent = `${megabytes(loaded)} of ${megabytes(total)}`;
        });
    }

    return make(
        "section",
        { class: "card", id: "on-device", "aria-labelledby": "on-device-title" },
        make("h2", { id: "on-device-title" }, "Reading on this device"),
        make("label", { class: "switch" }, input, make("span", {}, "Read my characters on this device, also without the service")),
        make(
            "p",
            { class: "hush" },
            "It fetches the program and the model once, and keeps them here with what is known of your hand until you switch it off. Lines are read by the service.",
        ),
        bar,
        state,
    );
}
