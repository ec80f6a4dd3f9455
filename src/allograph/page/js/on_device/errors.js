// What is said where this device cannot read.

/** The browser, or the network, does not let this device read by itself; the service can. */
export class UnusableDevice extends Error {
    name = "UnusableDevice";
}
