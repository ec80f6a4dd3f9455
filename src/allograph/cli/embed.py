"""`allograph embed`."""

from __future__ import annotations

from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Cluster, Model, OneJob, jobs_of, print_facts, print_json, progress_bar


def embed(
    corpus: Annotated[str, typer.Argument(help="A corpus, in the model's frame; it may be a URL.")],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="The embedded corpus to write. With / at its end a folder of parts; it may be a URL."
        ),
    ],
    model: Model = None,
    jobs: OneJob = None,
    cluster: Cluster = None,
    engine: Annotated[
        str,
        typer.Option(help="What computes the model: onnxruntime, or openvino (extra openvino), whose last digits are others."),
    ] = "onnxruntime",
    as_json: AsJson = False,
) -> None:
    """Send a corpus through a model, once, so that evaluations replay it without the model."""
    from allograph.corpora.place import check_table_output
    from allograph.embedding import embed as run
    from allograph.recognizer import Recognizer, check_engine

    chosen = check_engine(engine)
    workers = jobs_of(jobs, cluster) or 1
    check_table_output(output, corpus, model)
    with progress_bar() as progress:
        done = run(corpus, Recognizer(model, engine=chosen), output, progress, workers)
    facts = {"samples": len(done), "model": done.record.model_hash, "engine": done.record.engine}
    if as_json:
        print_json({"output": output, **facts})
    else:
        print_facts(output, facts)
