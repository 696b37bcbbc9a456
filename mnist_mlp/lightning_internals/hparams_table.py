"""The columns of TensorBoard's HParams."""

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Request, Response

HPARAMS = "/data/plugin/hparams/"


def results_first(app: WSGIApplication, results: Sequence[str]) -> WSGIApplication:
    """TensorBoard, whose HParams shows these results before the settings, and not behind them, out of sight.

    Relies on the JSON that HParams asks for: the columns, which are `hparamInfos` and then `metricInfos`, and of the
    former at first the five whose `differs` is true or whose names come first; and the rows, `sessionGroups` with
    `hparams` and `metricValues`. So a result is said to be a setting that differs, too, by which rows can be sorted.

    Args:
        app: TensorBoard.
        results: The tags of some results.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        _, of_hparams, what = environ["PATH_INFO"].rpartition(HPARAMS)
        if not of_hparams or what not in ("experiment", "session_groups"):
            return app(environ, start_response)
        asked = json.dumps(_asked(Request(environ).get_json(force=True), results)).encode()
        plain = {"wsgi.input": io.BytesIO(asked), "CONTENT_LENGTH": str(len(asked)), "HTTP_ACCEPT_ENCODING": ""}
        response = Response.from_app(app, environ | plain, buffered=True)
        if response.status_code == 200:
            said = json.loads(response.get_data())
            response.set_data(json.dumps(_columns(said, results) if what == "experiment" else _rows(said, results)))
        return response(environ, start_response)

    return answer


def _asked(request: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """What is asked for, with the results under their own names."""
    for column in request.get("colParams", []):
        if column.get("hparam") in results:
            column["metric"] = {"tag": column.pop("hparam"), "group": ""}
    return request


def _columns(experiment: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
    known = [info["name"]["tag"] for info in experiment.get("metricInfos", [])]
    first = [
        {"name": tag, "displayName": "", "description": "", "type": "DATA_TYPE_FLOAT64", "differs": True}
        for tag in results
        if tag in known
    ]
    return experiment | {"hparamInfos": first + experiment.get("hparamInfos", [])}


def _rows(answer: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
    for group in answer.get("sessionGroups", []):
        values = {each["name"]["tag"]: each.get("value") for each in group.get("metricValues", [])}
        group["hparams"] = group.get("hparams", {}) | {tag: values[tag] for tag in results if tag in values}
    return answer
