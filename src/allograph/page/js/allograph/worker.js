// The worker in which the page reads on this device. It takes { number, call, values }, one after the other, and answers
// { number, value } or { number, error }; while it starts also { number, progress }.

import * as reading from "../on_device/reading.js";

const CALLS = ["start", "stop", "read", "learn", "undo", "refresh", "forget"];

let last = Promise.resolve();

async function answer({ number, call, values }) {
    try {
        if (!CALLS.includes(call)) throw new TypeError(`there is no call ${call}`);
        const given = call === "start" ? [(progress) => postMessage({ number, progress })] : values;
        postMessage({ number, value: await reading[call](...given) });
    } catch (error) {
        postMessage({ number, error: { name: error.name, message: error.message } });
    }
}

addEventListener("message", ({ data }) => {
    // a refresh waits for the network, and nothing else waits for it
    if (data.call === "refresh") answer(data);
    else last = last.then(() => answer(data));
});
