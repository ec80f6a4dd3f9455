// Log-probabilities of rows of numbers, one row a sample.

/**
 * Log-probabilities [n, size] of rows of `size` numbers; −Infinity stays, but where there is nothing else: then all are alike.
 */
export function logSoftmax(values, size) {
    const logs = Float64Array.from(values);
    for (let start = 0; start < logs.length; start += size) {
        const row = logs.subarray(start, start + size);
        if (row.every((value) => value === -Infinity)) row.fill(0);
        const total = logSum(row);
        for (let i = 0; i < size; i++) row[i] -= total;
    }
    return logs;
}

/** The logarithm of the sum of the exponentials of numbers, at least one; −Infinity where all are. */
export function logSum(numbers) {
    const highest = numbers.reduce((one, other) => Math.max(one, other), -Infinity);
    if (highest === -Infinity) return -Infinity;
    let sum = 0;
    for (const number of numbers) sum += Math.exp(number - highest);
    return highest + Math.log(sum);
}

/** The place of the first of the highest numbers. */
export function highestPlace(numbers) {
    let best = 0;
    for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i;
    return best;
}
