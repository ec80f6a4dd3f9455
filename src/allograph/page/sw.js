// Keeps the page's own files, so that it opens and takes ink without the service. What the service says is never kept here: it is
// of a writer. A file is asked for anew each time, so that no old page stays after an upgrade; the kept one is for when that fails.

const KEPT = "allograph-page-2";
const PATIENCE = 3000;
/** A test compares this list with the files that there are; what is vendored for reading on the device comes only when asked for. */
const FILES = [
    "/",
    "/manifest.webmanifest",
    "/static/icon-192.png",
    "/static/icon-512.png",
    "/static/icon.svg",
    "/static/js/announce.js",
    "/static/js/answer.js",
    "/static/js/ask.js",
    "/static/js/chart.js",
    "/static/js/connection.js",
    "/static/js/device.js",
    "/static/js/dom.js",
    "/static/js/doubt.js",
    "/static/js/drawing.js",
    "/static/js/farewell.js",
    "/static/js/gallery.js",
    "/static/js/history.js",
    "/static/js/ids.js",
    "/static/js/ink.js",
    "/static/js/labels.js",
    "/static/js/main.js",
    "/static/js/model.js",
    "/static/js/nearby.js",
    "/static/js/nearby_card.js",
    "/static/js/on_device.js",
    "/static/js/outcomes.js",
    "/static/js/pad.js",
    "/static/js/pause.js",
    "/static/js/pen_only.js",
    "/static/js/picker.js",
    "/static/js/post.js",
    "/static/js/reader.js",
    "/static/js/samples.js",
    "/static/js/service.js",
    "/static/js/sheet/documents.js",
    "/static/js/sheet/export.js",
    "/static/js/sheet/gestures.js",
    "/static/js/sheet/guide.js",
    "/static/js/sheet/keeping.js",
    "/static/js/sheet/lessons.js",
    "/static/js/sheet/library.js",
    "/static/js/sheet/line.js",
    "/static/js/sheet/mend.js",
    "/static/js/sheet/paper.js",
    "/static/js/sheet/reading.js",
    "/static/js/sheet/rows.js",
    "/static/js/sheet/text_rows.js",
    "/static/js/store.js",
    "/static/js/tray.js",
    "/static/js/views/character.js",
    "/static/js/views/data.js",
    "/static/js/views/progress.js",
    "/static/js/views/sheet.js",
    "/static/js/views/teach.js",
    "/static/js/why.js",
    "/static/js/writers.js",
    "/static/style/page.css",
    "/static/style/rooms.css",
    "/static/style/sheet.css",
    "/static/vendor/idb.js",
    "/static/vendor/perfect-freehand.js",
    "/static/vendor/uplot.css",
    "/static/vendor/uplot.js",
];

/** What reads on the device is kept from when it is first asked for; its large files are kept by itself. */
const ON_DEVICE = /^\/static\/(js\/allograph\/|js\/on_device\/|vendor\/onnxruntime-web).*\.js$/;

addEventListener("install", (event) => {
    event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES)));
    self.skipWaiting();
});

addEventListener("activate", (event) => {
    const old = caches
        .keys()
        .then((names) => names.filter((name) => name.startsWith("allograph-page") && name !== KEPT))
        .then((names) => Promise.all(names.map((name) => caches.delete(name))));
    event.waitUntil(Promise.all([old, self.clients.claim()]));
});

addEventListener("fetch", (event) => {
    const { pathname, origin } = new URL(event.request.url);
    const isOurs = FILES.includes(pathname) || ON_DEVICE.test(pathname);
    if (event.request.method !== "GET" || origin !== location.origin || !isOurs) return;
    event.respondWith(answer(event.request, pathname));
});

/** The service's answer, and the kept one where it does not come in a while. */
async function answer(request, pathname) {
    const kept = await caches.open(KEPT);
    const coming = fetch(request).then((fresh) => {
        if (fresh.ok) kept.put(pathname, fresh.clone());
        return fresh;
    });
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE));
    try {
        const fresh = await Promise.race([coming, late]);
        if (fresh.ok || fresh.status === 304) return fresh;
    } catch {
        // the service is away, or slow
    }
    return (await kept.match(pathname)) ?? coming;
}
