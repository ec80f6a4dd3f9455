// What a label is called: "l", "I" and "1" look alike, so each also has a name in words.

const SIGNS = {
    "!": "exclamation mark",
    '"': "double quote",
    "#": "hash",
    $: "dollar",
    "%": "per cent",
    "&": "ampersand",
    "'": "apostrophe",
    "(": "opening bracket",
    ")": "closing bracket",
    "*": "asterisk",
    "+": "plus",
    ",": "comma",
    "-": "hyphen",
    ".": "full stop",
    "/": "slash",
    ":": "colon",
    ";": "semicolon",
    "<": "less than",
    "=": "equals",
    ">": "greater than",
    "?": "question mark",
    "@": "at sign",
    "[": "opening square bracket",
    "\\": "backslash",
    "]": "closing square bracket",
    "^": "caret",
    _: "underscore",
    "`": "backtick",
    "{": "opening brace",
    "|": "vertical bar",
    "}": "closing brace",
    "~": "tilde",
};

/** The kinds of labels, in the order in which people look for them. */
export const KINDS = ["small letters", "capitals", "digits", "signs"];

/** Which of them a label is. */
export function kindOf(label) {
    if (/^\p{Ll}$/u.test(label)) return "small letters";
    if (/^\p{Lu}$/u.test(label)) return "capitals";
    return /^\p{Nd}$/u.test(label) ? "digits" : "signs";
}

/** "small letter l", "capital I", "digit 1", "ampersand"; other labels are their own name. */
export function nameOf(label) {
    if (SIGNS[label]) return SIGNS[label];
    return (
        { "small letters": `small letter ${label}`, capitals: `capital ${label}`, digits: `digit ${label}` }[kindOf(label)] ??
        label
    );
}

/** What is typed as one label: composed, without spaces around it. */
export const asLabel = (text) => text.trim().normalize("NFC");

/** Whether a keyboard has it: a letter, digit or sign of ASCII. */
export const isUsual = (label) => /^[!-~]$/.test(label);
