// The errors that this package raises on purpose: what was wrong, and what to do.

/** Something handed in cannot be used. */
export class InputError extends Error {
    name = "InputError";
}

/** A file or a blob is truncated, foreign, damaged, or of another version of its format. */
export class FormatError extends InputError {
    name = "FormatError";
}

/** An image or ink has the wrong form, or shows nothing. */
export class ImageError extends InputError {
    name = "ImageError";
}

/** Two things that must agree do not: the adapter, its version, the model. */
export class MismatchError extends InputError {
    name = "MismatchError";
}

/** A label that the alphabet does not hold. */
export class UnknownLabel extends InputError {
    name = "UnknownLabel";
}
