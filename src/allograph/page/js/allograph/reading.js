// The answer to one sample: its label, how sure that is, and what else it may be.

/** The share of corrections that are slips of the hand or of the eye, about. */
const SLIPS = 0.02;

export class Reading {
    #values;
    #total;

    /**
     * `values` [C + own] are log-probabilities up to a constant, of `labels`; `logits` [C] are the base's, −∞ where not
     * offered.
     */
    constructor(labels, values, logits) {
        this.labels = labels;
        this.#values = values.some((value) => value > -Infinity) ? values : values.map(() => 0);
        const highest = this.#values.reduce((one, other) => Math.max(one, other));
        this.#total = highest + Math.log(this.#values.reduce((sum, value) => sum + Math.exp(value - highest), 0));
        /** The answer. */
        this.label = labels[placeOfHighest(this.#values)];
        /** The base classifier's own answer. */
        this.base = labels[placeOfHighest(logits)];
    }

    /** The log-probability of the label at a place. */
    logProbability(place) {
        return this.#values[place] - this.#total;
    }

    /** The probability of the answer, 0…1, calibrated. */
    get probability() {
        return Math.exp(this.logProbability(placeOfHighest(this.#values)));
    }

    /** The likeliest labels, the likeliest first: [{ label, probability }]. */
    best(count = 5) {
        return Array.from(this.#values.keys())
            .filter((place) => this.#values[place] > -Infinity)
            .sort((one, other) => this.#values[other] - this.#values[one] || one - other)
            .slice(0, count)
            .map((place) => ({ label: this.labels[place], probability: Math.exp(this.logProbability(place)) }));
    }

    /**
     * The probability, 0…1, that a correction to `label` is a slip; 0 for one that was not scored: against it nothing speaks.
     */
    doubt(label) {
        const place = this.labels.indexOf(label);
        if (place < 0) return 0;
        const bySlip = SLIPS / this.labels.length;
        return bySlip / (bySlip + (1 - SLIPS) * Math.exp(this.logProbability(place)));
    }
}

function placeOfHighest(numbers) {
    let highest = 0;
    for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[highest]) highest = i;
    return highest;
}
