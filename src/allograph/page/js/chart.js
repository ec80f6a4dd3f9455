// The share read rightly of the last characters, over all that were written: with the corrections and without them.

import uPlot from "../vendor/uplot.js";
import { make, percent } from "./dom.js";

const HEIGHT = 260;
const LOOKS = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

document.head.append(make("link", { rel: "stylesheet", href: "/static/vendor/uplot.css" }));

/**
 * Draw points `{ count, personal, base }` into an element, as wide as it is, in its colours, also when these change. Returns
 * how to take the chart away.
 */
export function accuracyChart(place, points) {
    let chart = plot(place, points);
    const fit = new ResizeObserver(() => {
        const width = widthOf(place);
        if (width && width !== chart.width) requestAnimationFrame(() => chart.setSize({ width, height: HEIGHT }));
    });
    const redraw = () => {
        chart.destroy();
        chart = plot(place, points);
    };
    const looks = LOOKS.map((look) => matchMedia(look));
    for (const look of looks) look.addEventListener("change", redraw);
    fit.observe(place);
    return () => {
        fit.disconnect();
        for (const look of looks) look.removeEventListener("change", redraw);
        chart.destroy();
    };
}

const widthOf = (place) => Math.floor(place.clientWidth);

function plot(place, points) {
    const look = getComputedStyle(place);
    const colour = (name) => look.getPropertyValue(name).trim();
    const share = (_, value) => (value === null || value === undefined ? "" : percent(value));
    const axis = {
        stroke: colour("--quiet"),
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { stroke: colour("--line"), width: 1 },
    };
    return new uPlot(
        {
            width: widthOf(place),
            height: HEIGHT,
            cursor: { drag: { x: false, y: false } },
            legend: { live: false },
            scales: { x: { time: false }, y: { range: (_, low) => [Math.max(0, Math.min(low ?? 0, 0.9) - 0.05), 1] } },
            axes: [
                { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
                { ...axis, size: 56, values: (_, values) => values.map((value) => `${Math.round(100 * value)} %`) },
            ],
            series: [
                { label: "characters written" },
                { label: "for you", stroke: colour("--accent"), width: 3, value: share, points: { show: points.length < 30 } },
                {
                    label: "for everybody",
                    stroke: colour("--quiet"),
                    width: 2,
                    dash: [6, 5],
                    value: share,
                    points: { show: false },
                },
            ],
        },
        [points.map(({ count }) => count), points.map(({ personal }) => personal), points.map(({ base }) => base)],
        place,
    );
}
