// Keeps the page's own files, so that it opens and takes ink without the service. What the service says is never kept here: it is
// of a writer. A file is asked for anew each time, so that no old page stays after an upgrade; the kept one is for when that fails.

const KEPT = "allograph-page-2";
const PATIENCE = 3000;
/** A test compares this list with the files that there are; what is vendored for reading on the device comes only when asked for. */
const FILES = [
    "/",
    "/manifest.webmanifest",
__FILES__
];

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
    if (event.request.method !== "GET" || origin !== location.origin || !FILES.includes(pathname)) return;
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
