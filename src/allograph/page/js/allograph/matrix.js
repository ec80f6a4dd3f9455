// Products and inverses of matrices, which are Float64Arrays, row by row.

/** Rows whose products with those before them are found together; those after them are theirs, mirrored. */
const BLOCK = 32;

/** The inner products [m, n] of each of the rows `one` [m, k] with each of the rows `other` [n, k]. */
export function innerProducts(one, other, k) {
    const m = one.length / k;
    const n = other.length / k;
    const products = new Float64Array(m * n);
    let i = 0;
    for (; i + 1 < m; i += 2) {
        // two rows with four at a time: what was loaded is used again
        const a0 = i * k;
        const a1 = a0 + k;
        let j = 0;
        for (; j + 3 < n; j += 4) {
            const b0 = j * k;
            const b1 = b0 + k;
            const b2 = b1 + k;
            const b3 = b2 + k;
            let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
            for (let t = 0; t < k; t++) {
                const x0 = one[a0 + t];
                const x1 = one[a1 + t];
                const y0 = other[b0 + t];
                const y1 = other[b1 + t];
                const y2 = other[b2 + t];
                const y3 = other[b3 + t];
                s00 += x0 * y0;
                s01 += x0 * y1;
                s02 += x0 * y2;
                s03 += x0 * y3;
                s10 += x1 * y0;
                s11 += x1 * y1;
                s12 += x1 * y2;
                s13 += x1 * y3;
            }
            const p0 = i * n + j;
            const p1 = p0 + n;
            products[p0] = s00;
            products[p0 + 1] = s01;
            products[p0 + 2] = s02;
            products[p0 + 3] = s03;
            products[p1] = s10;
            products[p1 + 1] = s11;
            products[p1 + 2] = s12;
            products[p1 + 3] = s13;
        }
        for (; j < n; j++) {
            products[i * n + j] = innerProduct(one, a0, other, j * k, k);
            products[(i + 1) * n + j] = innerProduct(one, a1, other, j * k, k);
        }
    }
    if (i < m) for (let j = 0; j < n; j++) products[i * n + j] = innerProduct(one, i * k, other, j * k, k);
    return products;
}

/** The inner products [m, m] of rows [m, k] with one another. */
export function gram(rows, k) {
    const m = rows.length / k;
    const products = new Float64Array(m * m);
    for (let first = 0; first < m; first += BLOCK) {
        const last = Math.min(first + BLOCK, m);
        const part = innerProducts(rows.subarray(first * k, last * k), rows.subarray(0, last * k), k);
        for (let i = first; i < last; i++) {
            for (let j = 0; j < last; j++) products[i * m + j] = products[j * m + i] = part[(i - first) * last + j];
        }
    }
    return products;
}

/** The inner product of `count` numbers of one array from a place with as many of another. */
export function innerProduct(one, place, other, otherPlace, count) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0]; // four sums, none of which waits for another
    let t = 0;
    for (; t + 3 < count; t += 4) {
        s0 += one[place + t] * other[otherPlace + t];
        s1 += one[place + t + 1] * other[otherPlace + t + 1];
        s2 += one[place + t + 2] * other[otherPlace + t + 2];
        s3 += one[place + t + 3] * other[otherPlace + t + 3];
    }
    for (; t < count; t++) s0 += one[place + t] * other[otherPlace + t];
    return s0 + s1 + s2 + s3;
}

/** The transpose [n, m] of a matrix [m, n]. */
export function transpose(matrix, n) {
    const m = n ? matrix.length / n : 0;
    const turned = new Float64Array(matrix.length);
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) turned[j * m + i] = matrix[i * n + j];
    return turned;
}

/** The lower triangular L [n, n] with L Lᵀ the symmetric positive definite `matrix`; what is above the diagonal is 0. */
export function cholesky(matrix, n) {
    const lower = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
        for (let j = 0; j <= i; j++) {
            const left = matrix[i * n + j] - innerProduct(lower, i * n, lower, j * n, j);
            lower[i * n + j] = i === j ? Math.sqrt(left) : left / lower[j * n + j];
        }
    }
    return lower;
}

/** The Y [c, n] with L Yᵀ = `columns`ᵀ [n, c], for a lower triangular L [n, n]; put in the place of `columns`. */
export function solveLower(lower, columns, n) {
    const c = columns.length / n;
    let j = 0;
    for (; j + 3 < c; j += 4) {
        const y0 = j * n;
        const y1 = y0 + n;
        const y2 = y1 + n;
        const y3 = y2 + n;
        for (let i = 0; i < n; i++) {
            const row = i * n;
            let [s0, s1, s2, s3] = [columns[y0 + i], columns[y1 + i], columns[y2 + i], columns[y3 + i]];
            for (let t = 0; t < i; t++) {
                const factor = lower[row + t];
                s0 -= factor * columns[y0 + t];
                s1 -= factor * columns[y1 + t];
                s2 -= factor * columns[y2 + t];
                s3 -= factor * columns[y3 + t];
            }
            const diagonal = lower[row + i];
            columns[y0 + i] = s0 / diagonal;
            columns[y1 + i] = s1 / diagonal;
            columns[y2 + i] = s2 / diagonal;
            columns[y3 + i] = s3 / diagonal;
        }
    }
    for (; j < c; j++) {
        for (let i = 0; i < n; i++) {
            columns[j * n + i] = (columns[j * n + i] - innerProduct(lower, i * n, columns, j * n, i)) / lower[i * n + i];
        }
    }
    return columns;
}

/** The inverse [n, n] of a symmetric positive definite matrix. */
export function inverse(matrix, n) {
    const unit = new Float64Array(n * n);
    for (let i = 0; i < n; i++) unit[i * n + i] = 1;
    const turned = solveLower(cholesky(matrix, n), unit, n);
    return gram(turned, n);
}
