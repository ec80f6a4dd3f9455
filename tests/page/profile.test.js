// What was taught on the device: learned at once, taken back exactly, carried away and brought back.

import assert from "node:assert/strict";
import test from "node:test";
import { Profile } from "../../src/allograph/page/js/allograph/profile.js";
import { Reader } from "../../src/allograph/page/js/allograph/reader.js";
import { readTensors, writeTensors } from "../../src/allograph/page/js/allograph/safetensors.js";
import { inks, ort, shipped } from "./shipped.js";

const reader = await Reader.open(shipped, ort);
const model = reader.bundle.modelHash;
const labels = Object.keys(inks);
const samples = await Promise.all(
    labels.map((label) => reader.samplesOf([{ ink: inks[label], device: "sheet", baseline: 75 }])),
);
const taught = labels.map((label, i) => ({ id: `c${i}`, label, sample: samples[i] }));
const bytes = (profile) => Buffer.from(profile.state.toBytes(reader.adapter));

/** A profile that learned these corrections, one by one. */
function profileOf(corrections, from = null) {
    const profile = new Profile(reader.adapter, from);
    for (const one of corrections) profile.learn([one]);
    return profile;
}

test("a correction is known at the next reading", () => {
    const profile = new Profile(reader.adapter);
    const place = labels.indexOf("g");
    assert.equal(reader.read(profile, samples[place])[0].label, "9");
    profile.learn([taught[place]]);
    assert.equal(reader.read(profile, samples[place])[0].label, "g");
});

test("what is taken back leaves nothing, wherever it stood", () => {
    const all = [...taught.slice(0, 40)];
    const profile = profileOf(all);
    for (const place of [39, 0, 17, 16, 31]) {
        profile.undo(all[place].id);
        all[place] = null;
        assert.deepEqual(bytes(profile), bytes(profileOf(all.filter(Boolean))));
    }
    assert.throws(() => profile.undo("c39"), { name: "InputError", message: /taken back before/ });
    profile.clear();
    assert.deepEqual(bytes(profile), bytes(new Profile(reader.adapter)));
    assert.deepEqual(profile.corrections, []);
});

test("a batch loses one correction and keeps the others", () => {
    const profile = new Profile(reader.adapter);
    profile.learn(taught.slice(0, 3));
    profile.learn(taught.slice(3, 5));
    profile.undo("c1");
    const other = new Profile(reader.adapter);
    other.learn([taught[0], taught[2]]);
    other.learn(taught.slice(3, 5));
    assert.deepEqual(bytes(profile), bytes(other));
});

test("the same again changes nothing, another label replaces", () => {
    const profile = profileOf(taught.slice(0, 3));
    const { revision } = profile;
    profile.learn([taught[1]]);
    assert.equal(profile.revision, revision);
    profile.learn([{ ...taught[1], label: "?" }]);
    assert.deepEqual(
        profile.corrections.map(({ id }) => id),
        ["c0", "c2", "c1"],
    );
    assert.deepEqual(bytes(profile), bytes(profileOf([taught[0], taught[2], { ...taught[1], label: "?" }])));
});

test("a profile is carried away and brought back, journal and all", () => {
    const start = profileOf(taught.slice(20, 30)).state;
    const profile = profileOf(taught.slice(0, 6), start);
    profile.learn(taught.slice(6, 9));
    const back = Profile.fromBytes(profile.toBytes(model), reader.adapter, model);
    assert.deepEqual(bytes(back), bytes(profile));
    assert.deepEqual(back.corrections, profile.corrections);
    for (const one of [profile, back]) one.undo("c7");
    assert.deepEqual(bytes(back), bytes(profile));
    assert.throws(() => back.undo("c25"), { name: "InputError" });
    const empty = Profile.fromBytes(new Profile(reader.adapter).toBytes(model), reader.adapter, model);
    assert.deepEqual(empty.corrections, []);
});

test("a state of the service is a profile without a journal", () => {
    const profile = profileOf(taught.slice(0, 5));
    const back = Profile.fromBytes(profile.state.toBytes(reader.adapter), reader.adapter, model);
    assert.deepEqual(bytes(back), bytes(profile));
    assert.deepEqual(back.corrections, []);
});

test("what is no profile, or of another model, is told", () => {
    const whole = profileOf(taught.slice(0, 3)).toBytes(model);
    const read = (blob, hash = model) => Profile.fromBytes(blob, reader.adapter, hash);
    assert.throws(() => read(whole, "other"), { name: "MismatchError", message: /another model/ });
    assert.throws(() => read(whole.subarray(0, whole.length - 1)), { name: "FormatError" });
    assert.throws(() => read(new TextEncoder().encode("nothing of the kind")), { name: "FormatError" });
    const { tensors, metadata } = readTensors(whole);
    const record = JSON.parse(metadata["allograph-profile"]);
    const spoiled = (change, kept = tensors) =>
        writeTensors(kept, { "allograph-profile": JSON.stringify({ ...record, ...change }) });
    assert.throws(() => read(spoiled({ format: 2 })), { name: "MismatchError", message: /format 2/ });
    assert.throws(() => read(spoiled({ ids: ["c0"] })), { name: "FormatError" });
    assert.throws(() => read(spoiled({ ids: ["c0", "c0", "c1"] })), { name: "FormatError" });
    assert.throws(() => read(spoiled({ batches: [4] })), { name: "FormatError" });
    const { logits, ...others } = tensors;
    assert.throws(() => read(spoiled({}, others)), { name: "FormatError", message: /lacks/ });
    assert.throws(() => read(spoiled({}, { ...others, logits: { ...logits, shape: [1, logits.data.length] } })), {
        name: "FormatError",
    });
});
