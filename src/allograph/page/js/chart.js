// The share read rightly of the last characters, over all that were taught: with the corrections and without them.

import uPlot from "../vendor/uplot.js";
import { make, percent } from "./dom.js";

const HEIGHT = 260;

document.head.append(make("link", { rel: "stylesheet", href: "/static/vendor/uplot.css" }));

/** Draw points `{ corrections, base, personal }` into an element; returns how to take the chart away. */
export function accuracyChart(place, points) {
    const look = getComputedStyle(document.documentElement);
    const colour = (name) => look.getPropertyValue(name).trim();
    const share = (_, value) => (value === null || value === undefined ? "" : percent(value));
    const shown = points.map((point) => point.recent ?? point);
    const axis = {
        stroke: colour("--quiet"),
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { stroke: colour("--line"), width: 1 },
    };
    const width = () => Math.max(place.clientWidth, 240);
    const chart = new uPlot(
        {
            width: width(),
            height: HEIGHT,
            cursor: { drag: { x: false, y: false } },
            legend: { live: false },
            scales: { x: { time: false }, y: { range: (_, low) => [Math.max(0, Math.min(low ?? 0, 0.9) - 0.05), 1] } },
            axes: [
                { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
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
        [points.map(({ corrections }) => corrections), shown.map(({ personal }) => personal), shown.map(({ base }) => base)],
        place,
    );
    const fit = new ResizeObserver(() => chart.setSize({ width: width(), height: HEIGHT }));
    fit.observe(place);
    return () => {
        fit.disconnect();
        chart.destroy();
    };
}
